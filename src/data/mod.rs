//! From files to sequences.

pub mod recording;
