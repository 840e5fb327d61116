//! Gathering a mini-batch: one pass over its frames, with the bits of the reference.

use super::device::Cpu;
use super::format::Fp32;
use super::isa::{self, Task};
use super::simd::Simd;
use super::tasks::for_each_task;
use crate::backend::disjoint::Disjoint;
use crate::error::Result;
use crate::ops::{Checked, Gather, GatherOperands, Runs, locate};
use ndarray::ArcArray2;

impl Runs<Gather> for Cpu {
    /// One task per model and step, `(B, D)`.
    fn execute(&self, s: &Gather, a: GatherOperands<Self>, _: Checked) -> Result<()> {
        let isa = self.isa();
        let rows = a.first.iter().zip(a.lengths).take(s.models * s.batch);
        let sequences: Vec<&[f32]> = rows
            .map(|(&first, &length)| match length {
                0 => &[],
                _ => frames_of(a.frames, first as usize, length as usize),
            })
            .collect();
        let (step, x) = (s.batch * s.features, Disjoint::new(a.x));
        for_each_task(s.models * s.steps, step, |i| {
            let (m, t) = (i / s.steps, i % s.steps);
            let statistic = |which: usize| {
                let row = if s.stat_steps == 1 { 0 } else { t };
                &a.stats[((m * 2 + which) * s.stat_steps + row) * s.features..][..s.features]
            };
            let task = Step {
                t,
                sequences: &sequences[m * s.batch..][..s.batch],
                mean: statistic(0),
                inv_std: statistic(1),
                // SAFETY: `i` counts steps of models, and is one task's alone; its range is the `i`-th of
                // `step` numbers.
                x: unsafe { x.range(i * step..(i + 1) * step) },
            };
            isa::run(isa, task);
        });
        Ok(())
    }
}

/// `(length, D)`, which lies in one chunk of the frame table.
fn frames_of(chunks: &[ArcArray2<f32>], first: usize, length: usize) -> &[f32] {
    let (chunk, row) = locate(chunks, first);
    let features = chunks[chunk].ncols();
    let frames = chunks[chunk].as_slice().expect("`frames` made it row-major");
    &frames[row * features..][..length * features]
}

/// `x (B, D)` of step `t`.
struct Step<'a> {
    t: usize,
    /// `(length, D)` of each row.
    sequences: &'a [&'a [f32]],
    mean: &'a [f32],
    inv_std: &'a [f32],
    x: &'a mut [f32],
}

impl Task for Step<'_> {
    type Format = Fp32;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let features = self.mean.len();
        debug_assert_eq!(self.inv_std.len(), features);
        for (row, x) in self.x.chunks_exact_mut(features).enumerate() {
            let sequence = self.sequences[row];
            let Some(frame) = sequence.get(self.t * features..(self.t + 1) * features) else {
                x.fill(0.0);
                continue;
            };
            for d in (0..features).step_by(S::LANES) {
                let count = features - d;
                // SAFETY: `run`'s caller has `S`'s instructions; `frame`, `mean`, `inv_std` and `x` have
                // `features` numbers each, of which `count` are left from `d` on.
                unsafe {
                    let load = |from: &[f32]| S::load_first(from.as_ptr().add(d), count);
                    // Rounded twice, as by the reference.
                    let centered = S::sub(load(frame), load(self.mean));
                    S::store_first(x.as_mut_ptr().add(d), S::mul(centered, load(self.inv_std)), count);
                }
            }
        }
    }
}
