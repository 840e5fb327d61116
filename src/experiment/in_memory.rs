//! Training without a run folder: what it leaves is in memory.

use super::prepare::Experiment;
use crate::backend::{Backend, on_device};
use crate::error::{Error, Result};
use crate::metrics::Scores;
use crate::train::{FoldGroup, FoldResult, Observer, Outcome, Unobserved};
use rayon::prelude::*;

/// Trained networks and their scores.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The weights and the test predictions of each fold.
    pub folds: Vec<FoldResult>,
    /// The scores of all folds; `None` if the split has no test part.
    pub scores: Option<Scores>,
}

impl Experiment {
    /// Trains all folds and scores them, in memory. Nothing is written, and no ledger counts this look at the
    /// test parts: [`run`](fn@super::run) leaves a run folder.
    ///
    /// # Errors
    ///
    /// Those of [`Experiment::train_folds`].
    pub fn cross_validate(&self) -> Result<Trained> {
        let all: Vec<usize> = (0..self.split.folds().len()).collect();
        let folds = self.train_folds(&all, &mut Unobserved)?;
        let predictions: Vec<_> = folds.iter().flat_map(|fold| fold.predictions.iter().cloned()).collect();
        let scores = self.split.has_test().then(|| self.score(&predictions)).transpose()?;
        Ok(Trained { folds, scores })
    }

    /// Trains the folds with these indices, in memory. `observer` sees every step and epoch.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a fold that the split has not, and for a
    /// permutation test or a choice of settings, which need a run folder;
    /// [`ErrorKind::Numerical`](crate::ErrorKind::Numerical) for a training that diverges;
    /// [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted) if the observer asks to stop; those of the
    /// device.
    pub fn train_folds(&self, selection: &[usize], observer: &mut dyn Observer) -> Result<Vec<FoldResult>> {
        let all = self.split.folds().len();
        if let Some(fold) = selection.iter().find(|&&fold| fold >= all) {
            return Err(Error::config(format!("fold {fold}, expected an index below {all}")));
        }
        if self.permutations() > 0 {
            return Err(Error::config("a permutation test needs a run folder")
                .hint("leave `permutations` out, or train with `engine::experiment::run`"));
        }
        if self.is_tuned() {
            return Err(Error::config("a choice inside the folds needs a run folder")
                .hint("leave `tune` out, or train with `engine::experiment::run`"));
        }
        let device = self.config.run.device()?;
        on_device!(&device, backend => self.train_on(backend, selection, observer))
    }

    fn train_on<B: Backend>(
        &self,
        backend: &B,
        selection: &[usize],
        observer: &mut dyn Observer,
    ) -> Result<Vec<FoldResult>> {
        let mut results = Vec::new();
        for folds in self.groups(selection) {
            let tasks = folds.par_iter().map(|&fold| self.task(fold)).collect();
            let mut group = FoldGroup::new(backend, &self.network, tasks)?;
            if let Outcome::Interrupted(signal) = group.run(observer)? {
                return Err(Error::new(
                    crate::ErrorKind::Interrupted(signal),
                    format!("stopped by signal {signal}; nothing is saved"),
                ));
            }
            results.extend(group.finish()?);
        }
        Ok(results)
    }
}
