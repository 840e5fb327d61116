//! Cutting a mini-batch out of the frame table.

use super::Work;
use super::operation::{Device, Operation, Reals, Words, check_lengths};
use crate::error::Result;

/// Sizes of a gather: `x[m, t, b, :] = (frames[first[m, b] + t, :] - mean[m, i, :]) * inv_std[m, i, :]`.
///
/// `i` is 0, or `t` where the statistics are per step. Steps at and past a row's length become 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gather {
    /// `M`
    pub models: usize,
    /// `B`
    pub batch: usize,
    /// `T`
    pub steps: usize,
    /// `D`
    pub features: usize,
    /// 1: one mean and deviation per feature; `T`: one per step and feature.
    pub stat_steps: usize,
}

/// Operands of a gather.
pub struct GatherOperands<'a, D: Device> {
    /// The frame table, a list of chunks `(frames, D)`.
    pub frames: &'a D::Frames,
    /// `(M, B)`: row of the frame table where each sequence starts.
    pub first: &'a Words<D>,
    /// `(M, B)`: steps of each row; 0 for an absent row.
    pub lengths: &'a Words<D>,
    /// `(M, 2, stat_steps, D)`: means, then inverse standard deviations.
    pub stats: &'a Reals<D>,
    /// `(M, T, B, D)`, out.
    pub x: &'a mut Reals<D>,
}

impl Gather {
    /// Two products and a difference a number.
    pub fn work(&self) -> Work {
        let numbers = self.models * self.steps * self.batch * self.features;
        Work::new(3 * numbers, 2 * numbers + 2 * self.models * self.stat_steps * self.features)
    }
}

impl Operation for Gather {
    type Sizes = Gather;
    type Operands<'a, D: Device> = GatherOperands<'a, D>;
    const LABEL: &'static str = "gather";

    fn work<D: Device>(s: &Gather, _: &GatherOperands<D>) -> Work {
        s.work()
    }

    fn prepare<D: Device>(device: &D, s: &Gather, a: &mut GatherOperands<D>) -> Result<()> {
        check_lengths(device, a.lengths, s.models * s.batch, s.steps)
    }
}
