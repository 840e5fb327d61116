//! Attention over time: three dispatches forward and four backward, if their operands fit in bindings.

use super::blocks::{blocks, grid, groups, model_blocks};
use super::device::Wgpu;
use super::gpu::Launch;
use super::kernel::{Kernel, parameters};
use super::memory::Buf;
use super::slice::Slice;
use crate::error::Result;
use crate::ops::{
    Attention, AttentionBackward, AttentionBackwardOperands, AttentionForward, AttentionForwardOperands,
    Checked, Runs,
};
use bytemuck::bytes_of;
use std::ops::Range;

parameters! {
    /// `x` is bound of the steps `start..end`; several models only with all of theirs.
    AttentionParameters { model, batch, steps, width, start, end, stride, weights_base, x_base, scores_base }
}

/// Passes of attention_forward.wgsl and attention_backward.wgsl, by the numbers that these give them.
const SCORES: u32 = 0;
const SOFTMAX: u32 = 1;
const MEAN: u32 = 2;
const PRODUCTS: u32 = 0;
const SCORE_GRADIENT: u32 = 1;
const INPUT_GRADIENT: u32 = 2;
const WEIGHT_GRADIENT: u32 = 3;

/// Models and steps that can be bound at once.
struct Part<'a> {
    s: &'a Attention,
    models: Range<usize>,
    steps: Range<usize>,
}

impl Part<'_> {
    fn x<'b>(&self, x: &'b Buf<f32>) -> Slice<'b> {
        let (s, step) = (self.s, self.s.batch * self.s.width);
        let start = (self.models.start * s.steps + self.steps.start) * step;
        x.part(start..((self.models.end - 1) * s.steps + self.steps.end) * step)
    }

    fn weights<'b>(&self, weights: &'b Buf<f32>) -> Slice<'b> {
        let s = self.s;
        weights.part(self.models.start * s.weights.stride..s.weights.start(self.models.end - 1) + s.params())
    }

    /// Of the models, in `(M, T, B)`.
    fn scores<'b>(&self, scores: &'b Buf<f32>) -> Slice<'b> {
        let model = self.s.steps * self.s.batch;
        scores.part(self.models.start * model..self.models.end * model)
    }

    fn parameters(&self, x: &Slice, weights: &Slice, scores: &Slice) -> AttentionParameters {
        let s = self.s;
        AttentionParameters {
            model: self.models.start as u32,
            batch: s.batch as u32,
            steps: s.steps as u32,
            width: s.width as u32,
            start: self.steps.start as u32,
            end: self.steps.end as u32,
            stride: s.weights.stride as u32,
            weights_base: weights.base() + s.weights.offset as u32,
            x_base: x.base(),
            scores_base: scores.base(),
        }
    }

    /// Rows of all bound steps.
    fn rows(&self) -> usize {
        self.steps.len() * self.s.batch
    }
}

/// The parts of some models, in the order of time: whole models together, or some steps of one.
fn parts<'a>(wgpu: &Wgpu, s: &'a Attention) -> Result<Vec<Vec<Part<'a>>>> {
    // A binding may begin before its operand.
    let binding = wgpu.binding().saturating_sub(256);
    let (step, model) = (4 * s.batch * s.width, 4 * s.steps * s.batch * s.width);
    let fits = model <= binding;
    let parameters = 4 * s.weights.stride.max(s.params());
    let together = if fits { model.max(parameters) } else { parameters.max(binding / 2 + 1) };
    let at_once = if fits { s.steps } else { (binding / step).max(1) };
    let part = |models: &Range<usize>, steps| Part { s, models: models.clone(), steps };
    Ok(model_blocks("the parameters", s.models, together, binding)?
        .map(|models| blocks(s.steps, at_once).map(|steps| part(&models, steps)).collect())
        .collect())
}

impl Runs<AttentionForward> for Wgpu {
    fn execute(&self, s: &Attention, a: AttentionForwardOperands<Self>, _: Checked) -> Result<()> {
        let launch = |pass: u32, part: &Part, rows: usize, numbers: usize| {
            let (x, weights) = (part.x(a.x), part.weights(a.weights));
            let attention = part.scores(a.attention);
            let parameters = part.parameters(&x, &weights, &attention);
            self.gpu.launch(Launch {
                kernel: kernel::attention_forward::<AttentionParameters>(&[("PASS", pass)]),
                parameters: bytes_of(&parameters),
                operands: &[a.lengths.all(), weights, x, attention, a.out.all()],
                grid: groups(numbers, part.models.len()),
                work: s.forward_work().share(part.models.len() * rows, 3 * s.models * s.steps * s.batch),
            })
        };
        for parts in parts(self, s)? {
            parts.iter().try_for_each(|part| launch(SCORES, part, part.rows(), part.rows()))?;
            launch(SOFTMAX, &parts[0], s.steps * s.batch, s.batch)?;
            parts.iter().try_for_each(|part| launch(MEAN, part, part.rows(), s.batch * s.width))?;
        }
        Ok(())
    }
}

impl Runs<AttentionBackward> for Wgpu {
    fn execute(&self, s: &Attention, a: AttentionBackwardOperands<Self>, _: Checked) -> Result<()> {
        let launch = |pass: u32, part: &Part, rows: usize, grid: [u32; 3]| {
            let (x, weights) = (part.x(a.x), part.weights(a.weights));
            let attention = part.scores(a.attention);
            let parameters = part.parameters(&x, &weights, &attention);
            self.gpu.launch(Launch {
                kernel: kernel::attention_backward::<AttentionParameters>(&[("PASS", pass)]),
                parameters: bytes_of(&parameters),
                operands: &[
                    a.lengths.all(),
                    weights,
                    x,
                    attention,
                    a.d_out.all(),
                    part.scores(a.d_scores),
                    part.x(a.dx),
                    part.weights(a.d_weights),
                ],
                grid,
                work: s.backward_work().share(part.models.len() * rows, 4 * s.models * s.steps * s.batch),
            })
        };
        let all = |part: &Part, numbers: usize| groups(numbers, part.models.len());
        for parts in parts(self, s)? {
            parts.iter().try_for_each(|part| launch(PRODUCTS, part, part.rows(), all(part, part.rows())))?;
            launch(SCORE_GRADIENT, &parts[0], s.steps * s.batch, all(&parts[0], s.batch))?;
            for part in &parts {
                launch(INPUT_GRADIENT, part, part.rows(), all(part, part.rows() * s.width))?;
                launch(WEIGHT_GRADIENT, part, part.rows(), grid(s.width, part.models.len()))?;
            }
        }
        Ok(())
    }
}

/// Every kernel of the operation.
pub fn kernels() -> Vec<Kernel> {
    let forward = [SCORES, SOFTMAX, MEAN]
        .map(|pass| kernel::attention_forward::<AttentionParameters>(&[("PASS", pass)]));
    let backward = [PRODUCTS, SCORE_GRADIENT, INPUT_GRADIENT, WEIGHT_GRADIENT]
        .map(|pass| kernel::attention_backward::<AttentionParameters>(&[("PASS", pass)]));
    [&forward[..], &backward[..]].concat()
}

/// The kernels.
mod kernel {
    super::super::kernel::kernels! {
        attention_forward, "attention forward", "attention_forward", ["maths"];
        attention_backward, "attention backward", "attention_backward", [];
    }
}
