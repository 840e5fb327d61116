//! A group of folds that train together: its model, its positions in the epoch, its saved state.
//!
//! Each fold has labels of its own, so that folds under permuted labels train beside one another. Folds
//! differ in size: one without a batch in a step, or stopped early, has absent rows and an inactive update,
//! and its weights and moments do not move. Everything that is random or counted belongs to one fold, so a
//! fold ends with the same bits in any group.

use super::plan::List;
use super::state::{MemberState, State};
use super::{ClassWeights, TrainSpec, initial};
use crate::backend::Backend;
use crate::data::sequences::Dataset;
use crate::data::split::Fold;
use crate::data::stats::Stats;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Batch, Extent, StepInput, Trainer, Training};
use crate::ops::{Network, Optimizer};

/// Folds trained together.
pub struct FoldGroup<'a, B: Backend> {
    /// Of the first fold: with the settings that all share.
    pub(super) spec: &'a TrainSpec,
    pub(super) frames: B::Frames,
    pub(super) trainer: Trainer<'a, B>,
    pub(super) members: Vec<Member<'a>>,
    pub(super) epoch: usize,
    pub(super) position: usize,
    /// Steps whose losses have not been read.
    pub(super) pending: Vec<PendingStep>,
    pub(super) best_weights: Vec<f32>,
}

/// A step that was trained.
pub(super) struct PendingStep {
    /// Among the epoch's steps.
    pub(super) position: usize,
    pub(super) batch: Batch,
    /// By fold, the rows that there were.
    pub(super) rows: Vec<usize>,
    pub(super) inputs: Vec<StepInput>,
}

/// A fold to train.
pub struct FoldTask<'a> {
    /// Its number in the whole cross-validation. Weights, order and dropout follow from it and the seed.
    pub number: u32,
    /// Its name in messages.
    pub name: String,
    /// The windows with the labels of this fold. All folds of a group must have the same frames, and as many
    /// time steps.
    pub dataset: &'a Dataset,
    /// The parts of the data set.
    pub fold: &'a Fold,
    /// How it is trained. All specifications of a group [train together](TrainSpec::trains_with).
    pub spec: &'a TrainSpec,
    /// Statistics of the training part.
    pub stats: Stats,
    /// The weights `(P)` to start from; `None` for random ones.
    pub initial: Option<&'a [f32]>,
}

/// One fold of the group.
pub(super) struct Member<'a> {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) dataset: &'a Dataset,
    pub(super) fold: &'a Fold,
    pub(super) spec: &'a TrainSpec,
    pub(super) stats: Stats,
    pub(super) state: MemberState,
}

impl<'a> Member<'a> {
    /// These sequences with the member's labels.
    pub(super) fn list<'b>(&self, indices: &'b [u32]) -> List<'b>
    where
        'a: 'b,
    {
        List { dataset: self.dataset, indices }
    }

    /// Of its newest update.
    pub(super) fn learning_rate(&self) -> f64 {
        let spec = self.spec;
        let each_epoch = self.fold.train().sequences().len().div_ceil(spec.batch);
        let warmup = spec.warmup * each_epoch as f64;
        spec.schedule.rate(spec.learning_rate, self.state.updates, warmup, (each_epoch * spec.epochs) as u64)
    }
}

impl<'a, B: Backend> FoldGroup<'a, B> {
    /// A fold group at its first step.
    ///
    /// # Errors
    /// Without folds, for folds whose data sets differ in their frames or in their longest sequence, or whose
    /// training differs, and if the device refuses.
    pub fn new(backend: &'a B, network: &Network, folds: Vec<FoldTask<'a>>) -> Result<Self> {
        let Some((dataset, spec)) = folds.first().map(|first| (first.dataset, first.spec)) else {
            return Err(Error::new(ErrorKind::Other, "0 folds to train, expected at least 1"));
        };
        if let Some(other) = folds.iter().find(|task| !task.dataset.frames.shares_rows(&dataset.frames)) {
            let message = format!("{} has other frames than {}", other.name, folds[0].name);
            return Err(
                Error::new(ErrorKind::Other, message).hint("give folds that train together one frame table")
            );
        }
        if let Some(other) = folds.iter().find(|task| task.dataset.steps() != dataset.steps()) {
            let message = format!(
                "{} has {} time steps, and {} has {}",
                other.name,
                other.dataset.steps(),
                folds[0].name,
                dataset.steps()
            );
            return Err(Error::new(ErrorKind::Other, message)
                .hint("give folds that train together sequences of the same length"));
        }
        if let Some(other) = folds.iter().find(|task| !task.spec.trains_with(spec)) {
            let message = format!("{} takes other steps than {}", other.name, folds[0].name);
            return Err(Error::new(ErrorKind::Other, message).hint(
                "folds that train together have the same epochs, batch, optimizer, eps, weight decay, clip and smoothing",
            ));
        }
        let stat_steps = folds[0].stats.steps(dataset.frames.width());
        let extent = Extent { models: folds.len(), batch: spec.batch, steps: dataset.steps(), stat_steps };
        let class_weights = folds.iter().flat_map(class_weights).collect();
        let training = Training {
            optimizer: Optimizer {
                kind: spec.optimizer,
                models: folds.len(),
                params: network.params(),
                beta1: 0.9,
                beta2: 0.999,
                eps: spec.eps,
                eps_placement: spec.eps_placement,
                weight_decay: spec.weight_decay,
                clip: spec.clip,
            },
            smoothing: spec.smoothing,
            class_weights,
            seeds: folds.iter().map(|task| task.spec.seed).collect(),
        };
        let mut trainer = Trainer::new(backend, network, extent, training)?;
        let weights: Vec<f32> = folds
            .iter()
            .flat_map(|task| match task.initial {
                Some(weights) => weights.to_vec(),
                None => initial::weights(network, task.spec.initial, task.spec.seed, task.number),
            })
            .collect();
        let model = trainer.model_mut();
        model.set_weights(&weights)?;
        model.set_stats(&folds.iter().flat_map(|task| task.stats.flat()).collect::<Vec<f32>>())?;
        let members = folds
            .into_iter()
            .map(|FoldTask { number, name, dataset, fold, spec, stats, .. }| Member {
                number,
                name,
                dataset,
                fold,
                spec,
                stats,
                state: MemberState {
                    updates: 0,
                    loss_sum: 0.0,
                    loss_rows: 0,
                    best_loss: None,
                    best_epoch: 0,
                    last_epoch: 0,
                    stale: 0,
                    clipped: 0,
                    stopped: false,
                },
            })
            .collect();
        let frames = backend.frames(&dataset.frames.chunks)?;
        Ok(FoldGroup {
            spec,
            frames,
            trainer,
            members,
            epoch: 0,
            position: 0,
            pending: Vec::new(),
            best_weights: weights,
        })
    }

