//! Cutting a mini-batch out of the frame table.

use super::device::Reference;
use crate::error::Result;
use crate::ops::{Checked, Gather, GatherOperands, Real, Runs, locate};

impl<F: Real> Runs<Gather> for Reference<F> {
    /// `x[m, t, b, :] = (frames[first[m, b] + t, :] - mean[m, i, :]) * inv_std[m, i, :]`
    fn execute(&self, s: &Gather, a: GatherOperands<Self>, _: Checked) -> Result<()> {
        a.x[..s.models * s.steps * s.batch * s.features].fill(F::zero());
        for m in 0..s.models {
            for b in 0..s.batch {
                let length = a.lengths[m * s.batch + b] as usize;
                if length == 0 {
                    continue;
                }
                let (chunk, row) = locate(a.frames, a.first[m * s.batch + b] as usize);
                for t in 0..length {
                    let i = if s.stat_steps == 1 { 0 } else { t };
                    for d in 0..s.features {
                        let mean = a.stats[((m * 2) * s.stat_steps + i) * s.features + d];
                        let inv_std = a.stats[((m * 2 + 1) * s.stat_steps + i) * s.features + d];
                        let frame = F::of(f64::from(a.frames[chunk][[row + t, d]]));
                        a.x[((m * s.steps + t) * s.batch + b) * s.features + d] = (frame - mean) * inv_std;
                    }
                }
            }
        }
        Ok(())
    }
}
