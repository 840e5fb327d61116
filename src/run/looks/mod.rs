//! Looks at test trials: the ledger of all scorings of the runs in one folder.
//!
//! Whoever scores many runs on the same test trials and reports the best one reports luck, too. So each
//! scoring leaves a line in [`LEDGER`], beside the runs, and every score says how many there were. The ledger
//! outlives the runs: a run that is deleted stays counted.

mod adopt;
mod count;
mod ledger;
mod look;
mod trials;

pub use count::count;
pub use ledger::LEDGER;
#[cfg(feature = "cli")]
pub(crate) use trials::Trials;
