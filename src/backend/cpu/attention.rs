//! Attention over time: one task per row forward and for its gradients, one per model for its weights'.

use super::device::Cpu;
use super::dot::dot;
use super::format::Fp32;
use super::isa::{self, Task};
use super::simd::Simd;
use super::tasks::for_each_task;
use crate::backend::disjoint::Disjoint;
use crate::error::Result;
use crate::ops::{
    Attention, AttentionBackward, AttentionBackwardOperands, AttentionForward, AttentionForwardOperands,
    Checked, Runs,
};

impl Runs<AttentionForward> for Cpu {
    fn execute(&self, s: &Attention, a: AttentionForwardOperands<Self>, _: Checked) -> Result<()> {
        let isa = self.isa();
        let (attention, out) = (Disjoint::new(a.attention), Disjoint::new(a.out));
        for_each_task(s.models * s.batch, s.steps * s.width, |row| {
            let steps = Steps::of(s, a.lengths, a.x, row);
            let weight = &a.weights[s.weights.start(row / s.batch)..][..s.width];
            let mut weights = vec![0.0; s.steps];
            // SAFETY: `row` is one task's alone; its range is the `row`-th of `width` numbers.
            let out = unsafe { out.range(row * s.width..(row + 1) * s.width) };
            isa::run(isa, Forward { steps, weight, weights: &mut weights, out });
            for (t, weight) in weights.into_iter().enumerate() {
                let place = steps.place(t);
                // SAFETY: as above; the place is of this row and a step.
                let own = unsafe { attention.range(place..place + 1) };
                own[0] = weight;
            }
        });
        Ok(())
    }
}

impl Runs<AttentionBackward> for Cpu {
    fn execute(&self, s: &Attention, a: AttentionBackwardOperands<Self>, _: Checked) -> Result<()> {
        let apart = s.weights.keeps_apart(s.models, s.params());
        assert!(apart, "the models' weights overlap");
        let isa = self.isa();
        let (d_scores, dx) = (Disjoint::new(a.d_scores), Disjoint::new(a.dx));
        for_each_task(s.models * s.batch, 2 * s.steps * s.width, |row| {
            let steps = Steps::of(s, a.lengths, a.x, row);
            let attention: Vec<f32> = (0..s.steps).map(|t| a.attention[steps.place(t)]).collect();
            let d_out = &a.d_out[row * s.width..][..s.width];
            let mut own = vec![0.0; s.steps];
            isa::run(isa, Scores { steps, attention: &attention, d_out, d_scores: &mut own });
            let weight = &a.weights[s.weights.start(row / s.batch)..][..s.width];
            for (t, &d_score) in own.iter().enumerate() {
                let (place, attention) = (steps.place(t), attention[t]);
                // SAFETY: `row` is one task's alone; the places are of this row and a step.
                let (to, dx) = unsafe {
                    (d_scores.range(place..place + 1), dx.range(place * s.width..(place + 1) * s.width))
                };
                to[0] = d_score;
                match t < steps.length {
                    true => isa::run(isa, Gradient { attention, d_out, d_score, weight, dx }),
                    false => dx.fill(0.0),
                }
            }
        });
        let d_scores = &*a.d_scores;
        let d_weights = Disjoint::new(a.d_weights);
        for_each_task(s.models, s.steps * s.batch * s.width, |m| {
            let start = s.weights.start(m);
            // SAFETY: `m` is one task's alone, and the models' weights do not overlap.
            let d_weights = unsafe { d_weights.range(start..start + s.width) };
            let lengths = &a.lengths[m * s.batch..][..s.batch];
            let first = m * s.steps * s.batch;
            isa::run(
                isa,
                Weights { batch: s.batch, steps: s.steps, lengths, first, x: a.x, d_scores, d_weights },
            );
        });
        Ok(())
    }
}

/// The steps of one row.
#[derive(Clone, Copy)]
struct Steps<'a> {
    x: &'a [f32],
    width: usize,
    length: usize,
    /// Of the row's first step in `(M, T, B)`, and to the next.
    first: usize,
    stride: usize,
}

impl<'a> Steps<'a> {
    fn of(s: &Attention, lengths: &[u32], x: &'a [f32], row: usize) -> Self {
        let first = row / s.batch * s.steps * s.batch + row % s.batch;
        Steps { x, width: s.width, length: lengths[row] as usize, first, stride: s.batch }
    }

    /// Of step `t` in `(M, T, B)`.
    fn place(&self, t: usize) -> usize {
        self.first + t * self.stride
    }

    /// The numbers of step `t`.
    fn step(&self, t: usize) -> &'a [f32] {
        &self.x[self.place(t) * self.width..][..self.width]
    }
}

