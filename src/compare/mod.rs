//! Finished runs of the same test trials, compared pair by pair.

mod comparison;
#[cfg(feature = "cli")]
mod page;
mod runs;
#[cfg(feature = "cli")]
mod table;
mod words;

pub use comparison::{Entry, Pair, RunComparison};
pub use runs::Unit;
