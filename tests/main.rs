//! All tests that see the crate from outside: one binary, one line per module on what belongs there.

/// Files that must be refused: damaged, hostile, or not DEAP at all.
mod attacks;
/// DEAP's checks on a subject and on a folder of subjects.
mod deap;
/// The generator: its files are DEAP's, its knobs do what they say.
mod demo;
/// Helper: how much memory a piece of work takes.
mod memory;
/// Helper: writes pickles, honest and hostile ones.
mod opcodes;
/// Every way in which Python and NumPy have saved the same two arrays.
mod pickle;
