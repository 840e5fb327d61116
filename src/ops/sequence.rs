//! Cutting a mini-batch out of the frame table.

use crate::error::{Error, Result};

/// Refuses a row of more steps than buffers are made for. Devices do not look: what is beyond `T` is another row's.
pub fn check_lengths(lengths: &[u32], steps: usize) -> Result<()> {
    match lengths.iter().position(|&length| length as usize > steps) {
        None => Ok(()),
        Some(row) => {
            Err(Error::data(format!("row {row} has {} steps, expected at most {steps}", lengths[row])))
        }
    }
}

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
pub struct GatherOperands<'a, R: ?Sized, W: ?Sized> {
    /// `(M, B)`: row of the frame table where each sequence starts.
    pub first: &'a W,
    /// `(M, B)`: steps of each row; 0 for an absent row.
    pub lengths: &'a W,
    /// `(M, 2, stat_steps, D)`: means, then inverse standard deviations.
    pub stats: &'a R,
    /// `(M, T, B, D)`, out.
    pub x: &'a mut R,
}
