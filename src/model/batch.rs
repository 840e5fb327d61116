//! Inputs and reports of a training step.

use crate::error::{Error, Result};
use crate::ops::{Optimizer, StepScalars, check_steps};

/// How many models, rows and steps the buffers are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// `M`
    pub models: usize,
    /// `B`
    pub batch: usize,
    /// `T`: of the longest sequence.
    pub steps: usize,
    /// 1, or `T` where inputs are standardized per step and feature.
    pub stat_steps: usize,
}

/// The rows of one step of all models, `(M, B)` each. A row of length 0 is absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Row of the frame table where each sequence starts.
    pub first: Vec<u32>,
    /// `(M, B)`: time steps of each row; 0 for an absent row.
    pub lengths: Vec<u32>,
    /// `(M, B)`: class of each row.
    pub labels: Vec<u32>,
}

impl Extent {
    /// Refuses an axis of length 0.
    pub fn check(&self) -> Result<()> {
        let Extent { models, batch, steps, stat_steps } = *self;
        let axes =
            [("models", models), ("rows", batch), ("steps", steps), ("steps with statistics", stat_steps)];
        match axes.into_iter().find(|(_, length)| *length == 0) {
            None if stat_steps == 1 || stat_steps == steps => Ok(()),
            None => Err(Error::config(format!(
                "statistics of {stat_steps} steps, expected 1 for all steps or {steps}, one for each"
            ))),
            Some((axis, _)) => Err(Error::config(format!("0 {axis}, expected at least 1"))),
        }
    }
}

impl Batch {
    /// Refuses rows that do not fit buffers of this extent, and labels that are no class.
    pub fn check(&self, extent: Extent, classes: usize) -> Result<()> {
        let rows = extent.models * extent.batch;
        for (what, found) in
            [("first frames", &self.first), ("lengths", &self.lengths), ("labels", &self.labels)]
        {
            if found.len() != rows {
                return Err(Error::data(format!("a batch of {} {what}, expected {rows}", found.len())));
            }
        }
        check_steps(&self.lengths, extent.steps)?;
        match self.labels.iter().position(|&label| label as usize >= classes) {
            None => Ok(()),
            Some(row) => Err(Error::data(format!(
                "row {row} has the label {}, expected one of {classes} classes, counted from 0",
                self.labels[row]
            ))),
        }
    }

    /// A batch without any row.
    pub fn empty(models: usize, batch: usize) -> Self {
        let zeros = vec![0; models * batch];
        Batch { first: zeros.clone(), lengths: zeros.clone(), labels: zeros }
    }
}

/// The optimizer and the loss of all models.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// The update rule and its settings.
    pub optimizer: Optimizer,
    /// Share of the label's probability that is spread over all classes.
    pub smoothing: f64,
    /// `(M, K)`
    pub class_weights: Vec<f64>,
    /// `(M)`: the seed of each model's dropout masks.
    pub seeds: Vec<u64>,
}

/// The input of one model to a training step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepInput {
    /// Its number in the whole cross-validation: the dropout masks must not depend on which folds train
    /// together.
    pub fold: u32,
    /// Learning rate and update counter of the step.
    pub scalars: StepScalars,
}

/// The report of a training step, by model; zeros for a model without rows.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// `(M)`: mean loss of the rows.
    pub losses: Vec<f64>,
    /// Gradient norms before clipping.
    pub norms: Vec<f64>,
}
