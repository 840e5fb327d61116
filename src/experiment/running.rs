//! A run in training: its saved state and its open files, and how it records what happens.

use super::prepare::Experiment;
use crate::backend::DeviceId;
use crate::error::Result;
use crate::metrics::Prediction;
use crate::progress::Progress;
use crate::run::{Bound, Epochs, MetricsLog, Predictions, Resume, RunFolder, hash};
use crate::train::{FoldResult, State};
use std::path::Path;

/// A run that has begun or goes on.
pub(super) struct Running<'a> {
    pub(super) experiment: &'a Experiment,
    pub(super) folder: &'a RunFolder,
    /// Numbers of the folds that it trains.
    pub(super) folds: &'a [usize],
    /// The saved state, or the one to go on from.
    pub(super) resume: Resume,
    /// The files that the next saved state belongs to, but for the logs.
    pub(super) bound: Bound,
    /// Of the complete fold groups.
    pub(super) predictions: Vec<Prediction>,
    pub(super) metrics: MetricsLog,
    pub(super) epochs: Epochs,
}

impl Running<'_> {
    /// The name of its folder.
    pub(super) fn name(&self) -> String {
        self.folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The folds that are trained at once, group by group.
    pub(super) fn groups(&self) -> Vec<Vec<usize>> {
        self.experiment.groups(self.folds)
    }

    /// Saves where it stands: so many fold groups are complete, and `state` is that of the next.
    pub(super) fn save(
        &mut self,
        fold_groups_done: usize,
        state: Option<State>,
        device: DeviceId,
    ) -> Result<()> {
        let log_lengths = [self.metrics.sync()?, self.epochs.sync()?];
        self.bound.logs = [self.metrics.hash(), self.epochs.hash()];
        let bound = Some(self.bound.clone());
        self.resume = Resume { fold_groups_done, state, log_lengths, device, bound };
        self.resume.write(self.folder)?;
        // It is written, and as large as four copies of all weights.
        self.resume.state = None;
        Ok(())
    }

    /// Keeps what the folds of a group leave: checkpoints and predictions.
    pub(super) fn keep(&mut self, results: Vec<FoldResult>, progress: &dyn Progress) -> Result<()> {
        for result in &results {
            self.bound.checkpoints.extend(self.save_fold(result)?);
            let fold = &self.experiment.fold_names[result.number as usize];
            progress.detail(&format!("{}, fold {fold}: best epoch {}", self.name(), result.best_epoch));
        }
        let names = self.experiment.names();
        self.predictions.extend(results.into_iter().flat_map(|result| result.predictions));
        // Folds that chose one network train together, whatever their order.
        self.predictions.sort_by_key(|prediction| prediction.fold);
        Predictions::write(self.folder, &self.predictions, names)?;
        self.bound.predictions = Predictions::hash(&self.predictions, names)?;
        Ok(())
    }

    /// Saves the weights of a fold. Returns the names and hashes of the files.
    fn save_fold(&self, result: &FoldResult) -> Result<Vec<(String, String)>> {
        let mut saved = Vec::new();
        for (which, weights, epoch) in
            [("best", &result.best, result.best_epoch), ("last", &result.last, result.last_epoch)]
        {
            let checkpoint = self.experiment.checkpoint_of(result, weights, epoch);
            let name = RunFolder::checkpoint(Path::new(""), which, result.number);
            let (name, bytes) = (name.to_string_lossy().into_owned(), checkpoint.to_bytes()?);
            self.folder.write(&name, &bytes)?;
            saved.push((name, hash(&bytes)));
        }
        Ok(saved)
    }
}
