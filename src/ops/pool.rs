//! Pooling over time: a sequence becomes one vector.

use super::operation::{Device, Operation, Reals, Words, check_lengths};
use super::{Tensor, Work};
use crate::error::Result;

/// The kind of pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// Each direction's final hidden state (`h_n`): the reverse direction ends at step 0.
    Last,
    /// The mean of the hidden states over the row's steps.
    Mean,
}

/// Pooling over time, `(M, T, B, dirs*H)` to `(M, B, dirs*H)`. An absent row gives 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Last state or mean.
    pub kind: PoolKind,
    /// `M`
    pub models: usize,
    /// `B`
    pub batch: usize,
    /// `T`
    pub steps: usize,
    /// `H`
    pub hidden: usize,
    /// `dirs`: directions of the layer below.
    pub dirs: usize,
    /// `S`: state vectors in `last`, of which pooling reads the first.
    pub states: usize,
}

impl Pool {
    /// Numbers in the pooled vectors `(M, B, dirs*H)`.
    pub fn y_len(&self) -> usize {
        self.models * self.batch * self.dirs * self.hidden
    }

    /// None.
    pub fn params(&self) -> usize {
        0
    }

    /// Parameters: none.
    pub fn tensors(&self) -> Vec<Tensor> {
        Vec::new()
    }

    /// For a table of layers.
    pub fn describe(&self) -> String {
        match self.kind {
            PoolKind::Last => "final state",
            PoolKind::Mean => "mean over time",
        }
        .into()
    }

    /// The shape of a row's output, for people.
    pub fn output_shape(&self) -> String {
        (self.dirs * self.hidden).to_string()
    }

    /// The mean adds every step; the last state is copied. Backward is as much.
    pub fn work(&self) -> Work {
        let row = self.dirs * self.hidden;
        let out = self.models * self.batch * row;
        match self.kind {
            PoolKind::Last => Work::new(0, 2 * out),
            PoolKind::Mean => Work::new(self.steps * out, (self.steps + 1) * out),
        }
    }
}

/// Operands of [`PoolForward`].
pub struct PoolForwardOperands<'a, D: Device> {
    /// `(M, B)`
    pub lengths: &'a Words<D>,
    /// The mean pools the hidden states `(M, T, B, dirs*H)`, the last the final states `(M, S, dirs, B, H)`.
    pub from: &'a Reals<D>,
    /// `(M, B, dirs*H)`, out.
    pub out: &'a mut Reals<D>,
}

/// Operands of [`PoolBackward`].
pub struct PoolBackwardOperands<'a, D: Device> {
    /// `(M, B)`
    pub lengths: &'a Words<D>,
    /// `(M, B, dirs*H)`: gradient by the pooled vector.
    pub d_out: &'a Reals<D>,
    /// Out: gradient by what was pooled, in its shape.
    pub to: &'a mut Reals<D>,
}

/// From hidden states to one vector.
pub struct PoolForward;

impl Operation for PoolForward {
    type Sizes = Pool;
    type Operands<'a, D: Device> = PoolForwardOperands<'a, D>;
    const LABEL: &'static str = "pool forward";

    fn work<D: Device>(s: &Pool, _: &PoolForwardOperands<D>) -> Work {
        s.work()
    }

    fn prepare<D: Device>(device: &D, s: &Pool, a: &mut PoolForwardOperands<D>) -> Result<()> {
        check_lengths(device, a.lengths, s.models * s.batch, s.steps)
    }
}

/// From the gradient by that vector to the one by the hidden states.
pub struct PoolBackward;

impl Operation for PoolBackward {
    type Sizes = Pool;
    type Operands<'a, D: Device> = PoolBackwardOperands<'a, D>;
    const LABEL: &'static str = "pool backward";

    fn work<D: Device>(s: &Pool, _: &PoolBackwardOperands<D>) -> Work {
        s.work()
    }

    fn prepare<D: Device>(device: &D, s: &Pool, a: &mut PoolBackwardOperands<D>) -> Result<()> {
        check_lengths(device, a.lengths, s.models * s.batch, s.steps)
    }
}
