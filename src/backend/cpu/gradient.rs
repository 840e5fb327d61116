//! Gradients by the weights and by the input: large products over all steps and rows, after the time loop.

use super::isa::{self, Arithmetic, Isa, Task};
use super::panel::{LANES, Lane, Panels, multiply};
use crate::backend::disjoint::Disjoint;
use crate::spec::Rnn;
use rayon::prelude::*;
use std::ops::Range;

/// What both products read.
pub struct Inputs<'a> {
    pub x: &'a [f32],
    pub y: &'a [f32],
    pub initial: Option<&'a [f32]>,
    /// `(M, B)`
    pub lengths: &'a [u32],
    /// The reserve after the walk back: gradients by the gates.
    pub deltas: &'a [f32],
}

/// Live `(step, row)` pairs are summed in this many at a time, so that a packed piece stays in the cache.
const DEPTH: usize = 256;
/// Gate rows of one task.
const TASK_ROWS: usize = 48;
/// Rows and vectors of the micro-kernel.
const R: usize = 6;
const V: usize = 2;

/// `dW_ih = sum d_wx x^T`, `dW_hh = sum d_rh h_{s-1}^T` and the bias gradients, for every model and direction.
///
/// The sum runs over steps and rows in one fixed order, whatever the number of threads: tasks share the gate rows.
pub fn weights(isa: Isa, s: &Rnn, inputs: &Inputs, d_weights: &mut [f32]) {
    let gate_rows = s.cell.gates() * s.hidden;
    let d_weights = Disjoint::new(d_weights);
    (0..s.models * s.dirs).into_par_iter().for_each(|i| {
        let (m, dir) = (i / s.dirs, i % s.dirs);
        let live = live_steps(s, inputs, m);
        (0..gate_rows.div_ceil(TASK_ROWS)).into_par_iter().for_each(|task| {
            let rows = task * TASK_ROWS..((task + 1) * TASK_ROWS).min(gate_rows);
            isa::run(isa, WeightTask { s, inputs, m, dir, rows, live: &live, d_weights: &d_weights });
        });
    });
}

/// `(t, b)` of every step that exists, in the order of the sum.
fn live_steps(s: &Rnn, inputs: &Inputs, m: usize) -> Vec<(usize, usize)> {
    let lengths = &inputs.lengths[m * s.batch..][..s.batch];
    (0..s.steps)
        .flat_map(|t| (0..s.batch).filter(move |&b| t < lengths[b] as usize).map(move |b| (t, b)))
        .collect()
}

struct WeightTask<'a> {
    s: &'a Rnn,
    inputs: &'a Inputs<'a>,
    m: usize,
    dir: usize,
    /// Of the `G*H` gate rows.
    rows: Range<usize>,
    live: &'a [(usize, usize)],
    d_weights: &'a Disjoint<'a, f32>,
}

impl Task for WeightTask<'_> {
    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        let (s, m, dir) = (self.s, self.m, self.dir);
        let x = |t: usize, b: usize| &self.inputs.x[s.x_at(m, t, b)..][..s.input];
        self.product::<A>(s.input, |gate| gate, x, s.weight_ih(m, dir), s.bias_ih(m, dir));

        let zeros = vec![0.0; s.hidden];
        let h = |t: usize, b: usize| {
            let length = self.inputs.lengths[m * s.batch + b] as usize;
            // Both directions: the output of the step before, in the direction's own order.
            let before = if dir == 0 { t.checked_sub(1) } else { Some(t + 1).filter(|&t| t < length) };
            match (before, self.inputs.initial) {
                (Some(t), _) => &self.inputs.y[s.y_at(m, dir, t, b)..][..s.hidden],
                (None, Some(initial)) => &initial[s.state_at(m, 0, dir, b)..][..s.hidden],
                (None, None) => &zeros,
            }
        };
        let slot = |gate| s.cell.recurrent_slot(gate);
        self.product::<A>(s.hidden, slot, h, s.weight_hh(m, dir), s.bias_hh(m, dir));
    }
}

