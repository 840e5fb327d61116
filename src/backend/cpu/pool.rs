//! Pooling over time, row by row, with the bits of the reference.

use super::device::Cpu;
use super::format::Fp32;
use super::isa::{self, Task};
use super::simd::Simd;
use super::tasks::for_each_task;
use crate::backend::disjoint::Disjoint;
use crate::error::Result;
use crate::ops::{
    Checked, Pool, PoolBackward, PoolBackwardOperands, PoolForward, PoolForwardOperands, PoolKind, Runs,
};

impl Runs<PoolForward> for Cpu {
    fn execute(&self, s: &Pool, a: PoolForwardOperands<Self>, _: Checked) -> Result<()> {
        let isa = self.isa();
        let PoolForwardOperands { lengths, from, out } = a;
        let width = s.dirs * s.hidden;
        let out = Disjoint::new(out);
        let numbers = if s.kind == PoolKind::Mean { s.steps * width } else { width };
        for_each_task(s.models * s.batch, numbers, |row| {
            let (m, b, length) = (row / s.batch, row % s.batch, lengths[row] as usize);
            // SAFETY: each task has a row of its own, and its range is that row.
            let out = unsafe { out.range(row * width..(row + 1) * width) };
            match s.kind {
                _ if length == 0 => out.fill(0.0),
                PoolKind::Last => {
                    for (dir, out) in out.chunks_exact_mut(s.hidden).enumerate() {
                        out.copy_from_slice(&from[last_at(s, m, dir, b)..][..s.hidden]);
                    }
                }
                PoolKind::Mean => {
                    let steps = &from[(m * s.steps * s.batch + b) * width..];
                    isa::run(isa, Mean { length, steps, stride: s.batch * width, out });
                }
            }
        });
        Ok(())
    }
}

impl Runs<PoolBackward> for Cpu {
    fn execute(&self, s: &Pool, a: PoolBackwardOperands<Self>, _: Checked) -> Result<()> {
        let isa = self.isa();
        let PoolBackwardOperands { lengths, d_out, to } = a;
        let width = s.dirs * s.hidden;
        match s.kind {
            PoolKind::Last => {
                to[..s.models * s.states * s.dirs * s.batch * s.hidden].fill(0.0);
                for row in (0..s.models * s.batch).filter(|&row| lengths[row] > 0) {
                    for (dir, d_out) in d_out[row * width..][..width].chunks_exact(s.hidden).enumerate() {
                        let at = last_at(s, row / s.batch, dir, row % s.batch);
                        to[at..at + s.hidden].copy_from_slice(d_out);
                    }
                }
            }
            PoolKind::Mean => {
                let (step, dy) = (s.batch * width, Disjoint::new(to));
                for_each_task(s.models * s.steps, step, |i| {
                    let (m, t) = (i / s.steps, i % s.steps);
                    let task = Spread {
                        t,
                        lengths: &lengths[m * s.batch..][..s.batch],
                        d_out: &d_out[m * step..][..step],
                        // SAFETY: `i` counts steps of models, and is one task's alone; its range is the
                        // `i`-th of `step` numbers.
                        dy: unsafe { dy.range(i * step..(i + 1) * step) },
                    };
                    isa::run(isa, task);
                });
            }
        }
        Ok(())
    }
}

/// Start of the `H` numbers of the final hidden state of row `b`.
fn last_at(s: &Pool, m: usize, dir: usize, b: usize) -> usize {
    ((m * s.states * s.dirs + dir) * s.batch + b) * s.hidden
}

/// The mean of one row's first `length` steps, which lie `stride` apart.
struct Mean<'a> {
    length: usize,
    steps: &'a [f32],
    stride: usize,
    out: &'a mut [f32],
}

impl Task for Mean<'_> {
    type Format = Fp32;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.out.len();
        self.out.fill(0.0);
        for step in self.steps.chunks(self.stride).take(self.length) {
            let step = &step[..width];
            for (sum, y) in self.out.iter_mut().zip(step) {
                *sum += y;
            }
        }
        for sum in self.out {
            *sum /= self.length as f32;
        }
    }
}

/// `dy (B, dirs*H)` of step `t`.
struct Spread<'a> {
    t: usize,
    lengths: &'a [u32],
    d_out: &'a [f32],
    dy: &'a mut [f32],
}

impl Task for Spread<'_> {
    type Format = Fp32;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.dy.len() / self.lengths.len();
        let rows = self.dy.chunks_exact_mut(width).zip(self.d_out.chunks_exact(width));
        for ((dy, d_out), &length) in rows.zip(self.lengths) {
            if self.t >= length as usize {
                dy.fill(0.0);
                continue;
            }
            let steps = length as f32;
            for (dy, d_out) in dy.iter_mut().zip(d_out) {
                *dy = d_out / steps;
            }
        }
    }
}
