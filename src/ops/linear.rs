//! The linear layer, with an optional ReLU.

use super::operation::{Device, Operation, Reals};
use super::{Role, Slab, Tensor, Work};

/// A linear layer, `y = x W^T + bias`, with an optional ReLU; parameters `weight (out, in)`, `bias (out)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// `M`
    pub models: usize,
    /// `B`
    pub batch: usize,
    /// Input features.
    pub input: usize,
    /// Output units.
    pub output: usize,
    /// Whether a ReLU follows.
    pub relu: bool,
    /// Where the layer's parameters are in the weights.
    pub weights: Slab,
}

impl Linear {
    /// Numbers in `y (M, B, out)`.
    pub fn y_len(&self) -> usize {
        self.models * self.batch * self.output
    }

    /// `weight (out, in)` and `bias (out)`.
    pub fn tensors(&self) -> Vec<Tensor> {
        vec![
            Tensor::new("weight", &[self.output, self.input], Role::Weight, self.input),
            Tensor::new("bias", &[self.output], Role::Bias, self.input),
        ]
    }

    /// For a table of layers.
    pub fn describe(&self) -> String {
        if self.relu { "dense, ReLU" } else { "dense, softmax" }.into()
    }

    /// The shape of a row's output, for people.
    pub fn output_shape(&self) -> String {
        self.output.to_string()
    }

    /// Parameters of one model.
    pub fn params(&self) -> usize {
        self.output * (self.input + 1)
    }
}

/// Operands of [`LinearForward`].
pub struct LinearForwardOperands<'a, D: Device> {
    /// `(M, P)`
    pub weights: &'a Reals<D>,
    /// `(M, B, in)`
    pub x: &'a Reals<D>,
    /// `(M, B, out)`, out.
    pub y: &'a mut Reals<D>,
}

/// Operands of [`LinearBackward`].
pub struct LinearBackwardOperands<'a, D: Device> {
    /// `(M, P)`
    pub weights: &'a Reals<D>,
    /// `(M, B, in)`
    pub x: &'a Reals<D>,
    /// `(M, B, out)`: as forward left it; where a ReLU gave 0 no gradient passes.
    pub y: &'a Reals<D>,
    /// `(M, B, out)`
    pub dy: &'a Reals<D>,
    /// `(M, B, in)`, out.
    pub dx: Option<&'a mut Reals<D>>,
    /// `(M, P)`, out: this layer's part is overwritten.
    pub d_weights: &'a mut Reals<D>,
}

impl Linear {
    /// Work of the forward pass.
    pub fn forward_work(&self) -> Work {
        let rows = self.models * self.batch;
        let numbers = rows * (self.input + self.output) + self.models * self.params();
        Work::new(2 * rows * self.input * self.output, numbers)
    }

    /// Two products, for the input and for the weights.
    pub fn backward_work(&self) -> Work {
        let rows = self.models * self.batch;
        let numbers = 2 * rows * (self.input + self.output) + 2 * self.models * self.params();
        Work::new(4 * rows * self.input * self.output, numbers)
    }
}

/// The layer forward.
pub struct LinearForward;

impl Operation for LinearForward {
    type Sizes = Linear;
    type Operands<'a, D: Device> = LinearForwardOperands<'a, D>;
    const LABEL: &'static str = "linear forward";

    fn work<D: Device>(s: &Linear, _: &LinearForwardOperands<D>) -> Work {
        s.forward_work()
    }
}

/// Its gradients by parameters and input.
pub struct LinearBackward;

impl Operation for LinearBackward {
    type Sizes = Linear;
    type Operands<'a, D: Device> = LinearBackwardOperands<'a, D>;
    const LABEL: &'static str = "linear backward";

    fn work<D: Device>(s: &Linear, _: &LinearBackwardOperands<D>) -> Work {
        s.backward_work()
    }
}