/// `out += factor * row`, rounded twice, as by the reference.
///
/// # Safety
/// The processor has `S`'s instructions.
#[inline(always)]
unsafe fn add_scaled<S: Simd>(out: &mut [f32], factor: f32, row: &[f32]) {
    let row = &row[..out.len()];
    for i in (0..out.len()).step_by(S::LANES) {
        let count = out.len() - i;
        // SAFETY: the caller's processor has `S`'s instructions; of both slices `count` numbers are left from
        // `i` on.
        unsafe {
            let scaled = S::mul(S::splat(factor), S::load_first(row.as_ptr().add(i), count));
            let sum = S::add(S::load_first(out.as_ptr().add(i), count), scaled);
            S::store_first(out.as_mut_ptr().add(i), sum, count);
        }
    }
}

struct Forward<'a> {
    steps: Steps<'a>,
    weight: &'a [f32],
    /// `(T)`, zeros; out.
    weights: &'a mut [f32],
    out: &'a mut [f32],
}

impl Task for Forward<'_> {
    type Format = Fp32;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Forward { steps, weight, weights, out } = self;
        let weights = &mut weights[..steps.length];
        out.fill(0.0);
        for (t, score) in weights.iter_mut().enumerate() {
            // SAFETY: `run`'s caller has `S`'s instructions.
            *score = unsafe { dot::<S>(weight, steps.step(t)) };
        }
        // A NaN is in the sum below, whatever becomes of it here.
        let largest = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        weights.iter_mut().for_each(|score| *score = (*score - largest).exp());
        let sum: f32 = weights.iter().sum();
        for (t, weight) in weights.iter_mut().enumerate() {
            *weight /= sum;
            // SAFETY: as above.
            unsafe { add_scaled::<S>(out, *weight, steps.step(t)) };
        }
    }
}

struct Scores<'a> {
    steps: Steps<'a>,
    attention: &'a [f32],
    d_out: &'a [f32],
    /// `(T)`, zeros; out.
    d_scores: &'a mut [f32],
}

impl Task for Scores<'_> {
    type Format = Fp32;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Scores { steps, attention, d_out, d_scores } = self;
        let d_scores = &mut d_scores[..steps.length];
        for (t, g) in d_scores.iter_mut().enumerate() {
            // SAFETY: `run`'s caller has `S`'s instructions.
            *g = unsafe { dot::<S>(d_out, steps.step(t)) };
        }
        let attention = &attention[..d_scores.len()];
        let mut mean = 0.0;
        for t in 0..d_scores.len() {
            mean += attention[t] * d_scores[t];
        }
        for t in 0..d_scores.len() {
            d_scores[t] = attention[t] * (d_scores[t] - mean);
        }
    }
}

/// `dx = a d_out + de w` of one step.
struct Gradient<'a> {
    attention: f32,
    d_out: &'a [f32],
    d_score: f32,
    weight: &'a [f32],
    dx: &'a mut [f32],
}

impl Task for Gradient<'_> {
    type Format = Fp32;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Gradient { attention, d_out, d_score, weight, dx } = self;
        let (d_out, weight) = (&d_out[..dx.len()], &weight[..dx.len()]);
        for i in (0..dx.len()).step_by(S::LANES) {
            let count = dx.len() - i;
            // SAFETY: `run`'s caller has `S`'s instructions; of all three slices `count` numbers are left
            // from `i` on.
            unsafe {
                let through_mean = S::mul(S::splat(attention), S::load_first(d_out.as_ptr().add(i), count));
                let through_score = S::mul(S::splat(d_score), S::load_first(weight.as_ptr().add(i), count));
                S::store_first(dx.as_mut_ptr().add(i), S::add(through_mean, through_score), count);
            }
        }
    }
}

/// `dw = sum over steps and rows of de x` of one model.
struct Weights<'a> {
    batch: usize,
    steps: usize,
    lengths: &'a [u32],
    /// Of the model's first step in `(M, T, B)`.
    first: usize,
    x: &'a [f32],
    d_scores: &'a [f32],
    d_weights: &'a mut [f32],
}

impl Task for Weights<'_> {
    type Format = Fp32;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.d_weights.len();
        self.d_weights.fill(0.0);
        for (t, b) in (0..self.steps).flat_map(|t| (0..self.batch).map(move |b| (t, b))) {
            if t < self.lengths[b] as usize {
                let place = self.first + t * self.batch + b;
                let row = &self.x[place * width..][..width];
                // SAFETY: `run`'s caller has `S`'s instructions.
                unsafe { add_scaled::<S>(self.d_weights, self.d_scores[place], row) };
            }
        }
    }
}
