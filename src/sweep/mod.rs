//! Many cross-validations: every combination of a grid of options, for several seeds. The folder of a sweep
//! is its only state, so that any number of processes, on any machines that share it, work at one sweep.

mod claim;
mod claimed;
mod collect;
mod folder;
mod grid;
mod member;
mod page;
mod prepared;
mod worker;

pub use claim::{Owner, STALE};
pub use collect::{Chance, Collection, Setting};
pub use folder::{State, Sweep};
pub use grid::{Settings, Task};
pub use prepared::{Prepared, folds};
pub use worker::{Outcome, Worker};
