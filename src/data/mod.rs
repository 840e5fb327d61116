//! From files to sequences.

pub mod deap;
pub mod demo;
pub mod recording;
