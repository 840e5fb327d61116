//! What a training step does beside the recurrent layers.
//!
//! Buffers that are as long as a batch of sequences may be larger than a binding; they are worked on in blocks. The others are
//! bound whole.

use super::device::Launch;
use super::kernel::{self, parameters};
use super::memory::{Buf, Slice};
use super::plan::{blocks, model_blocks};
use super::{Wgpu, grid};
use crate::error::Result;
use crate::ops::{
    Dropout, Gather, GatherOperands, Linear, LinearBackward, LinearForward, Loss, LossOperands, Optimizer,
    OptimizerKind, OptimizerOperands, Pool, PoolKind, Work,
};
use bytemuck::bytes_of;
use ndarray::ArcArray2;

/// Invocations of a workgroup.
const GROUP: usize = 64;

fn groups(numbers: usize, z: usize) -> [u32; 3] {
    grid(numbers.div_ceil(GROUP), z)
}

/// The frame table in parts that can be bound.
pub struct Frames {
    parts: Vec<FramePart>,
}

struct FramePart {
    first: usize,
    end: usize,
    frames: Buf<f32>,
}

impl Frames {
    pub fn new(wgpu: &Wgpu, chunks: &[ArcArray2<f32>]) -> Result<Self> {
        let features = chunks.first().map_or(1, |chunk| chunk.ncols()).max(1);
        let rows: usize = chunks.iter().map(|chunk| chunk.nrows()).sum();
        let each = (wgpu.binding() / (4 * features)).max(1);
        let mut numbers = chunks.iter().flat_map(|chunk| chunk.iter().copied());
        let mut parts = Vec::new();
        for range in blocks(rows, each) {
            let part: Vec<f32> = numbers.by_ref().take(range.len() * features).collect();
            let frames = Buf::zeros(&wgpu.gpu, part.len())?;
            wgpu.gpu.write(&frames.buffer, bytemuck::cast_slice(&part))?;
            parts.push(FramePart { first: range.start, end: range.end, frames });
        }
        Ok(Frames { parts })
    }
}

parameters! {
    GatherParameters {
        rows, first_row, features, batch, steps, stat_steps, first_frame, end_frame, is_first, x_base,
    }
}

pub fn gather(wgpu: &Wgpu, s: &Gather, frames: &Frames, a: GatherOperands<Buf<f32>, Buf<u32>>) -> Result<()> {
    let rows = s.models * s.steps * s.batch;
    for block in blocks(rows, wgpu.binding() / (4 * s.features).max(1)) {
        let x = a.x.part(block.start * s.features..block.end * s.features);
        for (i, part) in frames.parts.iter().enumerate() {
            let parameters = GatherParameters {
                rows: block.len() as u32,
                first_row: block.start as u32,
                features: s.features as u32,
                batch: s.batch as u32,
                steps: s.steps as u32,
                stat_steps: s.stat_steps as u32,
                first_frame: part.first as u32,
                end_frame: part.end as u32,
                is_first: u32::from(i == 0),
                x_base: x.base(),
            };
            wgpu.gpu.launch(Launch {
                kernel: kernel::gather::<GatherParameters>(&[]),
                parameters: bytes_of(&parameters),
                operands: &[part.frames.all(), a.first.all(), a.lengths.all(), a.stats.all(), x.clone()],
                grid: groups(block.len() * s.features, 1),
                work: if i == 0 { s.work().share(block.len(), rows) } else { Work::default() },
            })?;
        }
    }
    Ok(())
}

parameters! {
    DropoutParameters { blocks, first_block, len, key_0, key_1, layer, threshold, scale, base, marks_base }
}

pub fn dropout(wgpu: &Wgpu, s: &Dropout, marks: &Buf<u32>, x: &Buf<f32>, out: &mut Buf<f32>) -> Result<()> {
    let fits = 4 * s.len <= wgpu.binding();
    // Whole models together, or one model's numbers in blocks of four.
    let together = if fits { wgpu.binding() / (4 * s.len).max(1) } else { 1 };
    let at_once = if fits { s.len.div_ceil(4) } else { wgpu.binding() / 16 - 16 };
    for models in blocks(s.models, together) {
        for fours in blocks(s.len.div_ceil(4), at_once) {
            let start = models.start * s.len + 4 * fours.start;
            let end = (models.end - 1) * s.len + (4 * fours.end).min(s.len);
            let (from, to) = (x.part(start..end), out.part(start..end));
            let parameters = DropoutParameters {
                blocks: fours.len() as u32,
                first_block: fours.start as u32,
                len: s.len as u32,
                key_0: s.key[0],
                key_1: s.key[1],
                layer: s.layer,
                threshold: s.threshold(),
                scale: ((1.0 / (1.0 - s.rate)) as f32).to_bits(),
                base: from.base(),
                marks_base: 2 * models.start as u32,
            };
            wgpu.gpu.launch(Launch {
                kernel: kernel::dropout::<DropoutParameters>(&[]),
                parameters: bytes_of(&parameters),
                operands: &[marks.all(), from, to],
                grid: groups(fours.len(), models.len()),
                work: s.work().share(models.len() * fours.len(), s.models * s.len.div_ceil(4)),
            })?;
        }
    }
    Ok(())
}

