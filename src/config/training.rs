//! The options of training.

use super::defaults::default_from_flags;
use crate::ops::{EpsPlacement, OptimizerKind};
use crate::train::{ClassWeights, Initial, Schedule, Selection};
use crate::word::word;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Optimizer, schedule and stopping.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Training")]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Number of epochs (passes over the training part)
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub epochs: usize,
    /// Batch size: sequences per training step of each fold
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub batch: usize,
    /// Optimizer: the rule that updates the weights
    #[arg(long, value_enum, value_parser = word::<OptimizerKind>(), value_name = "NAME", default_value_t = OptimizerKind::Adamw)]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub optimizer: OptimizerKind,
    /// Peak learning rate, after warmup
    #[arg(long = "lr", value_name = "RATE", default_value_t = 1e-3)]
    pub learning_rate: f64,
    /// Epsilon of Adam and AdamW, added to the root of the second-moment estimate
    #[arg(long, value_name = "X", default_value = "1e-8")]
    pub eps: f64,
    /// Whether epsilon is added after the bias correction, as in PyTorch, or before it, as in Keras
    #[arg(long, value_enum, value_parser = word::<EpsPlacement>(), value_name = "PLACE", default_value_t = EpsPlacement::AfterCorrection)]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub eps_placement: EpsPlacement,
    /// Schedule of the learning rate after warmup
    #[arg(long, value_enum, value_parser = word::<Schedule>(), value_name = "NAME", default_value_t = Schedule::Constant)]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub schedule: Schedule,
    /// Epochs during which the learning rate rises linearly to its peak; fractions are allowed
    #[arg(long, value_name = "EPOCHS", default_value_t = 0.0)]
    pub warmup: f64,
    /// Weight decay coefficient
    #[arg(long, value_name = "X", default_value_t = 0.01)]
    pub weight_decay: f64,
    /// Clip the gradients of each fold to this global norm; inf for no clipping
    #[arg(long, value_name = "NORM", default_value_t = 1.0)]
    pub clip: f64,
    /// Label smoothing: share of the target probability that is divided evenly among all classes
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub label_smoothing: f64,
    /// Weights of the classes in the loss
    #[arg(long, value_enum, value_parser = word::<ClassWeights>(), value_name = "KIND", default_value_t = ClassWeights::None)]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub class_weights: ClassWeights,
    /// Early stopping: stop a fold after this many epochs without a lower validation loss (cross-entropy
    /// without smoothing or class weights); 0 for never [default: 10 with validation, otherwise 0]
    #[arg(long, value_name = "EPOCHS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Epoch whose weights are tested
    #[arg(long, value_enum, value_parser = word::<Selection>(), value_name = "EPOCH", default_value_t = Selection::Best)]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub selection: Selection,
    /// Start from the best weights of this finished run, fold by fold, with any settings of the training:
    /// more epochs, another learning rate. Its recordings, windows, labels, folds and layers must be the
    /// same, so that no fold starts from weights that have seen its test part
    #[arg(long, value_name = "RUN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
    /// Initialization of the weights
    #[arg(long, value_enum, value_parser = word::<Initial>(), value_name = "STYLE", default_value_t = Initial::Pytorch)]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub initial: Initial,
    /// Seed of all random numbers: split, initial weights, order of the sequences, dropout
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    #[serde(with = "super::seed")]
    pub seed: u64,
}

default_from_flags!(TrainingConfig);
