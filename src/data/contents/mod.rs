//! The contents of a data set: which of its series hold the same samples, under whatever name.
//!
//! A split keeps groups apart by their names, and names may be wrong: a person twice, a window copied as
//! another trial, windows that were cut with an overlap. Each series therefore leaves a [`Sketch`] when it is
//! read, and [`Contents`] finds the stretches that two sketches share. docs/evaluation.md has the method and
//! its error rates.

mod comparison;
mod evidence;
mod exact;
mod known;
mod lazy;
mod marks;
mod near;
mod patches;
mod resolution;
mod rows;
mod sketch;
mod sketches;
mod stretch;

pub use comparison::Contents;
pub use known::{KnownTrial, TrainedContents};
pub use lazy::LazyContents;
pub use sketch::Sketch;
pub use sketches::Sketches;
pub use stretch::{Likeness, Shared};
