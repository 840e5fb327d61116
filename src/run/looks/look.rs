//! A look: one scoring of weights on test trials, a line of the ledger.

use super::trials::Trials;
use crate::run::{Manifest, RunFolder};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::SystemTime;

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    /// Version of the line.
    pub(super) format: u32,
    /// The run's name.
    pub(super) run: String,
    /// When the run began, in seconds since 1970: a later run may have its name.
    pub(super) begun: u64,
    /// The weights that were scored: `best` or `last`.
    pub(super) checkpoint: String,
    /// Their hash; `None` if they are gone.
    pub(super) weights: Option<String>,
    /// When they were scored, in seconds since 1970. Of a run that was scored before there was a ledger: when
    /// that was noticed.
    pub(super) unix_time: u64,
    /// The rule that made classes of ratings, in words.
    pub(super) labels: String,
    /// The test trials.
    pub(super) trials: Trials,
    /// The accuracy of trials.
    pub(super) score: Option<f64>,
    /// The number of the look among those that share test trials, from 1.
    pub(super) number: usize,
}

impl Look {
    /// Whether both are of the same weights, so that the second shows nobody anything new.
    pub(super) fn is_again(&self, other: &Look) -> bool {
        match (&self.weights, &other.weights) {
            (Some(weights), Some(others)) => weights == others,
            _ => self.checkpoint == other.checkpoint && self.is_of(&other.run, other.begun),
        }
    }

    /// Whether it is one of this run.
    pub(super) fn is_of(&self, run: &str, begun: u64) -> bool {
        self.run == run && self.begun == begun
    }
}

/// The hash of the saved weights of these folds; `None` if some are missing.
pub(super) fn weights(run: &Path, which: &str, folds: impl IntoIterator<Item = u32>) -> Option<String> {
    let mut hasher = blake3::Hasher::new();
    for fold in folds {
        let bytes = std::fs::read(RunFolder::checkpoint(run, which, fold)).ok()?;
        hasher.update(blake3::hash(&bytes).as_bytes());
    }
    Some(hasher.finalize().to_hex()[..32].to_string())
}

/// The name of a run's folder.
pub(super) fn name(run: &Path) -> String {
    run.file_name().unwrap_or(run.as_os_str()).to_string_lossy().into_owned()
}

/// A look at trials of a run, not yet counted.
pub(super) fn uncounted(
    run: &Path,
    manifest: &Manifest,
    checkpoint: &str,
    folds: impl IntoIterator<Item = u32>,
    trials: Trials,
    score: Option<f64>,
) -> Look {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Look {
        format: crate::run::FORMAT,
        run: name(run),
        begun: manifest.unix_time,
        checkpoint: checkpoint.into(),
        weights: weights(run, checkpoint, folds),
        unix_time: now.map_or(0, |time| time.as_secs()),
        labels: manifest.dataset.labels.clone(),
        trials,
        score,
        number: 0,
    }
}
