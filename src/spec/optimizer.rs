//! Clipping and the parameter update, one pass over `(M, P)`.

use serde::{Deserialize, Serialize};

/// Which update rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Kingma and Ba 2015; weight decay is added to the gradient.
    Adam,
    /// Loshchilov and Hutter 2019; weight decay shrinks the weights directly.
    Adamw,
}

/// Global-norm clipping (Pascanu et al. 2013) and Adam or AdamW as in `torch.optim`, for each model on its own.
///
/// A model whose gradient norm is not finite is left as it was: its last good weights can still be saved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimizer {
    pub kind: OptimizerKind,
    /// `M`
    pub models: usize,
    /// `P`
    pub params: usize,
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    pub weight_decay: f64,
    /// Largest global norm of a model's gradient; infinite for no clipping.
    pub clip: f64,
}

/// What differs from step to step and from model to model; lives in a device buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepScalars {
    pub learning_rate: f64,
    /// Updates done before and including this one, from 1. 0: the model is inactive and must not move.
    pub update: u64,
}

impl StepScalars {
    /// Numbers per model in the device buffer.
    pub const LEN: usize = 4;

    /// `[learning rate, 1 - beta1^n, sqrt(1 - beta2^n), 1 if active]`.
    pub fn pack(&self, optimizer: &Optimizer) -> [f64; Self::LEN] {
        let n = self.update as f64;
        let active = if self.update == 0 { 0.0 } else { 1.0 };
        [self.learning_rate, 1.0 - optimizer.beta1.powf(n), (1.0 - optimizer.beta2.powf(n)).sqrt(), active]
    }
}

/// Operands of [`Optimizer`].
pub struct OptimizerOperands<'a, R: ?Sized> {
    /// `(M, P)`, in and out.
    pub weights: &'a mut R,
    /// `(M, P)`
    pub gradients: &'a R,
    /// `(M, P)`, in and out: running mean of the gradient.
    pub first_moment: &'a mut R,
    /// `(M, P)`, in and out: running mean of its square.
    pub second_moment: &'a mut R,
    /// `(M, 4)`: see [`StepScalars::pack`].
    pub scalars: &'a R,
    /// `(R, M)`, out: the gradient norms before clipping, in row `row`: those of several steps wait for one reading.
    pub norms: &'a mut R,
    pub row: usize,
}
