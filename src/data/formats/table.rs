//! The table of formats.

use super::deap::Deap;
use super::demo::Demo;
use super::format::Format;
use super::npz::Npz;
use super::ts::Ts;

/// Every format that is read. The first that recognizes a place reads it.
pub static FORMATS: [&dyn Format; 4] = [&Demo, &Npz, &Deap, &Ts];

/// The files that are read, as a list.
pub fn all() -> String {
    FORMATS.iter().map(|format| format.reads()).collect::<Vec<_>>().join("; ")
}
