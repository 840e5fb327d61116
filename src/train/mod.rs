//! Training one fold group of folds: all of them at once, each as if it were alone.

mod epoch;
mod finish;
mod fold_group;
mod initial;
mod observer;
mod plan;
mod predict;
mod schedule;
mod state;
mod step;
mod training;

pub use finish::FoldResult;
pub use fold_group::{FoldGroup, FoldTask};
pub use initial::{Initial, weights as initial_weights};
pub use observer::{EpochRecord, Observer, StepRecord, Unobserved};
pub use plan::List;
pub use predict::predict;
pub use schedule::Schedule;
pub use state::{MemberState, State};
pub use training::Outcome;

use crate::error::{Error, Result};
use crate::ops::{EpsPlacement, OptimizerKind};
use serde::{Deserialize, Serialize};

/// Whether rare classes weigh more in the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// Weight 1 for every class.
    None,
    /// Weight `n / (K * n_k)` for class `k`, counted in the training part of the fold.
    Balanced,
}

/// Which weights of a fold are tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// The epoch with the lowest validation loss; the last epoch if there is no validation part.
    Best,
    /// The last epoch.
    Last,
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSpec {
    /// Passes over the training part.
    pub epochs: usize,
    /// Rows of one step of one fold.
    pub batch: usize,
    /// The update rule.
    pub optimizer: OptimizerKind,
    /// The full learning rate.
    pub learning_rate: f64,
    /// Adam's: added to the root of the running mean of squares.
    pub eps: f64,
    /// Whether `eps` is added after or before the bias correction.
    pub eps_placement: EpsPlacement,
    /// The learning rate over time.
    pub schedule: Schedule,
    /// Epochs over which the rate rises to its full value.
    pub warmup: f64,
    /// Weight decay of each update.
    pub weight_decay: f64,
    /// Largest global gradient norm; infinite for no clipping.
    pub clip: f64,
    /// Share of the label's probability that is spread over all classes.
    pub smoothing: f64,
    /// Weights of the classes in the loss.
    pub class_weights: ClassWeights,
    /// Epochs without a better validation loss after which a fold stops; 0: never.
    pub patience: usize,
    /// Which weights of a fold are tested.
    pub selection: Selection,
    /// The initialization of weights.
    pub initial: Initial,
    /// Seed of initial weights, order and dropout.
    pub seed: u64,
}

impl Default for TrainSpec {
    /// The defaults of `engine train`, for folds with a validation part; without one nothing stops early, and
    /// `patience` must be 0.
    fn default() -> Self {
        TrainSpec {
            epochs: 30,
            batch: 32,
            optimizer: OptimizerKind::Adamw,
            learning_rate: 1e-3,
            eps: 1e-8,
            eps_placement: EpsPlacement::AfterCorrection,
            schedule: Schedule::Constant,
            warmup: 0.0,
            weight_decay: 0.01,
            clip: 1.0,
            smoothing: 0.0,
            class_weights: ClassWeights::None,
            patience: 10,
            selection: Selection::Best,
            initial: Initial::Pytorch,
            seed: 1,
        }
    }
}

impl TrainSpec {
    /// Whether folds of both can train in one group: they take equal steps, by one rule. Seed, learning rate
    /// and its schedule, early stopping, and what weighs or starts a fold may differ.
    pub fn trains_with(&self, other: &TrainSpec) -> bool {
        let alike = TrainSpec {
            learning_rate: self.learning_rate,
            schedule: self.schedule,
            warmup: self.warmup,
            class_weights: self.class_weights,
            patience: self.patience,
            selection: self.selection,
            initial: self.initial,
            seed: self.seed,
            ..other.clone()
        };
        alike == *self
    }

    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config), which names the quantity and its value.
    pub fn check(&self) -> Result<()> {
        let positive = [
            ("the number of epochs", self.epochs as f64),
            ("the batch size", self.batch as f64),
            ("the learning rate", self.learning_rate),
            ("Adam's epsilon", self.eps),
        ];
        for (quantity, value) in positive {
            if value.is_nan() || value <= 0.0 || value.is_infinite() {
                return Err(Error::config(format!("{quantity} must be above 0, and is {value}")));
            }
        }
        let not_negative = [("the warm-up", self.warmup), ("the weight decay", self.weight_decay)];
        for (quantity, value) in not_negative {
            if !(0.0..f64::INFINITY).contains(&value) {
                return Err(Error::config(format!("{quantity} must not be below 0, and is {value}")));
            }
        }
        if self.warmup > self.epochs as f64 {
            return Err(Error::config(format!(
                "a warm-up of {} epochs is longer than the training of {}: the full rate would never be reached",
                self.warmup, self.epochs
            ))
            .hint("use a shorter `warmup` or more `epochs`"));
        }
        if !(0.0..1.0).contains(&self.smoothing) {
            return Err(Error::config(format!(
                "the label smoothing must be in [0, 1), and is {}",
                self.smoothing
            )));
        }
        if self.clip.is_nan() || self.clip <= 0.0 {
            return Err(Error::config(format!(
                "the largest gradient norm must be above 0, and is {}",
                self.clip
            ))
            .hint("`clip = inf` clips nothing"));
        }
        Ok(())
    }
}
