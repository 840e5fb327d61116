//! The end of a run without a test part: it has networks, and no scores.

use super::prepare::Experiment;
use super::run::Ending;
use crate::data::split::UNTESTED;
use crate::error::Result;
use crate::run::{Manifest, RunFolder};

impl Experiment {
    /// Finishes a run of which nothing is scored.
    pub(super) fn conclude_unscored(&self, folder: &RunFolder) -> Result<Ending> {
        Manifest::seal(folder)?;
        Ok(Ending::Unscored)
    }

    /// The words for whoever expects scores: on how many sequences the networks of these folds were trained.
    pub fn unscored(&self, selection: &[usize]) -> String {
        let folds = selection.iter().filter_map(|&fold| self.split.folds().get(fold));
        let counts = folds.map(|fold| {
            let (train, validation) = (fold.train().sequences().len(), fold.validation().len());
            match validation {
                0 => format!("{train} sequences, all epochs"),
                _ => format!("{train} sequences, and {validation} to stop early by"),
            }
        });
        format!("Trained on {}. It tests {UNTESTED}.", counts.collect::<Vec<_>>().join("; "))
    }
}
