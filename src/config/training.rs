//! The options of training.

use crate::ops::{EpsPlacement, OptimizerKind};
use crate::train::{ClassWeights, Initial, Schedule, Selection, TrainSpec};
#[cfg(feature = "cli")]
use crate::word::word;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Optimizer, schedule and stopping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[cfg_attr(feature = "cli", command(next_help_heading = "Training"))]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Number of epochs (passes over the training part)
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().epochs))]
    pub epochs: usize,
    /// Batch size: sequences per training step of each fold
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().batch))]
    pub batch: usize,
    /// Optimizer: the rule that updates the weights
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<OptimizerKind>(), value_name = "NAME", default_value_t = Self::default().optimizer))]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub optimizer: OptimizerKind,
    /// Peak learning rate, after warmup
    #[cfg_attr(feature = "cli", arg(long = "lr", value_name = "RATE", default_value_t = Self::default().learning_rate))]
    pub learning_rate: f64,
    /// Epsilon of Adam and AdamW, added to the root of the second-moment estimate
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", default_value = "1e-8"))]
    pub eps: f64,
    /// Whether epsilon is added after the bias correction, as in PyTorch, or before it, as in Keras
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<EpsPlacement>(), value_name = "PLACE", default_value_t = Self::default().eps_placement))]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub eps_placement: EpsPlacement,
    /// Schedule of the learning rate after warmup
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<Schedule>(), value_name = "NAME", default_value_t = Self::default().schedule))]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub schedule: Schedule,
    /// Epochs during which the learning rate rises linearly to its peak; fractions are allowed
    #[cfg_attr(feature = "cli", arg(long, value_name = "EPOCHS", default_value_t = Self::default().warmup))]
    pub warmup: f64,
    /// Weight decay coefficient
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", default_value_t = Self::default().weight_decay))]
    pub weight_decay: f64,
    /// Clip the gradients of each fold to this global norm; inf for no clipping
    #[cfg_attr(feature = "cli", arg(long, value_name = "NORM", default_value_t = Self::default().clip))]
    pub clip: f64,
    /// Label smoothing: share of the target probability that is divided evenly among all classes
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().label_smoothing))]
    pub label_smoothing: f64,
    /// Weights of the classes in the loss
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<ClassWeights>(), value_name = "KIND", default_value_t = Self::default().class_weights))]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub class_weights: ClassWeights,
    /// Early stopping: stop a fold after this many epochs without a lower validation loss (cross-entropy
    /// without smoothing or class weights); 0 for never [default: 10 with validation, otherwise 0]
    #[cfg_attr(feature = "cli", arg(long, value_name = "EPOCHS"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Epoch whose weights are tested
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<Selection>(), value_name = "EPOCH", default_value_t = Self::default().selection))]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub selection: Selection,
    /// Start from the best weights of this finished run, fold by fold, with any settings of the training:
    /// more epochs, another learning rate. Its recordings, windows, labels, folds and layers must be the
    /// same, so that no fold starts from weights that have seen its test part
    #[cfg_attr(feature = "cli", arg(long, value_name = "RUN"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
    /// Initialization of the weights
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<Initial>(), value_name = "STYLE", default_value_t = Self::default().initial))]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub initial: Initial,
    /// Seed of all random numbers: split, initial weights, order of the sequences, dropout
    #[cfg_attr(feature = "cli", arg(long, value_name = "SEED", default_value_t = Self::default().seed))]
    #[serde(with = "super::seed")]
    pub seed: u64,
}

impl Default for TrainingConfig {
    /// The options of [`TrainSpec::default`].
    fn default() -> Self {
        let spec = TrainSpec::default();
        TrainingConfig {
            epochs: spec.epochs,
            batch: spec.batch,
            optimizer: spec.optimizer,
            learning_rate: spec.learning_rate,
            eps: spec.eps,
            eps_placement: spec.eps_placement,
            schedule: spec.schedule,
            warmup: spec.warmup,
            weight_decay: spec.weight_decay,
            clip: spec.clip,
            label_smoothing: spec.smoothing,
            class_weights: spec.class_weights,
            patience: None,
            selection: spec.selection,
            from: None,
            initial: spec.initial,
            seed: spec.seed,
        }
    }
}
