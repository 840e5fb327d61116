//! From hidden states to a loss: dropout, pooling over time, linear layers, cross-entropy.

use super::Slab;
use serde::{Deserialize, Serialize};

/// Inverted dropout (Srivastava et al. 2014): a kept number is divided by `1 - rate`.
///
/// The mask is a pure function of (seed, fold, step, layer, index), so that backward draws it again instead of storing
/// it: number `i` of a model is dropped if word `i % 4` of `philox(key, [i / 4, step, fold, layer])` is below
/// `rate * 2^32`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// `M`
    pub models: usize,
    /// Numbers per model.
    pub len: usize,
    /// Probability of dropping, in `[0, 1)`.
    pub rate: f64,
    /// The Philox key.
    pub key: [u32; 2],
    /// Tells the dropout layers of one network apart.
    pub layer: u32,
}

impl Dropout {
    /// Words below this are dropped.
    pub fn threshold(&self) -> u32 {
        (self.rate * 4_294_967_296.0) as u32
    }
}

/// How a sequence becomes one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PoolKind {
    /// Each direction's final hidden state (`h_n`): the reverse direction ends at step 0.
    Last,
    /// The mean of the hidden states over the row's steps.
    Mean,
}

/// Pooling over time, `(M, T, B, dirs*H)` to `(M, B, dirs*H)`. An absent row gives 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    pub kind: PoolKind,
    /// `M`
    pub models: usize,
    /// `B`
    pub batch: usize,
    /// `T`
    pub steps: usize,
    /// `H`
    pub hidden: usize,
    pub dirs: usize,
    /// `S`: state vectors in `last`, of which pooling reads the first.
    pub states: usize,
}

/// A linear layer, `y = x W^T + bias`, with an optional ReLU; parameters `weight (out, in)`, `bias (out)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// `M`
    pub models: usize,
    /// `B`
    pub batch: usize,
    pub input: usize,
    pub output: usize,
    pub relu: bool,
    pub weights: Slab,
}

impl Linear {
    /// Parameters of one model.
    pub fn params(&self) -> usize {
        self.output * (self.input + 1)
    }
}

/// Operands of [`Linear`] forward.
pub struct LinearForward<'a, R: ?Sized> {
    /// `(M, P)`
    pub weights: &'a R,
    /// `(M, B, in)`
    pub x: &'a R,
    /// `(M, B, out)`, out.
    pub y: &'a mut R,
}

/// Operands of [`Linear`] backward.
pub struct LinearBackward<'a, R: ?Sized> {
    /// `(M, P)`
    pub weights: &'a R,
    /// `(M, B, in)`
    pub x: &'a R,
    /// `(M, B, out)`: as forward left it; where a ReLU gave 0 no gradient passes.
    pub y: &'a R,
    /// `(M, B, out)`
    pub dy: &'a R,
    /// `(M, B, in)`, out.
    pub dx: Option<&'a mut R>,
    /// `(M, P)`, out: this layer's part is overwritten.
    pub d_weights: &'a mut R,
}

/// Softmax cross-entropy with class weights and label smoothing (Szegedy et al. 2016), the weighted mean over the rows
/// of a model, as `torch.nn.CrossEntropyLoss`. Absent rows (length 0) do not count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// `M`
    pub models: usize,
    /// `B`
    pub batch: usize,
    /// `K`
    pub classes: usize,
    /// Probability mass spread evenly over all classes, in `[0, 1)`.
    pub smoothing: f64,
}

/// Operands of [`Loss`].
pub struct LossOperands<'a, R: ?Sized, W: ?Sized> {
    /// `(M, B, K)`
    pub logits: &'a R,
    /// `(M, B)`: classes below `K`.
    pub labels: &'a W,
    /// `(M, B)`: rows of length 0 are absent.
    pub lengths: &'a W,
    /// `(M, K)`
    pub class_weights: &'a R,
    /// `(R, M)`, out, in row `row`: 0 for a model without rows.
    pub losses: &'a mut R,
    pub row: usize,
    /// `(M, B, K)`, out.
    pub d_logits: &'a mut R,
}
