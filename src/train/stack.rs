//! The training loop over the model axis.
//!
//! Folds differ in size: one without a batch in a step, or stopped early, has absent rows and an inactive update, and
//! its weights and moments do not move. Everything that is random or counted belongs to one fold, so a fold ends with
//! the same bits in any stack.

use super::observer::{EpochRecord, Observer, StepRecord};
use super::state::{MemberState, State};
use super::{ClassWeights, Selection, TrainSpec, initial, plan};
use crate::backend::Backend;
use crate::data::sequences::Dataset;
use crate::data::split::Fold;
use crate::data::stats::Stats;
use crate::error::{Error, Result};
use crate::metrics::Prediction;
use crate::model::{Batch, Extent, Model, StepReport, Training, Turn};
use crate::ops::{Network, Optimizer, StepScalars};
use std::time::Instant;

/// Folds trained together.
pub struct Stack<'a, B: Backend> {
    backend: &'a B,
    dataset: &'a Dataset,
    spec: &'a TrainSpec,
    frames: B::Frames,
    model: Model<'a, B>,
    members: Vec<Member<'a>>,
    epoch: usize,
    position: usize,
    /// Steps whose losses have not been read.
    unsettled: Vec<Unsettled>,
    best_weights: Vec<f32>,
}

/// A step that was trained.
struct Unsettled {
    /// Among the epoch's steps.
    position: usize,
    batch: Batch,
    /// By fold, the rows that there were.
    rows: Vec<usize>,
    turns: Vec<Turn>,
}

/// One fold of the stack.
struct Member<'a> {
    /// Its number in the whole cross-validation.
    number: u32,
    fold: &'a Fold,
    stats: Stats,
    state: MemberState,
}

impl Member<'_> {
    /// Of its newest update.
    fn learning_rate(&self, spec: &TrainSpec) -> f64 {
        let each_epoch = self.fold.train().sequences().len().div_ceil(spec.batch);
        let warmup = spec.warmup * each_epoch as f64;
        spec.schedule.rate(spec.learning_rate, self.state.updates, warmup, (each_epoch * spec.epochs) as u64)
    }
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Finished,
    /// By this signal, with the state handed to the observer.
    Interrupted(u8),
}

/// What a trained fold leaves.
#[derive(Clone, Debug)]
pub struct FoldResult {
    /// Its number in the whole cross-validation.
    pub number: u32,
    /// The weights that were tested, as [`Selection`] says.
    pub best: Vec<f32>,
    pub last: Vec<f32>,
    pub stats: Stats,
    /// Epoch of those weights, from 1.
    pub best_epoch: usize,
    /// Epoch in which the fold stopped.
    pub last_epoch: usize,
    /// Of those weights, on the test part.
    pub predictions: Vec<Prediction>,
}

