//! The program `engine`.

use pyo3::prelude::*;
use std::ffi::OsString;

/// Runs a command line, of which the first word is the name of the program. Returns the exit code.
#[pyfunction]
pub fn command_line(py: Python<'_>, args: Vec<OsString>) -> u8 {
    py.detach(|| engine::cli::run_from(args))
}
