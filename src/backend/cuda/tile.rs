//! The tile of a GEMM's result that a block computes.

/// A tile of gemm_tile.cu, of which each of four warps computes a quarter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// Rows of the tile.
    pub rows: usize,
    /// Columns of the tile.
    pub columns: usize,
}

impl Tile {
    /// The tiles, the largest first.
    pub const ALL: [Tile; 3] =
        [Tile { rows: 128, columns: 128 }, Tile { rows: 128, columns: 64 }, Tile { rows: 64, columns: 64 }];
    /// The smallest.
    pub const SMALL: Tile = Tile::ALL[2];

    /// The constants of its kernels.
    pub fn constants(self) -> [(&'static str, u32); 3] {
        [("TILE_ROWS", self.rows as u32), ("TILE_COLUMNS", self.columns as u32), ("THREADS", 4 * 32)]
    }

    /// How many tiles cover a matrix.
    pub fn count(self, rows: usize, columns: usize) -> usize {
        rows.div_ceil(self.rows) * columns.div_ceil(self.columns)
    }

    /// The tile with which `multiprocessors` compute `matrices` of this size earliest: of those with which
    /// they move the fewest operands one after the other, the largest. A block moves a row of A for each row
    /// and a column of B for each column of its tile, and that takes longer than the products.
    pub fn of([rows, columns]: [usize; 2], matrices: usize, multiprocessors: usize) -> Self {
        let moved = |tile: &Tile| {
            let blocks = tile.count(rows, columns) * matrices;
            blocks.div_ceil(multiprocessors) * (tile.rows + tile.columns)
        };
        Tile::ALL.into_iter().min_by_key(moved).expect("there are tiles")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_gets_the_tile_that_moves_the_fewest_operands() {
        for (size, matrices, multiprocessors, expected) in [
            ([32768, 256], 1, 132, (128, 128)),
            // Alone it needs small blocks to occupy the GPU.
            ([1920, 256], 1, 132, (64, 64)),
            ([1920, 256], 32, 132, (128, 128)),
            ([512, 289], 1, 1, (128, 128)),
            ([512, 193], 1, 1, (128, 128)),
            ([512, 64], 1, 1, (128, 64)),
            ([128, 1], 1, 1, (128, 64)),
            ([64, 64], 1, 1, (64, 64)),
            ([1, 1], 1, 1, (64, 64)),
        ] {
            let tile = Tile::of(size, matrices, multiprocessors);
            assert_eq!((tile.rows, tile.columns), expected, "{size:?} {matrices}");
        }
        assert_eq!(Tile::SMALL.count(65, 64), 2);
    }
}
