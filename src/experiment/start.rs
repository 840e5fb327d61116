//! Where a run begins or goes on: the saved state, and the files that belong to it.

use super::alike::alike;
use super::device_change::refuse_other_device;
use super::prepare::Experiment;
use super::running::Running;
use crate::error::{Error, Result};
use crate::run::{Choices, Epochs, Log, MetricsLog, Predictions, Resume, RunFolder, check_hash};

impl Experiment {
    /// The folds that are trained at once, group by group: only folds of one network and one kind of steps
    /// train together.
    pub(super) fn groups(&self, selection: &[usize]) -> Vec<Vec<usize>> {
        let train_together = |a: usize, b: usize| {
            self.network_of(a) == self.network_of(b) && self.spec_of(a).trains_with(self.spec_of(b))
        };
        let kinds = alike(selection.iter().copied(), train_together);
        let size = self.fold_group_size(selection.len()).max(1);
        kinds.iter().flat_map(|kind| kind.chunks(size)).map(<[usize]>::to_vec).collect()
    }

    /// Reads the saved state, and refuses one that does not belong to the files beside it.
    pub(super) fn start<'a>(&'a self, folder: &'a RunFolder, selection: &'a [usize]) -> Result<Running<'a>> {
        let folds = self.split.folds().len();
        if let Some(fold) = selection.iter().find(|&&fold| fold >= folds) {
            return Err(Error::data(format!(
                "the run's manifest selects fold {fold}, counted from 0; there is none"
            )));
        }
        let resume = Resume::read(folder.path())?;
        refuse_other_device(&resume, &self.config.run.device()?.id())?;
        let choices = self.begun_choices(folder, &resume)?;
        if choices.folds.len() < folds && self.is_tuned() && resume.fold_groups_done > 0 {
            return Err(Error::data(format!(
                "{}: {} of {folds} folds have chosen their settings, and some are trained",
                folder.file(Choices::FILE).display(),
                choices.folds.len()
            ))
            .hint("put the run's own file back, or start a new run"));
        }
        let groups = self.groups(selection);
        let Some(complete) = groups.get(..resume.fold_groups_done) else {
            return Err(Error::data(format!(
                "{}: {} fold groups are complete, and the run has {}",
                folder.file(Resume::FILE).display(),
                resume.fold_groups_done,
                groups.len()
            )));
        };
        let mut bound = self.bound(selection);
        let mut predictions = Vec::new();
        if !complete.is_empty() {
            let complete: Vec<u32> = complete.iter().flatten().map(|&fold| fold as u32).collect();
            predictions = Predictions::read(folder.path(), self.names())?;
            predictions.retain(|p| complete.contains(&p.fold));
            bound.predictions = Predictions::hash(&predictions, self.names())?;
        }
        if let Some(saved) = &resume.bound
            && saved.predictions != bound.predictions
        {
            return Err(Error::data(format!(
                "{} does not belong to the saved state: its rows of finished folds have the blake3 hash {}, and the \
                 state has {}",
                folder.file(Predictions::FILE).display(),
                bound.predictions,
                saved.predictions
            ))
            .hint("put the run's own file back, or start a new run"));
        }
        if let Some(saved) = &resume.bound {
            for (name, expected) in &saved.checkpoints {
                check_hash(folder.path(), name, expected, "the saved state")?;
            }
            bound.checkpoints.clone_from(&saved.checkpoints);
            bound.permutations.clone_from(&saved.permutations);
            bound.tuning.clone_from(&saved.tuning);
        }
        let hashes = resume.bound.as_ref().map(|saved| &saved.logs);
        let [metrics_hash, epochs_hash] = [0, 1].map(|log| hashes.map(|hashes| hashes[log].as_str()));
        let [metrics_length, epochs_length] = resume.log_lengths;
        // Both are looked at before either is cut: a refusal changes nothing.
        Log::check(&folder.file(MetricsLog::FILE), metrics_length, metrics_hash)?;
        Log::check(&folder.file(Epochs::FILE), epochs_length, epochs_hash)?;
        let metrics =
            MetricsLog::open(folder.file(MetricsLog::FILE), metrics_length, metrics_hash)?.guarded_by(folder);
        let epochs = Epochs::open(folder.file(Epochs::FILE), epochs_length, epochs_hash)?.guarded_by(folder);
        bound.logs = [metrics.hash(), epochs.hash()];
        Ok(Running {
            experiment: self,
            folder,
            folds: selection,
            resume,
            bound,
            predictions,
            metrics,
            epochs,
        })
    }
}