impl<'a, B: Backend> Stack<'a, B> {
    /// A stack at its first step. `folds` come with their numbers in the whole cross-validation and their statistics.
    pub fn new(
        backend: &'a B,
        dataset: &'a Dataset,
        network: &Network,
        spec: &'a TrainSpec,
        folds: Vec<(u32, &'a Fold, Stats)>,
    ) -> Result<Self> {
        let features = dataset.frames.width();
        let stat_steps = folds.first().map_or(1, |(.., stats)| stats.steps(features));
        let extent = Extent { models: folds.len(), batch: spec.batch, steps: dataset.steps(), stat_steps };
        let class_weights =
            folds.iter().flat_map(|(_, fold, _)| class_weights(dataset, fold, spec)).collect();
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
            seed: spec.seed,
        };
        let mut model = Model::new(backend, network, extent, Some(training))?;
        let weights: Vec<f32> = folds
            .iter()
            .flat_map(|(number, ..)| initial::weights(network, spec.initial, spec.seed, *number))
            .collect();
        model.set_weights(&weights)?;
        model.set_stats(&folds.iter().flat_map(|(.., stats)| stats.flat()).collect::<Vec<f32>>())?;
        let members = folds
            .into_iter()
            .map(|(number, fold, stats)| Member {
                number,
                fold,
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
        Ok(Stack {
            backend,
            dataset,
            spec,
            frames,
            model,
            members,
            epoch: 0,
            position: 0,
            unsettled: Vec::new(),
            best_weights: weights,
        })
    }

    /// Goes on from `state`.
    pub fn restore(&mut self, state: &State) -> Result<()> {
        let weights = self.members.len() * self.model.network().params();
        let lengths =
            [&state.weights, &state.first_moment, &state.second_moment, &state.best_weights].map(Vec::len);
        if state.members.len() != self.members.len() || lengths != [weights; 4] {
            return Err(Error::data("the saved state belongs to another network or another number of folds"));
        }
        self.model.set_weights(&state.weights)?;
        self.model.set_moments([&state.first_moment, &state.second_moment])?;
        self.best_weights.clone_from(&state.best_weights);
        for (member, saved) in self.members.iter_mut().zip(&state.members) {
            member.state = saved.clone();
        }
        (self.epoch, self.position) = (state.epoch, state.position);
        Ok(())
    }

    /// Everything that [`Stack::restore`] needs.
    pub fn state(&self) -> Result<State> {
        let [first_moment, second_moment] = self.model.moments()?;
        Ok(State {
            epoch: self.epoch,
            position: self.position,
            members: self.members.iter().map(|member| member.state.clone()).collect(),
            weights: self.model.weights()?,
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

    /// Trains until every fold has stopped or the last epoch is over.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<Outcome> {
        let clock = Instant::now();
        while self.epoch < self.spec.epochs && self.members.iter().any(|member| !member.state.stopped) {
            let orders: Vec<Vec<u32>> = self.members.iter().map(|member| self.order(member)).collect();
            let lists: Vec<&[u32]> = orders.iter().map(Vec::as_slice).collect();
            while self.position < plan::steps(&lists, self.spec.batch) {
                if let Some(signal) = observer.interrupted() {
                    observer.step(&self.settle(&lists)?)?;
                    observer.checkpoint(&|| self.state())?;
                    return Ok(Outcome::Interrupted(signal));
                }
                self.step(&lists)?;
                if self.model.waiting() == self.backend.steps_ahead() {
                    observer.step(&self.settle(&lists)?)?;
                }
            }
            observer.step(&self.settle(&lists)?)?;
            let records = self.end_epoch(clock)?;
            observer.epoch(&records)?;
            observer.checkpoint(&|| self.state())?;
        }
        Ok(Outcome::Finished)
    }

    /// The epoch's sequences of one fold; none once it has stopped.
    fn order(&self, member: &Member) -> Vec<u32> {
        match member.state.stopped {
            true => Vec::new(),
            false => plan::order(member.fold.train().sequences(), self.spec.seed, member.number, self.epoch),
        }
    }

    /// A training step of all folds; what it tells is settled later.
    fn step(&mut self, lists: &[&[u32]]) -> Result<()> {
        let extent = self.model.extent();
        let batch = plan::batch(self.dataset, lists, extent, self.position);
        let rows: Vec<usize> = batch
            .lengths
            .chunks(extent.batch)
            .map(|lengths| lengths.iter().filter(|&&length| length > 0).count())
            .collect();
        let mut turns = Vec::with_capacity(extent.models);
        for (member, &rows) in self.members.iter_mut().zip(&rows) {
            let active = rows > 0;
            member.state.updates += u64::from(active);
            let learning_rate = member.learning_rate(self.spec);
            let update = if active { member.state.updates } else { 0 };
            turns.push(Turn { fold: member.number, scalars: StepScalars { learning_rate, update } });
        }
        self.model.train(&self.frames, &batch, &turns)?;
        self.unsettled.push(Unsettled { position: self.position, batch, rows, turns });
        self.position += 1;
        Ok(())
    }

    /// Takes the losses of the steps since the last call into account.
    fn settle(&mut self, lists: &[&[u32]]) -> Result<Vec<StepRecord>> {
        let steps = std::mem::take(&mut self.unsettled);
        let mut records = Vec::new();
        for (step, report) in steps.iter().zip(self.model.reports()?) {
            for (m, turn) in step.turns.iter().enumerate().filter(|(_, turn)| turn.scalars.update > 0) {
                let (loss, grad_norm, rows) = (report.losses[m], report.norms[m], step.rows[m]);
                if !loss.is_finite() || !grad_norm.is_finite() {
                    return Err(self.broken_step(m, step, &report, lists[m]));
                }
                let member = &mut self.members[m].state;
                member.loss_sum += loss * rows as f64;
                member.loss_rows += rows;
                member.clipped += u64::from(grad_norm > self.spec.clip);
                records.push(StepRecord {
                    fold: turn.fold + 1,
                    epoch: self.epoch + 1,
                    step: turn.scalars.update,
                    rows,
                    loss,
                    grad_norm,
                    learning_rate: turn.scalars.learning_rate,
                });
            }
        }
        Ok(records)
    }

    fn broken_step(&mut self, m: usize, step: &Unsettled, report: &StepReport, list: &[u32]) -> Error {
        let rows = step.batch.lengths.len() / self.members.len();
        let sequences: Vec<u32> = list.iter().skip(step.position * rows).take(rows).copied().collect();
        let what = format!(
            "step {}: loss {}, gradient norm {}, sequences {sequences:?}",
            step.turns[m].scalars.update, report.losses[m], report.norms[m]
        );
        // Steps may have followed. The broken model has not moved since: the step is seen again as it was.
        match self.model.gradients(&self.frames, &step.batch, &step.turns) {
            Ok(()) => self.not_finite(m, self.epoch + 1, &what),
            Err(error) => error,
        }
    }

    /// The error for member `m`, with the first tensor that is not finite.
    fn not_finite(&self, m: usize, epoch: usize, what: &str) -> Error {
        let tensor = match self.model.first_non_finite(m) {
            Ok(tensor) => tensor.unwrap_or_else(|| "none that is kept".into()),
            Err(error) => return error,
        };
        Error::numerical(format!(
            "fold {}, epoch {epoch}, {what}; first tensor that is not finite: {tensor}; seed {}",
            self.members[m].fold.name, self.spec.seed
        ))
        .hint("the last checkpoint is good; try a smaller `--lr`, or `--clip 1`")
    }

    fn end_epoch(&mut self, clock: Instant) -> Result<Vec<EpochRecord>> {
        let took_part: Vec<bool> = self.members.iter().map(|member| !member.state.stopped).collect();
        let lists: Vec<&[u32]> = self
            .members
            .iter()
            .map(|member| if member.state.stopped { &[] } else { member.fold.validation() })
            .collect();
        let probabilities = probabilities(&mut self.model, &self.frames, self.dataset, &lists)?;
        let weights = self.model.weights()?;
        let params = self.model.network().params();
        // What the last step broke shows here: no such weights may become the best ones, or a checkpoint.
        for (m, probabilities) in probabilities.iter().enumerate() {
            let finite = weights[m * params..(m + 1) * params].iter().all(|w| w.is_finite());
            if !finite || probabilities.iter().flatten().any(|p| !p.is_finite()) {
                return Err(self.not_finite(m, self.epoch + 1, "after its last step"));
            }
        }
        self.epoch += 1;
        self.position = 0;
        let mut records = Vec::new();
        for (m, member) in self.members.iter_mut().enumerate().filter(|(m, _)| took_part[*m]) {
            let validation =
                (!lists[m].is_empty()).then(|| validate(self.dataset, lists[m], &probabilities[m]));
            let learning_rate = member.learning_rate(self.spec);
            let state = &mut member.state;
            // Without a validation part the last weights are the best there are. NaN is never better.
            let better = match (validation, state.best_loss) {
                (None, _) => true,
                (Some((loss, _)), None) => !loss.is_nan(),
                (Some((loss, _)), Some(best)) => loss < best,
            };
            state.stale = if better { 0 } else { state.stale + 1 };
            if better {
                state.best_loss = validation.map(|(loss, _)| loss);
            }
            if better || self.spec.selection == Selection::Last {
                state.best_epoch = self.epoch;
                let own = m * params..(m + 1) * params;
                self.best_weights[own.clone()].copy_from_slice(&weights[own]);
            }
            state.last_epoch = self.epoch;
            state.stopped = self.spec.patience > 0 && state.stale >= self.spec.patience;
            records.push(EpochRecord {
                fold: member.number + 1,
                epoch: self.epoch,
                train_loss: state.loss_sum / state.loss_rows as f64,
                validation_loss: validation.map(|(loss, _)| loss),
                validation_accuracy: validation.map(|(_, accuracy)| accuracy),
                learning_rate,
                clipped: state.clipped,
                seconds: clock.elapsed().as_secs_f64(),
            });
            (state.loss_sum, state.loss_rows) = (0.0, 0);
        }
        Ok(records)
    }

    /// Scores the best weights on the test parts.
    pub fn finish(mut self) -> Result<Vec<FoldResult>> {
        let last = self.model.weights()?;
        self.model.set_weights(&self.best_weights)?;
        let lists: Vec<&[u32]> = self.members.iter().map(|member| member.fold.test()).collect();
        let numbers: Vec<u32> = self.members.iter().map(|member| member.number).collect();
        let predictions = predict(&mut self.model, &self.frames, self.dataset, &lists, &numbers)?;
        let finite = |p: &Prediction| p.probabilities.iter().all(|p| p.is_finite());
        if let Some(m) = predictions.iter().position(|fold| !fold.iter().all(finite)) {
            return Err(self.not_finite(m, self.members[m].state.best_epoch, "test part"));
        }
        let params = self.model.network().params();
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

/// `(K)` of one fold.
fn class_weights(dataset: &Dataset, fold: &Fold, spec: &TrainSpec) -> Vec<f64> {
    let mut counts = vec![0usize; dataset.class_names.len()];
    let train = fold.train().sequences();
    train.iter().for_each(|&i| counts[dataset.sequences[i as usize].label as usize] += 1);
    let weight = |&count: &usize| match spec.class_weights {
        ClassWeights::None => 1.0,
        // A class that training does not have never weighs in.
        ClassWeights::Balanced if count == 0 => 0.0,
        ClassWeights::Balanced => train.len() as f64 / (counts.len() * count) as f64,
    };
    counts.iter().map(weight).collect()
}

/// Mean loss and accuracy of windows.
fn validate(dataset: &Dataset, list: &[u32], probabilities: &[Vec<f64>]) -> (f64, f64) {
    let (mut loss, mut correct) = (0.0, 0usize);
    for (&index, p) in list.iter().zip(probabilities) {
        let label = dataset.sequences[index as usize].label as usize;
        loss -= p[label].max(f64::MIN_POSITIVE).ln();
        correct += usize::from(p.iter().enumerate().all(|(k, &other)| k == label || other < p[label]));
    }
    (loss / list.len() as f64, correct as f64 / list.len() as f64)
}

/// Class probabilities of every model's own list of sequences.
pub fn probabilities<B: Backend>(
    model: &mut Model<B>,
    frames: &B::Frames,
    dataset: &Dataset,
    lists: &[&[u32]],
) -> Result<Vec<Vec<Vec<f64>>>> {
    let extent = model.extent();
    let classes = model.network().classes;
    let mut all: Vec<Vec<Vec<f64>>> = lists.iter().map(|list| Vec::with_capacity(list.len())).collect();
    for position in 0..plan::steps(lists, extent.batch) {
        let batch = plan::batch(dataset, lists, extent, position);
        let logits = model.evaluate(frames, &batch)?;
        for (row, logits) in logits.chunks(classes).enumerate().filter(|(row, _)| batch.lengths[*row] > 0) {
            all[row / extent.batch].push(softmax(logits));
        }
    }
    Ok(all)
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = logits.iter().map(|z| (z - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|e| e / sum).collect()
}

/// Predictions of every model for its own list of sequences.
pub fn predict<B: Backend>(
    model: &mut Model<B>,
    frames: &B::Frames,
    dataset: &Dataset,
    lists: &[&[u32]],
    numbers: &[u32],
) -> Result<Vec<Vec<Prediction>>> {
    let probabilities = probabilities(model, frames, dataset, lists)?;
    let of_fold = |((list, &fold), probabilities): ((&&[u32], &u32), Vec<Vec<f64>>)| {
        list.iter()
            .zip(probabilities)
            .map(|(&index, probabilities)| {
                let s = &dataset.sequences[index as usize];
                Prediction {
                    fold,
                    subject: s.subject,
                    trial: s.trial,
                    window: s.window,
                    label: s.label,
                    probabilities,
                }
            })
            .collect()
    };
    Ok(lists.iter().zip(numbers).zip(probabilities).map(of_fold).collect())
}
