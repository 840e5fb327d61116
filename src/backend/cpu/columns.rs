//! Matrices in the order in which the micro-kernels read them.

use super::format::{Format, Layout};
use super::memory::Aligned;

/// Most vectors of a block of columns in [`Columns`].
pub const COLUMN_VECTORS: usize = 4;

/// A matrix `(K, N)` cut into blocks of up to four vectors of columns, each block `(K, vectors, LANES)` words
/// of a format; columns past `N` are 0, as is what follows an odd `K` in a pair.
pub struct Columns {
    layout: Layout,
    depth: usize,
    columns: usize,
    words: Aligned,
}

impl Columns {
    pub fn zeros(depth: usize, columns: usize, layout: Layout) -> Self {
        let words = Aligned::zeros(Columns::words(depth, columns, layout));
        Columns { layout, depth, columns, words }
    }

    /// Words of such a matrix.
    #[inline]
    pub fn words(depth: usize, columns: usize, layout: Layout) -> usize {
        layout.words(depth) * columns.next_multiple_of(layout.lanes)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// From `matrix (K, N)`.
    pub fn load<E: Format>(&mut self, matrix: &[f32]) {
        assert!(E::PAIR == self.layout.pair, "columns of another format");
        let numbers: &mut [E::Number] = bytemuck::cast_slice_mut(&mut self.words);
        for (first, vectors) in blocks(self.columns, self.layout.lanes) {
            let width = vectors * self.layout.lanes;
            let count = width.min(self.columns - first);
            let block = &mut numbers[first * self.layout.words(self.depth) * E::PAIR..];
            for (k, row) in matrix.chunks_exact(self.columns).take(self.depth).enumerate() {
                let words = &mut block[k / E::PAIR * width * E::PAIR..][..count * E::PAIR];
                // By index: not every iterator over parts of a word is inlined.
                let row = &row[first..][..count];
                for i in 0..count {
                    words[i * E::PAIR + k % E::PAIR] = E::round(row[i]);
                }
            }
        }
    }

    /// First column and number of vectors of every block.
    pub fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        blocks(self.columns, self.layout.lanes)
    }

    /// The block that begins at column `first`.
    #[inline]
    pub fn block<E: Format>(&self, first: usize) -> *const E::Number {
        assert!(E::PAIR == self.layout.pair, "columns of another format");
        self.words[first * self.layout.words(self.depth)..].as_ptr().cast()
    }
}

fn blocks(columns: usize, lanes: usize) -> impl Iterator<Item = (usize, usize)> {
    let vectors = columns.div_ceil(lanes);
    (0..vectors)
        .step_by(COLUMN_VECTORS)
        .map(move |first| (first * lanes, COLUMN_VECTORS.min(vectors - first)))
}
