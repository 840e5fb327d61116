//! Linear layers: dot products forward, weighted sums of rows backward.

use super::device::Cpu;
use super::dot::dot;
use super::format::Fp32;
use super::isa::{self, Task};
use super::simd::Simd;
use super::tasks::for_each_task;
use crate::backend::disjoint::Disjoint;
use crate::error::Result;
use crate::ops::{
    Checked, Linear, LinearBackward, LinearBackwardOperands, LinearForward, LinearForwardOperands, Runs,
};

impl Runs<LinearForward> for Cpu {
    /// One task per row.
    fn execute(&self, s: &Linear, a: LinearForwardOperands<Self>, _: Checked) -> Result<()> {
        let isa = self.isa();
        let y = Disjoint::new(a.y);
        for_each_task(s.models * s.batch, s.params(), |row| {
            let parameters = &a.weights[s.weights.start(row / s.batch)..][..s.params()];
            let (weight, bias) = parameters.split_at(s.output * s.input);
            let x = &a.x[row * s.input..][..s.input];
            // SAFETY: each task has a row of its own, and its range is that row.
            let y = unsafe { y.range(row * s.output..(row + 1) * s.output) };
            isa::run(isa, Row { weight, bias, x, relu: s.relu, y });
        });
        Ok(())
    }
}

/// One row of a batch.
struct Row<'a> {
    /// `(out, in)`
    weight: &'a [f32],
    bias: &'a [f32],
    x: &'a [f32],
    relu: bool,
    y: &'a mut [f32],
}

impl Task for Row<'_> {
    type Format = Fp32;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let input = self.x.len();
        for (o, (y, bias)) in self.y.iter_mut().zip(self.bias).enumerate() {
            // SAFETY: `run`'s caller has `S`'s instructions.
            *y = bias + unsafe { dot::<S>(&self.weight[o * input..][..input], self.x) };
            // A comparison that keeps NaN, which `max` would turn into 0.
            if self.relu && *y < 0.0 {
                *y = 0.0;
            }
        }
    }
}

impl Runs<LinearBackward> for Cpu {
    /// `dy` cut to where the ReLU passed, then one task per row of `dx` and one per row of `dW`.
    fn execute(&self, s: &Linear, a: LinearBackwardOperands<Self>, _: Checked) -> Result<()> {
        let isa = self.isa();
        let passed = |i: usize| if s.relu && a.y[i] <= 0.0 { 0.0 } else { a.dy[i] };
        let dy: Vec<f32> = (0..s.models * s.batch * s.output).map(passed).collect();
        if let Some(dx) = a.dx {
            let dx = Disjoint::new(dx);
            for_each_task(s.models * s.batch, s.params(), |row| {
                let factors = dy[row * s.output..][..s.output].iter();
                let rows = &a.weights[s.weights.start(row / s.batch)..];
                // SAFETY: each task has a row of its own, and its range is that row.
                let out = unsafe { dx.range(row * s.input..(row + 1) * s.input) };
                isa::run(isa, Combination { factors, rows, out });
            });
        }
        let apart = s.weights.keeps_apart(s.models, s.params());
        assert!(apart, "the models' weights overlap");
        let d_weights = Disjoint::new(a.d_weights);
        for_each_task(s.models * s.output, s.batch * s.input, |i| {
            let (m, o) = (i / s.output, i % s.output);
            let rows = m * s.batch..(m + 1) * s.batch;
            let factors = dy[rows.start * s.output..rows.end * s.output].iter().skip(o).step_by(s.output);
            let start = s.weights.start(m) + o * s.input;
            let bias = s.weights.start(m) + s.output * s.input + o;
            // SAFETY: each task has a model's output of its own, and these are its row of weights and its
            // bias, which lies behind all rows; by the assertion the models lie apart.
            let (out, d_bias) =
                unsafe { (d_weights.range(start..start + s.input), d_weights.range(bias..bias + 1)) };
            d_bias[0] = factors.clone().sum();
            isa::run(isa, Combination { factors, rows: &a.x[rows.start * s.input..], out });
        });
        Ok(())
    }
}

/// `out = sum over k of factors[k] * rows[k]`, rows as long as `out`, one after the other.
struct Combination<'a, F> {
    factors: F,
    rows: &'a [f32],
    out: &'a mut [f32],
}

impl<'f, F: Iterator<Item = &'f f32> + Clone> Task for Combination<'_, F> {
    type Format = Fp32;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        /// Vectors that are summed at once: an addition does not wait for the one before.
        const SUMS: usize = 4;
        let width = self.out.len();
        for (block, out) in self.out.chunks_mut(SUMS * S::LANES).enumerate() {
            let (first, count) = (block * SUMS * S::LANES, out.len());
            // SAFETY: `run`'s caller has `S`'s instructions; `row` and `out` have `count` numbers each, of
            // which `count - i` are left from `i` on.
            unsafe {
                let mut sums = [S::splat(0.0); SUMS];
                for (k, factor) in self.factors.clone().enumerate() {
                    let row = &self.rows[k * width + first..][..count];
                    for i in (0..count).step_by(S::LANES) {
                        let row = S::load_first(row.as_ptr().add(i), count - i);
                        let sum = &mut sums[i / S::LANES];
                        *sum = S::mul_add(S::splat(*factor), row, *sum);
                    }
                }
                for i in (0..count).step_by(S::LANES) {
                    S::store_first(out.as_mut_ptr().add(i), sums[i / S::LANES], count - i);
                }
            }
        }
    }
}
