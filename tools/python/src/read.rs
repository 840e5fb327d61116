//! Recordings as arrays.

use crate::background;
use crate::errors::OrRaise;
use crate::settings::config;
use engine::experiment::export;
use pyo3::prelude::*;
use std::path::PathBuf;

/// Reads recordings, cuts them as a run would, and writes the arrays to an `.npz` file.
#[pyfunction]
pub fn read(py: Python<'_>, settings: &str, out: PathBuf, observer: Bound<'_, PyAny>) -> PyResult<()> {
    let config = config(settings).or_raise()?;
    background::run(py, config.run.threads, observer, |reports| export(&config, &out, reports).map(drop))
}
