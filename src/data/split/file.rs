//! A split as a file: what a run records, and what a user may bring.

use super::Split;
use super::fold::Fold;
use super::kind::SplitKind;
use crate::data::sequences::Dataset;
use crate::error::{Error, Result};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitFile {
    kind: SplitKind,
    dataset: String,
    folds: Vec<Fold>,
}

impl Split {
    /// The split as JSON: kind, hash of the data set, and the indices of every fold.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain data")
    }

    /// Reads what [`Split::to_json`] wrote, or what somebody wrote by hand, and audits it like any other split.
    pub fn from_json(text: &str, dataset: &Dataset) -> Result<Self> {
        let file: SplitFile =
            serde_json::from_str(text).map_err(|e| Error::data(format!("not a split file: {e}")))?;
        let hash = dataset.hash();
        if file.dataset != hash {
            return Err(Error::data(format!(
                "the split was made for other data: its data set is {}, this one {}",
                abbreviate(&file.dataset),
                abbreviate(&hash)
            ))
            .hint("use the same recordings, channels, windows and labels"));
        }
        Split::new(file.kind, file.folds, dataset)
    }
}

/// The first digits of a hash.
fn abbreviate(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
