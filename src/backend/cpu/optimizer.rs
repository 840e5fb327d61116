//! Clipping and the parameter update: one pass over the gradients for their norms, one over everything for
//! the update.
//!
//! A norm is the sum of its chunks' partial sums, in their order, so neither threads nor the other models
//! change its bits.

use super::device::Cpu;
use super::format::Fp32;
use super::isa::{self, Task};
use super::simd::{MAX_LANES, Simd};
use super::tasks::for_each_task;
use crate::backend::disjoint::Disjoint;
use crate::error::Result;
use crate::ops::{Checked, Optimizer, OptimizerKind, OptimizerOperands, Runs, StepScalars};

/// Parameters of one task.
const CHUNK: usize = 4096;

impl Runs<Optimizer> for Cpu {
    fn execute(&self, s: &Optimizer, a: OptimizerOperands<Self>, _: Checked) -> Result<()> {
        let isa = self.isa();
        let chunks = s.params.div_ceil(CHUNK);
        let place = |i: usize| {
            let (m, first) = (i / chunks, i % chunks * CHUNK);
            (m, m * s.params + first..m * s.params + (first + CHUNK).min(s.params))
        };
        let scalars = |m: usize| -> [f32; StepScalars::LEN] {
            std::array::from_fn(|scalar| a.scalars[m * StepScalars::LEN + scalar])
        };
        let active = |m: usize| scalars(m)[1] != 0.0;

        let mut squares = vec![0.0; s.models * chunks];
        let partial = Disjoint::new(&mut squares);
        for_each_task(s.models * chunks, CHUNK, |i| {
            let (m, range) = place(i);
            if active(m) {
                // SAFETY: the range is number `i` alone, and `i` is one task's.
                let partial = unsafe { partial.range(i..i + 1) };
                partial[0] = isa::run(isa, Squares(&a.gradients[range]));
            }
        });
        let norms = &mut a.norms[a.row * s.models..][..s.models];
        for (norm, squares) in norms.iter_mut().zip(squares.chunks(chunks)) {
            *norm = squares.iter().sum::<f32>().sqrt();
        }

        let (weights, first, second) =
            (Disjoint::new(a.weights), Disjoint::new(a.first_moment), Disjoint::new(a.second_moment));
        for_each_task(s.models * chunks, 4 * CHUNK, |i| {
            let (m, range) = place(i);
            if !active(m) || !norms[m].is_finite() {
                return;
            }
            // SAFETY: each task has a chunk of a model of its own, and `place` ends it where the next begins
            // or the model does; the three are different buffers.
            let task = unsafe {
                Update {
                    rule: Rule::new(s, scalars(m), norms[m]),
                    weights: weights.range(range.clone()),
                    first: first.range(range.clone()),
                    second: second.range(range.clone()),
                    gradients: &a.gradients[range],
                }
            };
            isa::run(isa, task);
        });
        Ok(())
    }
}

/// The sum of the squares.
struct Squares<'a>(&'a [f32]);

impl Task for Squares<'_> {
    type Format = Fp32;
    type Output = f32;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> f32 {
        /// Sums side by side: an addition does not wait for the one before.
        const SUMS: usize = 4;
        // SAFETY: `run`'s caller has `S`'s instructions; from `i` on a chunk has `chunk.len() - i` numbers
        // left, and `lanes` has room for the vector of any path.
        unsafe {
            let mut sums = [S::splat(0.0); SUMS];
            for chunk in self.0.chunks(SUMS * S::LANES) {
                for i in (0..chunk.len()).step_by(S::LANES) {
                    let g = S::load_first(chunk.as_ptr().add(i), chunk.len() - i);
                    let sum = &mut sums[i / S::LANES];
                    *sum = S::mul_add(g, g, *sum);
                }
            }
            let mut lanes = [0.0; MAX_LANES];
            S::store(lanes.as_mut_ptr(), S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])));
            lanes.iter().sum()
        }
    }
}

/// One model's update of this step, as factors.
struct Rule {
    /// Of the gradient, by clipping.
    scale: f32,
    beta1: f32,
    beta2: f32,
    /// `1 - beta1` and `1 - beta2`, taken in `f64`: of rounded numbers the second is off by a hundred
    /// roundings.
    rest1: f32,
    rest2: f32,
    eps: f32,
    /// Weight decay as part of the gradient (Adam)
    coupled: f32,
    /// or of the weight (AdamW), times the learning rate.
    shrink: f32,
    /// Learning rate, the first moment's bias corrected.
    step: f32,
    /// Of the second moment's root.
    inv_correction2: f32,
}

impl Rule {
    fn new(s: &Optimizer, [rate, correction1, correction2, eps]: [f32; StepScalars::LEN], norm: f32) -> Self {
        let (coupled, decoupled) = match s.kind {
            OptimizerKind::Adam => (s.weight_decay as f32, 0.0),
            OptimizerKind::Adamw => (0.0, s.weight_decay as f32),
        };
        Rule {
            scale: (s.clip as f32 / (norm + 1e-6)).min(1.0),
            beta1: s.beta1 as f32,
            beta2: s.beta2 as f32,
            rest1: (1.0 - s.beta1) as f32,
            rest2: (1.0 - s.beta2) as f32,
            eps,
            coupled,
            shrink: rate * decoupled,
            step: rate / correction1,
            inv_correction2: 1.0 / correction2,
        }
    }
}

struct Update<'a> {
    rule: Rule,
    weights: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradients: &'a [f32],
}

impl Task for Update<'_> {
    type Format = Fp32;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Rule { scale, beta1, beta2, rest1, rest2, eps, coupled, shrink, step, inv_correction2 } =
            self.rule;
        let lens = [self.first.len(), self.second.len(), self.gradients.len()];
        debug_assert_eq!(lens, [self.weights.len(); 3]);
        for i in (0..self.weights.len()).step_by(S::LANES) {
            let count = self.weights.len() - i;
            // SAFETY: `run`'s caller has `S`'s instructions; `optimize` cut all four slices by one range, so
            // that from `i` on each has `count` numbers left.
            unsafe {
                let weights = self.weights.as_mut_ptr().add(i);
                let (first, second) = (self.first.as_mut_ptr().add(i), self.second.as_mut_ptr().add(i));
                let w = S::load_first(weights, count);
                let g = S::mul(S::load_first(self.gradients.as_ptr().add(i), count), S::splat(scale));
                let g = S::mul_add(S::splat(coupled), w, g);
                let mean = S::mul(S::splat(rest1), g);
                let mean = S::mul_add(S::splat(beta1), S::load_first(first, count), mean);
                let square = S::mul(S::mul(S::splat(rest2), g), g);
                let square = S::mul_add(S::splat(beta2), S::load_first(second, count), square);
                let root = S::mul_add(S::sqrt(square), S::splat(inv_correction2), S::splat(eps));
                let w = S::neg_mul_add(S::splat(shrink), w, w);
                let w = S::neg_mul_add(S::splat(step), S::div(mean, root), w);
                S::store_first(first, mean, count);
                S::store_first(second, square, count);
                S::store_first(weights, w, count);
            }
        }
    }
}
