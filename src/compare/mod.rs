//! Finished runs of the same test trials, compared pair by pair.

mod comparison;
mod page;
mod runs;
mod table;
mod words;

pub use comparison::{Entry, Pair, RunComparison};
pub use runs::Unit;
