//! The tile of a GEMM's result that a block computes.

/// A tile of gemm_tile.cu: its warps are two down and `threads / 64` across, each with `warp_rows` rows and
/// 32 columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// WARP_ROWS of the kernel.
    pub warp_rows: u32,
    /// Threads of a block.
    pub threads: u32,
}

impl Tile {
    /// The tiles, the largest first: 128 by 128, 128 by 64 and 64 by 64.
    pub const ALL: [Tile; 3] = [
        Tile { warp_rows: 64, threads: 256 },
        Tile { warp_rows: 64, threads: 128 },
        Tile { warp_rows: 32, threads: 128 },
    ];
    /// The smallest.
    pub const SMALL: Tile = Tile::ALL[2];

    /// Rows of the tile.
    pub const fn rows(self) -> usize {
        2 * self.warp_rows as usize
    }

    /// Columns of the tile.
    pub const fn columns(self) -> usize {
        self.threads as usize / 2
    }

    /// How many tiles cover a matrix.
    pub fn count(self, rows: usize, columns: usize) -> usize {
        rows.div_ceil(self.rows()) * columns.div_ceil(self.columns())
    }

    /// The largest of the tiles that compute at most an eighth more elements than the tile that computes the
    /// fewest outside of the matrix.
    pub fn of(rows: usize, columns: usize) -> Self {
        let elements = |tile: &Tile| tile.count(rows, columns) * tile.rows() * tile.columns();
        let fewest = Tile::ALL.iter().map(elements).min().expect("there are tiles");
        let most = fewest + fewest / 8;
        Tile::ALL.into_iter().find(|tile| elements(tile) <= most).expect("one has the fewest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_gets_the_largest_tile_that_wastes_little() {
        for (rows, columns, expected) in [
            (32768, 256, (128, 128)),
            (1952, 256, (128, 128)),
            (512, 289, (128, 64)),
            (1024, 417, (128, 64)),
            (128, 1, (128, 64)),
            (64, 64, (64, 64)),
            (1, 1, (64, 64)),
        ] {
            let tile = Tile::of(rows, columns);
            assert_eq!((tile.rows(), tile.columns()), expected, "{rows} by {columns}");
        }
        assert_eq!(Tile::SMALL.count(65, 64), 2);
    }
}
