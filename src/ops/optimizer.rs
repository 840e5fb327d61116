//! Clipping and the parameter update, one pass over `(M, P)`.

use super::Work;
use super::operation::{Device, Operation, Reals};
use serde::{Deserialize, Serialize};

/// Which update rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Kingma and Ba 2015; weight decay is added to the gradient.
    Adam,
    /// Loshchilov and Hutter 2019; weight decay shrinks the weights directly.
    Adamw,
}

/// Where `eps` is added to the root of the second moment `v`, whose bias after `n` updates is corrected by `1
/// - beta2^n`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum EpsPlacement {
    /// `sqrt(v / (1 - beta2^n)) + eps`: PyTorch, and the algorithm of Kingma and Ba 2015.
    #[default]
    AfterCorrection,
    /// `(sqrt(v) + eps) / sqrt(1 - beta2^n)`: Keras, and the faster form at the end of their section 2.
    BeforeCorrection,
}

/// Global-norm clipping (Pascanu et al. 2013) and Adam or AdamW as in `torch.optim`, for each model on its
/// own.
///
/// A model whose gradient norm is not finite is left as it was: its last good weights can still be saved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimizer {
    /// The update rule.
    pub kind: OptimizerKind,
    /// `M`
    pub models: usize,
    /// `P`
    pub params: usize,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Whether `eps` is added after or before the bias correction.
    pub eps_placement: EpsPlacement,
    /// Weight decay of each update.
    pub weight_decay: f64,
    /// Largest global norm of a model's gradient; infinite for no clipping.
    pub clip: f64,
}

/// The scalars of one model in one step; they live in a device buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepScalars {
    /// Learning rate of the update.
    pub learning_rate: f64,
    /// Updates done before and including this one, from 1. 0: the model is inactive and must not move.
    pub update: u64,
}

impl StepScalars {
    /// Numbers per model in the device buffer.
    pub const LEN: usize = 4;

    /// `[learning rate, 1 - beta1^n, sqrt(1 - beta2^n), eps]`, the last one as it is added after the bias
    /// correction. All 0 for an inactive model, which a device knows by its `1 - beta1^0 = 0`.
    pub fn pack(&self, optimizer: &Optimizer) -> [f64; Self::LEN] {
        if self.update == 0 {
            return [0.0; Self::LEN];
        }
        let n = self.update as f64;
        let correction1 = 1.0 - optimizer.beta1.powf(n);
        let correction2 = (1.0 - optimizer.beta2.powf(n)).sqrt();
        let eps = match optimizer.eps_placement {
            EpsPlacement::AfterCorrection => optimizer.eps,
            EpsPlacement::BeforeCorrection => optimizer.eps / correction2,
        };
        [self.learning_rate, correction1, correction2, eps]
    }
}

/// Operands of [`Optimizer`].
pub struct OptimizerOperands<'a, D: Device> {
    /// `(M, P)`, in and out.
    pub weights: &'a mut Reals<D>,
    /// `(M, P)`
    pub gradients: &'a Reals<D>,
    /// `(M, P)`, in and out: running mean of the gradient.
    pub first_moment: &'a mut Reals<D>,
    /// `(M, P)`, in and out: running mean of its square.
    pub second_moment: &'a mut Reals<D>,
    /// `(M, 4)`: see [`StepScalars::pack`].
    pub scalars: &'a Reals<D>,
    /// `(R, M)`, out: the gradient norms before clipping, in row `row`: those of several steps wait for one
    /// reading.
    pub norms: &'a mut Reals<D>,
    /// `r`: the row of `norms` to write.
    pub row: usize,
}

impl Optimizer {
    /// Two operations a parameter for the norm, twelve for the update.
    pub fn work(&self) -> Work {
        let params = self.models * self.params;
        Work::new(14 * params, 7 * params)
    }
}

impl Operation for Optimizer {
    type Sizes = Optimizer;
    type Operands<'a, D: Device> = OptimizerOperands<'a, D>;
    const LABEL: &'static str = "optimize";

    fn work<D: Device>(s: &Optimizer, _: &OptimizerOperands<D>) -> Work {
        s.work()
    }
}
