//! From files to sequences.

pub mod deap;
pub mod recording;
