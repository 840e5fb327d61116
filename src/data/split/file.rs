//! The file of a split, `split.json`: every run writes one, and a user may give one.

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
    /// The split as JSON: its kind, the hash of the data set, and the indices of every fold.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain data")
    }

    /// Reads and audits a split in the format of [`Split::to_json`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) for another format or data set, and those of
    /// [`Split::new`].
    pub fn from_json(text: &str, dataset: &Dataset) -> Result<Self> {
        let file: SplitFile = serde_json::from_str(text).map_err(|e| {
            // No backticks: the file has keys, and the command line would print them as options.
            let found = e.to_string().replace('`', "\"");
            Error::data(format!("not a split file: {found}")).caused_by(e)
        })?;
        let hash = dataset.hash();
        if file.dataset != hash {
            return Err(Error::data(format!(
                "the split was made for other data: its data set has the hash {}, this one {}",
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
