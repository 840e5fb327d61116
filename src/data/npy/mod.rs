//! NumPy's `.npy` format: one array, in versions 1 to 3, read strictly and written as NumPy does.
//!
//! The reader allocates nothing that the file does not hold: the sizes in a header are compared with the
//! length of the file first.

mod array;
mod elements;
mod fault;
mod header;
mod values;

pub use array::{Array, read, write};
pub use header::MAGIC;
pub use values::Values;
