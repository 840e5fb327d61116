//! From files to sequences.

pub mod npz;
pub mod recording;
pub mod ts;
