//! The folds inside the folds: of the training and validation part of each, for the choice of its settings.

use super::prepare::Experiment;
use crate::data::split::{Split, SplitSpec};
use crate::error::{Error, ErrorKind, Result, in_order};
use rayon::prelude::*;

impl Experiment {
    /// Refuses a choice of which some inner fold cannot be trained, before hours of training.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) or [`ErrorKind::Data`](crate::ErrorKind::Data) that
    /// names the fold.
    pub fn check_tuning(&self) -> Result<()> {
        if !self.is_tuned() {
            return Ok(());
        }
        let folds = self.split.folds();
        let numbers: Vec<usize> = (0..folds.len()).collect();
        let stops_early = self.candidates.iter().any(|candidate| candidate.spec.patience > 0);
        let check = |&number: &usize| {
            let inner = self.inner_split(number)?;
            match stops_early && inner.folds().iter().any(|fold| fold.validation().is_empty()) {
                false => Ok(()),
                true => Err(Error::config(format!(
                    "inner folds of fold {}: one has no validation part to stop early by",
                    folds[number].name
                ))
                .hint("use `patience = 0`, or a share for `validation`")),
            }
        };
        in_order(numbers.par_iter(), check).map(drop)
    }

    /// The inner folds of fold `number`, from 0: of the windows of its training and validation part, by the
    /// groups of the split.
    ///
    /// # Errors
    /// Those of [`SplitSpec::build_of`], with the name of the fold.
    pub fn inner_split(&self, number: usize) -> Result<Split> {
        let fold = &self.split.folds()[number];
        let mut own = [fold.train().sequences(), fold.validation()].concat();
        own.sort_unstable();
        let spec = SplitSpec {
            kind: self.split.kind().inner(self.dataset.grouping.has_trials()),
            folds: Some(self.config.tuning.inner_folds()),
            validation: self.config.split.validation,
            seed: self.config.training.seed,
        };
        spec.build_of(&self.dataset, &own).map_err(|e| {
            let e = e.at(format!("inner folds of fold {}", fold.name));
            // Of data that name no groups, the way out is in the data.
            if e.kind != ErrorKind::Config {
                return e;
            }
            e.hint(
                "inner folds are made of the training and validation part of a fold: use larger data, a smaller \
                 `validation`, or another number of `inner_folds`, which is at least 2 and at most that of the groups",
            )
        })
    }

    /// The plan of the choice in words; empty without one.
    pub(super) fn tuning_plan(&self) -> Result<String> {
        if !self.is_tuned() {
            return Ok(String::new());
        }
        let (candidates, folds) = (self.candidates.len(), self.split.folds().len());
        let inner = self.inner_split(0)?.folds().len();
        Ok(format!(
            "tuning   {candidates} candidates x {inner} inner folds x {folds} folds = {} models\n         {}\n",
            candidates * inner * folds,
            self.config.tuning.tune.join("  ")
        ))
    }
}
