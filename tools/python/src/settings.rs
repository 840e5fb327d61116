//! Settings, as TOML that Python writes, and their defaults.

use crate::errors::OrRaise;
use engine::config::Config;
use engine::{Error, Result};
use pyo3::prelude::*;
use std::error::Error as _;

/// The configuration with these settings. An error names the setting, for nobody sees the lines.
pub fn config(text: &str) -> Result<Config> {
    Config::from_toml(text).map_err(|error| {
        let Some(wrong) = error.source().and_then(|source| source.downcast_ref::<toml::de::Error>()) else {
            return error;
        };
        let line =
            wrong.span().and_then(|span| text.get(..span.end)).and_then(|before| before.lines().last());
        let key = line.and_then(|line| line.split_once(" = ")).map_or("settings", |(key, _)| key);
        let named = Error::config(format!("{key}: {}", wrong.message().replace('`', "\"")));
        match error.hint {
            Some(hint) => named.hint(hint),
            None => named,
        }
    })
}

/// All settings with a default, as JSON by section.
#[pyfunction]
pub fn defaults() -> PyResult<String> {
    serde_json::to_string(&Config::default()).map_err(|e| Error::config(e.to_string())).or_raise()
}
