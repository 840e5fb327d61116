//! Matrices in the order in which the micro-kernels read them.

use super::memory::Aligned;

/// Most vectors of a block of columns in [`Columns`].
pub const COLUMN_VECTORS: usize = 4;

/// A matrix `(K, N)` cut into blocks of up to four vectors of columns, each block `(K, vectors, LANES)`;
/// columns past `N` are 0.
pub struct Columns {
    lanes: usize,
    depth: usize,
    columns: usize,
    data: Aligned,
}

impl Columns {
    pub fn zeros(depth: usize, columns: usize, lanes: usize) -> Self {
        Columns { lanes, depth, columns, data: Aligned::zeros(depth * columns.next_multiple_of(lanes)) }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    pub fn load(&mut self, matrix: &[f32]) {
        for (first, vectors) in self.blocks() {
            let width = vectors * self.lanes;
            let count = width.min(self.columns - first);
            for k in 0..self.depth {
                self.data[first * self.depth + k * width..][..count]
                    .copy_from_slice(&matrix[k * self.columns + first..][..count]);
            }
        }
    }

    /// First column and number of vectors of every block.
    pub fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (lanes, vectors) = (self.lanes, self.columns.div_ceil(self.lanes));
        (0..vectors)
            .step_by(COLUMN_VECTORS)
            .map(move |first| (first * lanes, COLUMN_VECTORS.min(vectors - first)))
    }

    /// The block that begins at column `first`.
    pub fn block(&self, first: usize) -> *const f32 {
        self.data[first * self.depth..].as_ptr()
    }
}
