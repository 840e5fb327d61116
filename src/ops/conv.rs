//! The convolution block in front of a recurrent stack: Conv1D over time, ReLU, max-pooling by two, as one
//! operation.

use super::operation::{Device, Operation, Reals, Words, check_lengths};
use super::{Role, Slab, Tensor, Work};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One block of a network, written `FILTERSxKERNEL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConvSpec {
    /// `F`
    pub filters: usize,
    /// `k`: steps that a filter sees.
    pub kernel: usize,
}

impl fmt::Display for ConvSpec {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}x{}", self.filters, self.kernel)
    }
}

impl From<ConvSpec> for String {
    fn from(spec: ConvSpec) -> Self {
        spec.to_string()
    }
}

impl FromStr for ConvSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_lowercase();
        let numbers = lower.split_once('x');
        let numbers = numbers.and_then(|(f, k)| Some((f.trim().parse().ok()?, k.trim().parse().ok()?)));
        match numbers {
            Some((filters, kernel)) if filters > 0 && kernel > 0 => Ok(ConvSpec { filters, kernel }),
            _ => Err(format!("`{text}` is no convolution block: expected FILTERSxKERNEL, such as 128x3")),
        }
    }
}

impl TryFrom<String> for ConvSpec {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl ConvSpec {
    /// Steps that the block makes of `steps`: those where the whole kernel fits, by two; an odd one at the
    /// end is dropped.
    #[inline]
    pub fn steps(&self, steps: usize) -> usize {
        (steps + 1).saturating_sub(self.kernel) / 2
    }
}

/// Sizes of a block for `M` models at once:
/// `z[t, f] = bias[f] + sum over c, j of weight[f, c, j] x[t + j, c]`, `y[t, f] = max(z[2t, f], z[2t + 1, f],
/// 0)`.
///
/// Parameters of one model, as in PyTorch's `nn.Conv1d`: `weight (F, C, k)`, `bias (F)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// `M`
    pub models: usize,
    /// `B`
    pub batch: usize,
    /// `T`, of the input.
    pub steps: usize,
    /// `C`
    pub input: usize,
    /// Filters and kernel of the block.
    pub spec: ConvSpec,
    /// Where the block's parameters are in the weights.
    pub weights: Slab,
}

impl Conv {
    /// Parameters of one model.
    pub fn params(&self) -> usize {
        self.spec.filters * (self.depth() + 1)
    }

    /// Numbers under one filter: `C * k`.
    pub fn depth(&self) -> usize {
        self.input * self.spec.kernel
    }

    /// Start of `weight (F, C, k)`.
    #[inline]
    pub fn weight(&self, m: usize) -> usize {
        self.weights.start(m)
    }

    /// Start of `bias (F)`.
    #[inline]
    pub fn bias(&self, m: usize) -> usize {
        self.weight(m) + self.spec.filters * self.depth()
    }

    /// `T'`, of the output.
    #[inline]
    pub fn out_steps(&self) -> usize {
        self.spec.steps(self.steps)
    }

    /// Numbers in `x (M, T, B, C)`.
    pub fn x_len(&self) -> usize {
        self.models * self.steps * self.batch * self.input
    }

    /// Numbers in `y (M, T', B, F)`.
    pub fn y_len(&self) -> usize {
        self.models * self.out_steps() * self.batch * self.spec.filters
    }

    /// `weight (F, C, k)` and `bias (F)`.
    pub fn tensors(&self) -> Vec<Tensor> {
        let shape = [self.spec.filters, self.input, self.spec.kernel];
        vec![
            Tensor::new("weight", &shape, Role::Weight, self.depth()),
            Tensor::new("bias", &shape[..1], Role::Bias, self.depth()),
        ]
    }

    /// For a table of layers.
    pub fn describe(&self) -> String {
        format!("conv of {} steps, ReLU, max-pool 2", self.spec.kernel)
    }

    /// The shape of a row's output, for people.
    pub fn output_shape(&self) -> String {
        format!("{} x {}", self.out_steps(), self.spec.filters)
    }

