//! The options of the training.

use super::defaults::default_from_flags;
use crate::ops::{EpsPlacement, OptimizerKind};
use crate::train::{ClassWeights, Initial, Schedule, Selection};
use clap::Args;
use serde::{Deserialize, Serialize};

/// How the network is trained.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Training")]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Passes over the training part
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub epochs: usize,
    /// Sequences per step of each fold
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub batch: usize,
    /// Update rule
    #[arg(long, value_enum, default_value_t = OptimizerKind::Adamw)]
    pub optimizer: OptimizerKind,
    /// Learning rate
    #[arg(long = "lr", value_name = "RATE", default_value_t = 1e-3)]
    pub learning_rate: f64,
    /// Added to the root of Adam's running mean of squares
    #[arg(long, value_name = "X", default_value_t = 1e-8)]
    pub eps: f64,
    /// Whether it is added after the correction of that mean's bias, as in PyTorch, or before, as in Keras
    #[arg(long, value_enum, default_value_t = EpsPlacement::AfterCorrection)]
    pub eps_placement: EpsPlacement,
    /// Learning rate over time
    #[arg(long, value_enum, default_value_t = Schedule::Constant)]
    pub schedule: Schedule,
    /// Epochs over which the learning rate rises
    #[arg(long, value_name = "EPOCHS", default_value_t = 0.0)]
    pub warmup: f64,
    /// Weight decay
    #[arg(long, value_name = "X", default_value_t = 0.01)]
    pub weight_decay: f64,
    /// Largest global gradient norm of a fold; inf for no clipping
    #[arg(long, value_name = "NORM", default_value_t = 1.0)]
    pub clip: f64,
    /// Probability mass spread over all classes
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub label_smoothing: f64,
    /// Whether rare classes weigh more in the loss
    #[arg(long, value_enum, default_value_t = ClassWeights::None)]
    pub class_weights: ClassWeights,
    /// Stop a fold after so many epochs without a better validation loss (plain cross-entropy); 0: never [default: 10 with validation]
    #[arg(long, value_name = "EPOCHS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Which weights of a fold are tested
    #[arg(long, value_enum, default_value_t = Selection::Best)]
    pub selection: Selection,
    /// The weights before training: whose defaults
    #[arg(long, value_enum, default_value_t = Initial::Pytorch)]
    pub initial: Initial,
    /// Seed of everything random: splits, first weights, order, dropout
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
}

default_from_flags!(TrainingConfig);
