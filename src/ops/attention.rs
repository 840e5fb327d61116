//! Attention over time: a sequence becomes the mean of its steps, weighted by how much each of them says.

use super::operation::{Device, Operation, Reals, Words, check_lengths};
use super::{Role, Slab, Tensor, Work};
use crate::error::Result;

/// Attention pooling, `(M, T, B, D)` to `(M, B, D)`, after Yang et al. 2016 (section 2.2) without the hidden
/// layer of the score: `e[t] = w . x[t]`, `a = softmax(e)` over the row's steps, `out = sum over t of a[t]
/// x[t]`. An absent row gives 0.
///
/// Parameters of one model: `weight (1, D)`. A bias would move all scores alike, which changes no softmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    /// `M`
    pub models: usize,
    /// `B`
    pub batch: usize,
    /// `T`
    pub steps: usize,
    /// `D`: numbers of a step.
    pub width: usize,
    /// Where the layer's parameters are in the weights.
    pub weights: Slab,
}

impl Attention {
    /// Parameters of one model.
    pub fn params(&self) -> usize {
        self.width
    }

    /// `weight (1, D)`, as of an `nn.Linear` without bias.
    pub fn tensors(&self) -> Vec<Tensor> {
        vec![Tensor::new("weight", &[1, self.width], Role::Weight, self.width)]
    }

    /// Numbers in the pooled vectors `(M, B, D)`.
    pub fn y_len(&self) -> usize {
        self.models * self.batch * self.width
    }

    /// Numbers in `x (M, T, B, D)`.
    pub fn x_len(&self) -> usize {
        self.scores_len() * self.width
    }

    /// Numbers in the scores, and in the weights of the steps, `(M, T, B)`.
    pub fn scores_len(&self) -> usize {
        self.models * self.steps * self.batch
    }

    /// For a table of layers.
    pub fn describe(&self) -> String {
        "attention over time".into()
    }

    /// The shape of a row's output, for people.
    pub fn output_shape(&self) -> String {
        self.width.to_string()
    }

    /// A product for each score, and one for the mean; an exponential and a quotient a step.
    pub fn forward_work(&self) -> Work {
        let (steps, all) = (self.scores_len(), self.x_len());
        Work::new(4 * all + 2 * steps, 2 * all + 2 * steps + self.y_len() + self.models * self.params())
    }

    /// Of each score and of the weights a product; of each step's gradient two.
    pub fn backward_work(&self) -> Work {
        let (steps, all) = (self.scores_len(), self.x_len());
        let numbers = 3 * all + 2 * steps + 2 * self.y_len() + 2 * self.models * self.params();
        Work::new(8 * all + 3 * steps, numbers)
    }
}

/// Operands of [`AttentionForward`].
pub struct AttentionForwardOperands<'a, D: Device> {
    /// `(M, P)`
    pub weights: &'a Reals<D>,
    /// `(M, B)`
    pub lengths: &'a Words<D>,
    /// `(M, T, B, D)`: not read at and past a row's length.
    pub x: &'a Reals<D>,
    /// `(M, T, B)`, out: the weight of each step; 0 at and past a row's length.
    pub attention: &'a mut Reals<D>,
    /// `(M, B, D)`, out.
    pub out: &'a mut Reals<D>,
}

/// Operands of [`AttentionBackward`].
pub struct AttentionBackwardOperands<'a, D: Device> {
    /// `(M, P)`
    pub weights: &'a Reals<D>,
    /// `(M, B)`
    pub lengths: &'a Words<D>,
    /// As in the forward pass.
    pub x: &'a Reals<D>,
    /// `(M, T, B)`: as forward left it.
    pub attention: &'a Reals<D>,
    /// `(M, B, D)`: gradient by the pooled vector.
    pub d_out: &'a Reals<D>,
    /// `(M, T, B)`, out: gradient by the scores; 0 at and past a row's length.
    pub d_scores: &'a mut Reals<D>,
    /// `(M, T, B, D)`, out; 0 at and past a row's length.
    pub dx: &'a mut Reals<D>,
    /// `(M, P)`, out: this layer's part is overwritten.
    pub d_weights: &'a mut Reals<D>,
}

/// From the steps to one vector.
pub struct AttentionForward;

impl Operation for AttentionForward {
    type Sizes = Attention;
    type Operands<'a, D: Device> = AttentionForwardOperands<'a, D>;
    const LABEL: &'static str = "attention forward";

    fn work<D: Device>(s: &Attention, _: &AttentionForwardOperands<D>) -> Work {
        s.forward_work()
    }

    fn prepare<D: Device>(device: &D, s: &Attention, a: &mut AttentionForwardOperands<D>) -> Result<()> {
        check_lengths(device, a.lengths, s.models * s.batch, s.steps)
    }
}

/// From the gradient by that vector to those by the steps and the weights.
pub struct AttentionBackward;

impl Operation for AttentionBackward {
    type Sizes = Attention;
    type Operands<'a, D: Device> = AttentionBackwardOperands<'a, D>;
    const LABEL: &'static str = "attention backward";

    fn work<D: Device>(s: &Attention, _: &AttentionBackwardOperands<D>) -> Work {
        s.backward_work()
    }

    fn prepare<D: Device>(device: &D, s: &Attention, a: &mut AttentionBackwardOperands<D>) -> Result<()> {
        check_lengths(device, a.lengths, s.models * s.batch, s.steps)
    }
}
