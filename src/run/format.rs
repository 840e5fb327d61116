//! The version of a run's files.

use crate::error::{Error, Result};
use serde::Deserialize;
use std::path::Path;

/// The version of the files that this program writes, one number for all files of a run. JSON files have it
/// under `format`, safetensors files in their metadata. Tables and logs (CSV, JSON lines) have none of their
/// own: the manifest beside them speaks for them. Files of version 0 name no version.
pub const FORMAT: u32 = 3;

/// Refuses a file of a newer version.
///
/// # Errors
/// [`ErrorKind::Data`](crate::error::ErrorKind::Data), which names both versions.
pub fn refuse_newer(found: u32) -> Result<()> {
    match found <= FORMAT {
        true => Ok(()),
        false => Err(Error::data(format!(
            "the file has format version {found}, and this engine {} reads versions up to {FORMAT}",
            env!("CARGO_PKG_VERSION")
        ))
        .hint("use the version of engine that wrote it, or a newer one")),
    }
}

/// The `format` of a JSON text; 0 where it names none.
#[derive(Deserialize)]
pub(super) struct Versioned {
    #[serde(default)]
    pub(super) format: u32,
}

/// Reads a JSON file of a run. The version comes first: a newer file may have fields that nobody knows yet.
pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    let broken = |e: serde_json::Error| Error::data(format!("{}: {e}", path.display())).caused_by(e);
    let Versioned { format } = serde_json::from_str(&text).map_err(broken)?;
    refuse_newer(format).map_err(|e| e.at(path.display()))?;
    serde_json::from_str(&text).map_err(broken)
}

/// Refuses a JSON file of a newer version, and reads no further.
pub(super) fn refuse_newer_json(path: &Path) -> Result<()> {
    read_json::<serde_json::Value>(path).map(drop)
}

/// The text of a JSON file of a run.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).expect("the files of a run are plain values");
    format!("{value:#}\n")
}