parameters! {
    PoolForward { model, batch, steps, hidden, dirs, states, start, end, is_mean, is_end, y_base }
}

pub fn pool_forward(
    wgpu: &Wgpu,
    s: &Pool,
    lengths: &Buf<u32>,
    y: &Buf<f32>,
    last: &Buf<f32>,
    out: &mut Buf<f32>,
) -> Result<()> {
    let width = s.batch * s.dirs * s.hidden;
    let model = 4 * s.steps * width;
    let fits = model <= wgpu.binding();
    let together = if fits { wgpu.binding() / model.max(1) } else { 1 };
    let at_once = if fits { s.steps } else { (wgpu.binding() / (4 * width)).max(1) };
    for models in blocks(s.models, together) {
        for steps in blocks(s.steps, at_once) {
            let start = (models.start * s.steps + steps.start) * width;
            let end = ((models.end - 1) * s.steps + steps.end) * width;
            let y = y.part(start..end);
            let parameters = PoolForward {
                model: models.start as u32,
                batch: s.batch as u32,
                steps: s.steps as u32,
                hidden: s.hidden as u32,
                dirs: s.dirs as u32,
                states: s.states as u32,
                start: steps.start as u32,
                end: steps.end as u32,
                is_mean: u32::from(s.kind == PoolKind::Mean),
                is_end: u32::from(steps.end == s.steps),
                y_base: y.base(),
            };
            wgpu.gpu.launch(Launch {
                kernel: kernel::pool_forward::<PoolForward>(&[]),
                parameters: bytes_of(&parameters),
                operands: &[lengths.all(), y, last.all(), out.all()],
                grid: groups(width, models.len()),
                work: s.work().share(models.len() * steps.len(), s.models * s.steps),
            })?;
        }
    }
    Ok(())
}

parameters! {
    PoolBackward { len, first_row, batch, steps, hidden, dirs, states, is_mean, base }
}

pub fn pool_backward(
    wgpu: &Wgpu,
    s: &Pool,
    lengths: &Buf<u32>,
    d_out: &Buf<f32>,
    dy: &mut Buf<f32>,
    d_last: &mut Buf<f32>,
) -> Result<()> {
    let is_mean = s.kind == PoolKind::Mean;
    let width = s.dirs * s.hidden;
    let (result, rows) = match is_mean {
        true => (dy, s.models * s.steps * s.batch),
        false => (d_last, s.models * s.states * s.batch),
    };
    let each = if is_mean { (wgpu.binding() / (4 * width)).max(1) } else { rows };
    for block in blocks(rows, each) {
        let part = result.part(block.start * width..block.end * width);
        let parameters = PoolBackward {
            len: (block.len() * width) as u32,
            first_row: block.start as u32,
            batch: s.batch as u32,
            steps: s.steps as u32,
            hidden: s.hidden as u32,
            dirs: s.dirs as u32,
            states: s.states as u32,
            is_mean: u32::from(is_mean),
            base: part.base(),
        };
        wgpu.gpu.launch(Launch {
            kernel: kernel::pool_backward::<PoolBackward>(&[]),
            parameters: bytes_of(&parameters),
            operands: &[lengths.all(), d_out.all(), part],
            grid: groups(block.len() * width, 1),
            work: s.work().share(block.len(), rows),
        })?;
    }
    Ok(())
}

parameters! {
    LinearParameters { model, batch, inputs, outputs, relu, stride, weights_base }
}

/// Models whose weights, or gradients of them, can be bound together, and what the kernels are told of them.
fn linear_blocks<'a>(
    wgpu: &Wgpu,
    s: &Linear,
    weights: &'a Buf<f32>,
) -> Result<impl Iterator<Item = (usize, Slice<'a>, LinearParameters)>> {
    let s = *s;
    let blocks =
        model_blocks("the parameters", s.models, 4 * s.weights.stride.max(s.params()), wgpu.binding())?;
    Ok(blocks.map(move |models| {
        let end = s.weights.start(models.end - 1) + s.params();
        let weights = weights.part(models.start * s.weights.stride..end);
        let parameters = LinearParameters {
            model: models.start as u32,
            batch: s.batch as u32,
            inputs: s.input as u32,
            outputs: s.output as u32,
            relu: u32::from(s.relu),
            stride: s.weights.stride as u32,
            weights_base: weights.base() + s.weights.offset as u32,
        };
        (models.len(), weights, parameters)
    }))
}

pub fn linear_forward(wgpu: &Wgpu, s: &Linear, a: LinearForward<Buf<f32>>) -> Result<()> {
    for (models, weights, parameters) in linear_blocks(wgpu, s, a.weights)? {
        wgpu.gpu.launch(Launch {
            kernel: kernel::linear_forward::<LinearParameters>(&[]),
            parameters: bytes_of(&parameters),
            operands: &[weights, a.x.all(), a.y.all()],
            grid: groups(s.batch * s.output, models),
            work: s.forward_work().share(models, s.models),
        })?;
    }
    Ok(())
}

