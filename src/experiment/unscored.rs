//! The end of a run without a test part: it has networks, and no scores.

use super::prepare::Experiment;
use super::running::Running;
use crate::data::split::UNTESTED;
use crate::error::Result;
use crate::run::{Manifest, Status};

impl Running<'_> {
    /// Finishes a run of which nothing is scored.
    pub(super) fn conclude_unscored(&self) -> Result<()> {
        Manifest::seal(self.folder)?;
        Status::Finished.write(self.folder)
    }
}

impl Experiment {
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
