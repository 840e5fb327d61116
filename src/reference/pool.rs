//! Pooling over time.

use super::device::Reference;
use crate::error::Result;
use crate::ops::{
    Checked, Pool, PoolBackward, PoolBackwardOperands, PoolForward, PoolForwardOperands, PoolKind, Real, Runs,
};

impl<F: Real> Runs<PoolForward> for Reference<F> {
    /// `(M, T, B, dirs*H)`, or the final states, to `(M, B, dirs*H)`.
    fn execute(&self, s: &Pool, a: PoolForwardOperands<Self>, _: Checked) -> Result<()> {
        let PoolForwardOperands { lengths, from, out } = a;
        for_each_pooled(s, |m, b, dir, j, at| {
            let length = lengths[m * s.batch + b] as usize;
            out[at] = match s.kind {
                _ if length == 0 => F::zero(),
                PoolKind::Last => from[last_at(s, m, dir, b) + j],
                PoolKind::Mean => {
                    let sum: F = (0..length).map(|t| from[y_at(s, m, dir, t, b) + j]).sum();
                    sum / F::of(length as f64)
                }
            };
        });
        Ok(())
    }
}

impl<F: Real> Runs<PoolBackward> for Reference<F> {
    /// Gradient of the pooled vector to the one by the hidden states (mean) or by the final ones (last).
    fn execute(&self, s: &Pool, a: PoolBackwardOperands<Self>, _: Checked) -> Result<()> {
        let PoolBackwardOperands { lengths, d_out, to } = a;
        match s.kind {
            PoolKind::Last => to[..s.models * s.states * s.dirs * s.batch * s.hidden].fill(F::zero()),
            PoolKind::Mean => to[..s.models * s.steps * s.batch * s.dirs * s.hidden].fill(F::zero()),
        }
        for_each_pooled(s, |m, b, dir, j, at| {
            let length = lengths[m * s.batch + b] as usize;
            match s.kind {
                _ if length == 0 => {}
                PoolKind::Last => to[last_at(s, m, dir, b) + j] = d_out[at],
                PoolKind::Mean => {
                    for t in 0..length {
                        to[y_at(s, m, dir, t, b) + j] = d_out[at] / F::of(length as f64);
                    }
                }
            }
        });
        Ok(())
    }
}

fn for_each_pooled(s: &Pool, mut each: impl FnMut(usize, usize, usize, usize, usize)) {
    let mut at = 0;
    for m in 0..s.models {
        for b in 0..s.batch {
            for dir in 0..s.dirs {
                for j in 0..s.hidden {
                    each(m, b, dir, j, at);
                    at += 1;
                }
            }
        }
    }
}

fn y_at(s: &Pool, m: usize, dir: usize, t: usize, b: usize) -> usize {
    (((m * s.steps + t) * s.batch + b) * s.dirs + dir) * s.hidden
}

fn last_at(s: &Pool, m: usize, dir: usize, b: usize) -> usize {
    ((m * s.states * s.dirs + dir) * s.batch + b) * s.hidden
}
