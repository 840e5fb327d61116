//! The checkpoints of a trained fold.

use super::prepare::Experiment;
use crate::run::{FoldCheckpoint, FoldMeta};
use crate::train::FoldResult;

impl Experiment {
    /// The tested weights of a fold with all that predictions need, as a run saves them.
    pub fn checkpoint(&self, result: &FoldResult) -> FoldCheckpoint {
        self.checkpoint_of(result, &result.best, result.best_epoch)
    }

    /// The same of the weights after `epoch`.
    pub(super) fn checkpoint_of(&self, result: &FoldResult, weights: &[f32], epoch: usize) -> FoldCheckpoint {
        let frames = &self.dataset.frames;
        FoldCheckpoint {
            meta: FoldMeta {
                fold: self.fold_names[result.number as usize].clone(),
                epoch,
                network: self.network_of(result.number as usize).clone(),
                features: frames.features.clone(),
                frames: Some(self.config.chosen_frames()),
                stat_steps: result.stats.steps(frames.width()),
                rate: frames.rate,
                class_names: self.dataset.class_names.clone(),
                dataset: self.dataset_hash.clone(),
                origin: Some(self.origin(result.number as usize)),
            },
            weights: weights.to_vec(),
            stats: result.stats.clone(),
            center: frames.center.clone(),
        }
    }
}
