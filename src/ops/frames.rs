//! The frame table as the operations see it: chunks of rows that are numbered through.

use ndarray::ArcArray2;

/// The chunk of a frame table that holds `frame`, and the frame's row in it.
#[inline]
pub fn locate(chunks: &[ArcArray2<f32>], frame: usize) -> (usize, usize) {
    let mut row = frame;
    for (chunk, frames) in chunks.iter().enumerate() {
        if row < frames.nrows() {
            return (chunk, row);
        }
        row -= frames.nrows();
    }
    panic!("frame {frame} is beyond the end of the table");
}