pub fn linear_backward(wgpu: &Wgpu, s: &Linear, a: LinearBackward<Buf<f32>>) -> Result<()> {
    if let Some(dx) = a.dx {
        for (models, weights, parameters) in linear_blocks(wgpu, s, a.weights)? {
            wgpu.gpu.launch(Launch {
                kernel: kernel::linear_input_gradient::<LinearParameters>(&[]),
                parameters: bytes_of(&parameters),
                operands: &[weights, a.y.all(), a.dy.all(), dx.all()],
                grid: groups(s.batch * s.input, models),
                work: s.backward_work().share(models, 2 * s.models),
            })?;
        }
    }
    for (models, d_weights, parameters) in linear_blocks(wgpu, s, a.d_weights)? {
        wgpu.gpu.launch(Launch {
            kernel: kernel::linear_weight_gradient::<LinearParameters>(&[]),
            parameters: bytes_of(&parameters),
            operands: &[a.x.all(), a.y.all(), a.dy.all(), d_weights],
            grid: groups(s.params(), models),
            work: s.backward_work().share(models, 2 * s.models),
        })?;
    }
    Ok(())
}

parameters! {
    LossParameters { batch, classes, smoothing, row }
}

pub fn loss(wgpu: &Wgpu, s: &Loss, a: LossOperands<Buf<f32>, Buf<u32>>) -> Result<()> {
    let parameters = LossParameters {
        batch: s.batch as u32,
        classes: s.classes as u32,
        smoothing: (s.smoothing as f32).to_bits(),
        row: (a.row * s.models) as u32,
    };
    wgpu.gpu.launch(Launch {
        kernel: kernel::loss::<LossParameters>(&[]),
        parameters: bytes_of(&parameters),
        operands: &[
            a.logits.all(),
            a.labels.all(),
            a.lengths.all(),
            a.class_weights.all(),
            a.losses.all(),
            a.d_logits.all(),
        ],
        grid: [s.models as u32, 1, 1],
        work: s.work(),
    })
}

parameters! {
    OptimizeParameters {
        params, chunks, models, model, row, base,
        beta1, beta2, rest1, rest2, weight_decay, clip, clips, decoupled,
    }
}

/// Gradients that one workgroup of squares.wgsl adds up.
const CHUNK: usize = 64 * 32;

pub fn optimize(wgpu: &Wgpu, s: &Optimizer, a: OptimizerOperands<Buf<f32>>) -> Result<()> {
    let chunks = s.params.div_ceil(CHUNK);
    let real = |value: f64| (value as f32).to_bits();
    let parameters = OptimizeParameters {
        params: s.params as u32,
        chunks: chunks as u32,
        models: s.models as u32,
        row: (a.row * s.models) as u32,
        beta1: real(s.beta1),
        beta2: real(s.beta2),
        rest1: real(1.0 - s.beta1),
        rest2: real(1.0 - s.beta2),
        weight_decay: real(s.weight_decay),
        clip: real(s.clip),
        clips: u32::from(s.clip.is_finite()),
        decoupled: u32::from(s.kind == OptimizerKind::Adamw),
        ..OptimizeParameters::default()
    };
    let squares = wgpu.scratch(s.models * chunks)?;
    let parts: Vec<_> = model_blocks("the parameters", s.models, 4 * s.params, wgpu.binding())?.collect();
    for models in &parts {
        let gradients = a.gradients.part(models.start * s.params..models.end * s.params);
        let own = OptimizeParameters { model: models.start as u32, base: gradients.base(), ..parameters };
        let [x, y, _] = grid(chunks, 1);
        wgpu.gpu.launch(Launch {
            kernel: kernel::squares::<OptimizeParameters>(&[]),
            parameters: bytes_of(&own),
            operands: &[gradients, squares.all()],
            grid: [x, y, models.len() as u32],
            work: Work {
                flops: 2 * (models.len() * s.params) as u64,
                bytes: 4 * (models.len() * s.params) as u64,
            },
        })?;
    }
    wgpu.gpu.launch(Launch {
        kernel: kernel::norms::<OptimizeParameters>(&[]),
        parameters: bytes_of(&parameters),
        operands: &[squares.all(), a.scalars.all(), a.norms.all()],
        grid: groups(s.models, 1),
        work: Work::default(),
    })?;
    for models in &parts {
        let range = models.start * s.params..models.end * s.params;
        let weights = a.weights.part(range.clone());
        let own = OptimizeParameters { model: models.start as u32, base: weights.base(), ..parameters };
        wgpu.gpu.launch(Launch {
            kernel: kernel::optimize::<OptimizeParameters>(&[]),
            parameters: bytes_of(&own),
            operands: &[
                weights,
                a.gradients.part(range.clone()),
                a.first_moment.part(range.clone()),
                a.second_moment.part(range),
                a.scalars.all(),
                a.norms.all(),
            ],
            grid: groups(s.params, models.len()),
            work: s.work().share(models.len(), s.models),
        })?;
    }
    Ok(())
}