    /// Goes on from `state`.
    pub fn restore(&mut self, state: &State) -> Result<()> {
        let weights = self.members.len() * self.trainer.model().network().params();
        let lengths =
            [&state.weights, &state.first_moment, &state.second_moment, &state.best_weights].map(Vec::len);
        if state.members.len() != self.members.len() || lengths != [weights; 4] {
            return Err(Error::data("the saved state belongs to another network or another number of folds"));
        }
        self.trainer.model_mut().set_weights(&state.weights)?;
        self.trainer.set_moments([&state.first_moment, &state.second_moment])?;
        self.best_weights.clone_from(&state.best_weights);
        for (member, saved) in self.members.iter_mut().zip(&state.members) {
            member.state = saved.clone();
        }
        (self.epoch, self.position) = (state.epoch, state.position);
        Ok(())
    }

    /// Everything that [`FoldGroup::restore`] needs.
    ///
    /// # Errors
    /// [`ErrorKind::Numerical`](crate::ErrorKind::Numerical) if the last step left a weight that is not
    /// finite: nothing could go on from it.
    pub fn state(&self) -> Result<State> {
        let [first_moment, second_moment] = self.trainer.moments()?;
        let weights = self.trainer.model().weights()?;
        if let Some(broken) = weights.iter().position(|weight| !weight.is_finite()) {
            let m = broken / self.trainer.model().network().params();
            return Err(self.not_finite(m, self.epoch + 1, "after its last step"));
        }
        Ok(State {
            epoch: self.epoch,
            position: self.position,
            members: self.members.iter().map(|member| member.state.clone()).collect(),
            weights,
            first_moment,
            second_moment,
            best_weights: self.best_weights.clone(),
        })
    }

    /// Sequences that remain to be trained on if no fold stops early, for progress.
    pub fn remaining(&self) -> u64 {
        let epochs = (self.spec.epochs - self.epoch) as u64;
        self.members.iter().map(|m| m.fold.train().sequences().len() as u64 * epochs).sum()
    }

    /// The error for member `m`, with the first tensor that is not finite.
    pub(super) fn not_finite(&self, m: usize, epoch: usize, what: &str) -> Error {
        let tensor = match self.trainer.first_non_finite(m) {
            Ok(tensor) => tensor.unwrap_or_else(|| "none that is kept".into()),
            Err(error) => return error,
        };
        Error::numerical(format!(
            "{}, epoch {epoch}, {what}; first tensor that is not finite: {tensor}; seed {}",
            self.members[m].name, self.members[m].spec.seed
        ))
        .hint("resumed, it would fail again: start a new run with a smaller `learning_rate` or a smaller `clip`")
    }
}

/// `(K)` of one fold.
fn class_weights(task: &FoldTask) -> Vec<f64> {
    let mut counts = vec![0usize; task.dataset.class_names.len()];
    let train = List { dataset: task.dataset, indices: task.fold.train().sequences() };
    train.sequences().for_each(|s| counts[s.label as usize] += 1);
    let weight = |&count: &usize| match task.spec.class_weights {
        ClassWeights::None => 1.0,
        // A class that training does not have never weighs in.
        ClassWeights::Balanced if count == 0 => 0.0,
        ClassWeights::Balanced => train.indices.len() as f64 / (counts.len() * count) as f64,
    };
    counts.iter().map(weight).collect()
}