    /// Start of row `b` at step `t` in `x`.
    #[inline]
    pub fn x_at(&self, m: usize, t: usize, b: usize) -> usize {
        ((m * self.steps + t) * self.batch + b) * self.input
    }

    /// Start of row `b` at step `t` in `y`.
    #[inline]
    pub fn y_at(&self, m: usize, t: usize, b: usize) -> usize {
        ((m * self.out_steps() + t) * self.batch + b) * self.spec.filters
    }
}

/// Operands of [`ConvForward`].
pub struct ConvForwardOperands<'a, D: Device> {
    /// `(M, P)`
    pub weights: &'a Reals<D>,
    /// `(M, T, B, C)`; not read at and past a row's length.
    pub x: &'a Reals<D>,
    /// `(M, B)`: steps of each row of `x`. Those of `y` are [`ConvSpec::steps`] of them.
    pub lengths: &'a Words<D>,
    /// `(M, T', B, F)`, out; zero past a row's last step.
    pub y: &'a mut Reals<D>,
    /// `(M, T', B, F)`, out: `y`, negative where the later of the two steps was the larger. For backward.
    pub argmax: Option<&'a mut Reals<D>>,
}

/// Operands of [`ConvBackward`].
pub struct ConvBackwardOperands<'a, D: Device> {
    /// `(M, P)`
    pub weights: &'a Reals<D>,
    /// As in the forward pass.
    pub x: &'a Reals<D>,
    /// As in the forward pass.
    pub lengths: &'a Words<D>,
    /// As the forward pass left them: a gradient goes to the step that won, and nowhere where `y` is 0.
    pub argmax: &'a Reals<D>,
    /// `(M, T', B, F)`; not read past a row's last step.
    pub dy: &'a Reals<D>,
    /// `(M, T, B, C)`, out; zero at and past a row's length.
    pub dx: Option<&'a mut Reals<D>>,
    /// `(M, P)`, out: this block's part is overwritten.
    pub d_weights: &'a mut Reals<D>,
}

impl Conv {
    /// `2 C k` for each filter and each of the two steps of a pooled one.
    fn product(&self) -> usize {
        2 * self.depth() * 2 * self.y_len()
    }

    /// Work of the forward pass, with or without saving the argmax.
    pub fn forward_work(&self, save: bool) -> Work {
        let outputs = (1 + usize::from(save)) * self.y_len();
        Work::new(self.product(), self.x_len() + self.models * self.params() + outputs)
    }

    /// `sum dz x`; half of the products are with zeros, which count.
    pub fn weight_gradient_work(&self) -> Work {
        Work::new(self.product(), self.x_len() + 2 * self.y_len() + self.models * self.params())
    }

    /// `W^T dz`, likewise.
    pub fn input_gradient_work(&self) -> Work {
        Work::new(self.product(), self.x_len() + 2 * self.y_len() + self.models * self.params())
    }
}

/// The block forward.
pub struct ConvForward;

impl Operation for ConvForward {
    type Sizes = Conv;
    type Operands<'a, D: Device> = ConvForwardOperands<'a, D>;
    const LABEL: &'static str = "convolution";

    fn work<D: Device>(s: &Conv, a: &ConvForwardOperands<D>) -> Work {
        s.forward_work(a.argmax.is_some())
    }

    fn prepare<D: Device>(device: &D, s: &Conv, a: &mut ConvForwardOperands<D>) -> Result<()> {
        check_lengths(device, a.lengths, s.models * s.batch, s.steps)
    }
}

/// Its gradients by parameters and input.
pub struct ConvBackward;

impl Operation for ConvBackward {
    type Sizes = Conv;
    type Operands<'a, D: Device> = ConvBackwardOperands<'a, D>;
    const LABEL: &'static str = "convolution backward";

    fn work<D: Device>(s: &Conv, a: &ConvBackwardOperands<D>) -> Work {
        let input = a.dx.as_ref().map_or(Work::default(), |_| s.input_gradient_work());
        s.weight_gradient_work() + input
    }

    fn prepare<D: Device>(device: &D, s: &Conv, a: &mut ConvBackwardOperands<D>) -> Result<()> {
        check_lengths(device, a.lengths, s.models * s.batch, s.steps)
    }
}
