//! Comparisons of finished runs.

use crate::errors::OrRaise;
use engine::compare::RunComparison;
use engine::{Error, Result};
use pyo3::prelude::*;
use std::path::PathBuf;

/// The comparison as JSON, as a table in words, and as a page.
#[pyfunction]
pub fn compare(py: Python<'_>, runs: Vec<PathBuf>, by_fold: bool) -> PyResult<(String, String, String)> {
    let compare = || -> Result<_> {
        let comparison = RunComparison::of(&runs, by_fold)?;
        let json = serde_json::to_string(&comparison).map_err(|e| Error::data(format!("comparison: {e}")))?;
        Ok((json, comparison.table(), comparison.page()))
    };
    py.detach(compare).or_raise()
}