impl WeightTask<'_> {
    /// `dW[rows, :] = sum delta[rows] input^T`; a column of ones after the `columns` inputs gives the bias gradient.
    #[inline(always)]
    fn product<'i, A: Arithmetic>(
        &self,
        columns: usize,
        slot: impl Fn(usize) -> usize,
        input: impl Fn(usize, usize) -> &'i [f32],
        weight: usize,
        bias: usize,
    ) {
        let (s, hidden, width) = (self.s, self.s.hidden, V * LANES);
        let blocks = (columns + 1).div_ceil(width);
        let row_groups = self.rows.len().div_ceil(R);
        let mut sums = vec![[[[0.0f32; LANES]; V]; R]; row_groups * blocks];
        let mut deltas = vec![0.0; row_groups * R * DEPTH];
        for piece in self.live.chunks(DEPTH) {
            let depth = piece.len();
            let panels = Panels::rows_and_ones(depth, columns, V, |k| {
                let (t, b) = piece[k];
                input(t, b)
            });
            for (k, &(t, b)) in piece.iter().enumerate() {
                let saved = &self.inputs.deltas[s.reserve_at(self.m, self.dir, t, b)..];
                let mut row = self.rows.start;
                while row < self.rows.end {
                    // To the end of the gate, or of the task's rows.
                    let (gate, unit) = (row / hidden, row % hidden);
                    let count = (hidden - unit).min(self.rows.end - row);
                    let values = &saved[slot(gate) * hidden + unit..][..count];
                    let to = &mut deltas[(row - self.rows.start) * DEPTH + k..];
                    for (i, &value) in values.iter().enumerate() {
                        to[i * DEPTH] = value;
                    }
                    row += count;
                }
            }
            for block in 0..blocks {
                for group in 0..row_groups {
                    let rows = std::array::from_fn(|r| &deltas[(group * R + r) * DEPTH..][..depth]);
                    multiply::<A, R, V>(rows, panels.block(block), &mut sums[block * row_groups + group]);
                }
            }
        }
        for (i, row) in self.rows.clone().enumerate() {
            let start = weight + row * columns;
            // SAFETY: a gate row's weights and bias are written by the task that owns the row, and by no other.
            let (weights, bias) = unsafe {
                (
                    self.d_weights.range(start..start + columns),
                    self.d_weights.range(bias + row..bias + row + 1),
                )
            };
            for block in 0..blocks {
                let sum = sums[block * row_groups + i / R][i % R].as_flattened();
                for (n, &value) in (block * width..).zip(sum) {
                    match n.cmp(&columns) {
                        std::cmp::Ordering::Less => weights[n] = value,
                        std::cmp::Ordering::Equal => bias[0] = value,
                        std::cmp::Ordering::Greater => {}
                    }
                }
            }
        }
    }
}

/// `dx = sum over directions of d_wx W_ih`; 0 where a row has no step.
pub fn inputs<const G: usize, const R: usize>(isa: Isa, s: &Rnn, w: &[f32], inputs: &Inputs, dx: &mut [f32]) {
    let gate_rows = G * s.hidden;
    let packed: Vec<Panels> = (0..s.models * s.dirs)
        .into_par_iter()
        .map(|i| {
            let w_ih = &w[s.weight_ih(i / s.dirs, i % s.dirs)..][..gate_rows * s.input];
            Panels::columns(gate_rows, s.input, G, |k, n| w_ih[k * s.input + n])
        })
        .collect();
    // One task per (model, step): a contiguous `(B, D)`.
    dx[..s.x_len()].par_chunks_mut(s.batch * s.input).enumerate().for_each(|(i, dx)| {
        let (m, t) = (i / s.steps, i % s.steps);
        isa::run(isa, InputTask::<G, R> { s, inputs, m, t, packed: &packed[m * s.dirs..], dx });
    });
}

struct InputTask<'a, const G: usize, const R: usize> {
    s: &'a Rnn,
    inputs: &'a Inputs<'a>,
    m: usize,
    t: usize,
    /// By direction.
    packed: &'a [Panels],
    dx: &'a mut [f32],
}

impl<const G: usize, const R: usize> Task for InputTask<'_, G, R> {
    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        let (s, m, t) = (self.s, self.m, self.t);
        let gate_rows = G * s.hidden;
        let zeros = vec![0.0; gate_rows];
        let alive = |b: usize| b < s.batch && t < self.inputs.lengths[m * s.batch + b] as usize;
        self.dx.fill(0.0);
        for group in (0..s.batch).step_by(R) {
            for (block, at) in (0..s.input).step_by(G * LANES).enumerate() {
                let mut acc: [[Lane; G]; R] = [[[0.0; LANES]; G]; R];
                for dir in 0..s.dirs {
                    let deltas = std::array::from_fn(|r| match alive(group + r) {
                        true => &self.inputs.deltas[s.reserve_at(m, dir, t, group + r)..][..gate_rows],
                        false => &zeros[..],
                    });
                    multiply::<A, R, G>(deltas, self.packed[dir].block(block), &mut acc);
                }
                for r in (0..R).filter(|&r| alive(group + r)) {
                    let row = &mut self.dx[(group + r) * s.input..][..s.input];
                    row[at..].iter_mut().zip(acc[r].as_flattened()).for_each(|(dx, &sum)| *dx = sum);
                }
            }
        }
    }
}
