//! The results of a fold group.

use super::fold_group::FoldGroup;
use super::plan::List;
use super::predict::predict;
use crate::backend::Backend;
use crate::data::stats::Stats;
use crate::error::Result;
use crate::metrics::Prediction;

/// The result of a trained fold.
#[derive(Clone, Debug)]
pub struct FoldResult {
    /// Its number in the whole cross-validation.
    pub number: u32,
    /// The weights that were tested, as [`Selection`](super::Selection) says.
    pub best: Vec<f32>,
    /// `(P)`: weights of the last epoch.
    pub last: Vec<f32>,
    /// Statistics of the fold's training part.
    pub stats: Stats,
    /// Epoch of those weights, from 1.
    pub best_epoch: usize,
    /// Epoch in which the fold stopped.
    pub last_epoch: usize,
    /// Of those weights, on the test part.
    pub predictions: Vec<Prediction>,
}

impl<B: Backend> FoldGroup<'_, B> {
    /// Scores the best weights on the test parts.
    pub fn finish(mut self) -> Result<Vec<FoldResult>> {
        let last = self.trainer.model().weights()?;
        self.trainer.model_mut().set_weights(&self.best_weights)?;
        let lists: Vec<List> = self.members.iter().map(|member| member.list(member.fold.test())).collect();
        let numbers: Vec<u32> = self.members.iter().map(|member| member.number).collect();
        let predictions = predict(self.trainer.model_mut(), &self.frames, &lists, &numbers, &|| Ok(()))?;
        let finite = |p: &Prediction| p.probabilities.iter().all(|p| p.is_finite());
        if let Some(m) = predictions.iter().position(|fold| !fold.iter().all(finite)) {
            return Err(self.not_finite(m, self.members[m].state.best_epoch, "test part"));
        }
        let params = self.trainer.model().network().params();
        let part = |all: &[f32], m: usize| all[m * params..(m + 1) * params].to_vec();
        let results =
            self.members.into_iter().zip(predictions).enumerate().map(|(m, (member, predictions))| {
                FoldResult {
                    number: member.number,
                    best: part(&self.best_weights, m),
                    last: part(&last, m),
                    stats: member.stats,
                    best_epoch: member.state.best_epoch,
                    last_epoch: member.state.last_epoch,
                    predictions,
                }
            });
        Ok(results.collect())
    }
}
