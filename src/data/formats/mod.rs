//! The formats that are read. Contents decide which one a path is of; its name helps only to explain why it
//! is of none.

mod deap;
mod demo;
mod describe;
mod find;
mod folder;
mod format;
mod missing;
mod npz;
mod parallel;
mod place;
mod table;
mod ts;

pub use describe::describe;
pub use find::open;
pub use format::{Defaults, Each, Facts, Format, Reader, Request, TrialExtent};
pub use place::{Entry, Place};
pub use table::FORMATS;
