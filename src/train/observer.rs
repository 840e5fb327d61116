//! The observer of a training, which stores its records and states.

use super::state::State;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// One fold's part in one training step; a line of metrics.jsonl.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The place of the fold in its group, from 0.
    #[serde(skip)]
    pub member: usize,
    /// From 1, as in every file of a run.
    pub fold: u32,
    /// From 1.
    pub epoch: usize,
    /// Updates of this fold, this one included.
    pub step: u64,
    /// Rows of the fold in the step.
    pub rows: usize,
    /// Mean loss of those rows.
    pub loss: f64,
    /// Before clipping.
    pub grad_norm: f64,
    /// Learning rate of the update.
    pub learning_rate: f64,
}

/// One fold's epoch; a row of epochs.csv.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The place of the fold in its group, from 0.
    #[serde(skip)]
    pub member: usize,
    /// From 1.
    pub fold: u32,
    /// From 1.
    pub epoch: usize,
    /// Mean loss of the training part during the epoch.
    pub train_loss: f64,
    /// Mean cross-entropy of the validation part after the epoch.
    pub validation_loss: Option<f64>,
    /// Accuracy of the validation part after the epoch.
    pub validation_accuracy: Option<f64>,
    /// Learning rate of the epoch's last update.
    pub learning_rate: f64,
    /// Steps so far whose gradient was clipped.
    #[serde(rename = "clipped_steps")]
    pub clipped: u64,
    /// Of the whole fold group, on a monotonic clock.
    pub seconds: f64,
}

/// Receives what happens, as far as it wants to know; an error stops the training.
pub trait Observer {
    /// After each step, the folds that took part.
    fn step(&mut self, _records: &[StepRecord]) -> Result<()> {
        Ok(())
    }
    /// After each epoch, the folds that took part.
    fn epoch(&mut self, _records: &[EpochRecord]) -> Result<()> {
        Ok(())
    }
    /// Whether it is time to keep the state, though no epoch has ended.
    fn is_due(&self) -> bool {
        false
    }
    /// The state is worth keeping: when it is due, after each epoch, and before an interrupted training ends.
    /// It is made only if asked for, because it is four copies of all weights.
    fn checkpoint(&mut self, _state: &dyn Fn() -> Result<State>) -> Result<()> {
        Ok(())
    }
    /// The number of a signal that asks to stop.
    fn interrupted(&self) -> Option<u8> {
        None
    }
}

/// Watches nothing and keeps nothing.
pub struct Unobserved;

impl Observer for Unobserved {}
