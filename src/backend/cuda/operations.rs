//! What a training step does beside the recurrent layers.

use super::kernel::{self, Kernel, THREADS};
use super::memory::Buf;
use super::{Cuda, Executor};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{
    Dropout, Gather, GatherOperands, Linear, LinearBackward, LinearForward, Loss, LossOperands, Optimizer,
    OptimizerKind, OptimizerOperands, Pool, PoolKind, Work,
};
use ndarray::ArcArray2;

/// Blocks for a thread per number, for each model.
fn grid(numbers: usize, models: usize) -> [usize; 3] {
    [numbers.div_ceil(THREADS as usize), 1, models]
}

/// An `f32` argument.
fn real(value: f64) -> u64 {
    u64::from((value as f32).to_bits())
}

/// The frame table.
pub struct Frames<E: Executor>(Buf<f32, E>);

impl<E: Executor> Frames<E> {
    pub fn new(cuda: &Cuda<E>, chunks: &[ArcArray2<f32>]) -> Result<Self> {
        let numbers: Vec<f32> = chunks.iter().flat_map(|chunk| chunk.iter().copied()).collect();
        let mut frames = Buf::zeros(cuda, numbers.len())?;
        cuda.write(&mut frames, &numbers)?;
        Ok(Frames(frames))
    }
}

pub fn gather<E: Executor>(
    cuda: &Cuda<E>,
    s: &Gather,
    frames: &Frames<E>,
    a: GatherOperands<Buf<f32, E>, Buf<u32, E>>,
) -> Result<()> {
    let arguments = kernel::Gather {
        frames: frames.0.address(),
        stats: a.stats.address(),
        first: a.first.address(),
        lengths: a.lengths.address(),
        x: a.x.address(),
        features: s.features as u64,
        batch: s.batch as u64,
        steps: s.steps as u64,
        stat_steps: s.stat_steps as u64,
    };
    let kernel = Kernel::plain::<kernel::Gather>();
    cuda.launch(&kernel, &arguments, grid(s.steps * s.batch * s.features, s.models), s.work())
}

pub fn dropout<E: Executor>(
    cuda: &Cuda<E>,
    s: &Dropout,
    marks: &Buf<u32, E>,
    x: &Buf<f32, E>,
    out: &mut Buf<f32, E>,
) -> Result<()> {
    let arguments = kernel::Dropout {
        marks: marks.address(),
        x: x.address(),
        out: out.address(),
        len: s.len as u64,
        key_0: u64::from(s.key[0]),
        key_1: u64::from(s.key[1]),
        layer: u64::from(s.layer),
        threshold: u64::from(s.threshold()),
        scale: real(1.0 / (1.0 - s.rate)),
    };
    let kernel = Kernel::plain::<kernel::Dropout>();
    cuda.launch(&kernel, &arguments, grid(s.len.div_ceil(4), s.models), s.work())
}

pub fn pool_forward<E: Executor>(
    cuda: &Cuda<E>,
    s: &Pool,
    lengths: &Buf<u32, E>,
    y: &Buf<f32, E>,
    last: &Buf<f32, E>,
    out: &mut Buf<f32, E>,
) -> Result<()> {
    let arguments = kernel::PoolForward {
        lengths: lengths.address(),
        y: y.address(),
        last: last.address(),
        out: out.address(),
        batch: s.batch as u64,
        steps: s.steps as u64,
        hidden: s.hidden as u64,
        dirs: s.dirs as u64,
        states: s.states as u64,
        is_mean: u64::from(s.kind == PoolKind::Mean),
    };
    let kernel = Kernel::plain::<kernel::PoolForward>();
    cuda.launch(&kernel, &arguments, grid(s.batch * s.dirs * s.hidden, s.models), s.work())
}

pub fn pool_backward<E: Executor>(
    cuda: &Cuda<E>,
    s: &Pool,
    lengths: &Buf<u32, E>,
    d_out: &Buf<f32, E>,
    dy: &mut Buf<f32, E>,
    d_last: &mut Buf<f32, E>,
) -> Result<()> {
    let is_mean = s.kind == PoolKind::Mean;
    let (result, rows) = if is_mean { (dy, s.steps) } else { (d_last, s.states) };
    let arguments = kernel::PoolBackward {
        lengths: lengths.address(),
        d_out: d_out.address(),
        result: result.address(),
        batch: s.batch as u64,
        steps: s.steps as u64,
        hidden: s.hidden as u64,
        dirs: s.dirs as u64,
        states: s.states as u64,
        is_mean: u64::from(is_mean),
    };
    let kernel = Kernel::plain::<kernel::PoolBackward>();
    cuda.launch(&kernel, &arguments, grid(rows * s.batch * s.dirs * s.hidden, s.models), s.work())
}

pub fn linear_forward<E: Executor>(cuda: &Cuda<E>, s: &Linear, a: LinearForward<Buf<f32, E>>) -> Result<()> {
    let arguments = kernel::LinearForward {
        weights: a.weights.at(s.weights.offset),
        x: a.x.address(),
        y: a.y.address(),
        stride: s.weights.stride as u64,
        batch: s.batch as u64,
        inputs: s.input as u64,
        outputs: s.output as u64,
        relu: u64::from(s.relu),
    };
    let kernel = Kernel::plain::<kernel::LinearForward>();
    cuda.launch(&kernel, &arguments, grid(s.batch * s.output, s.models), s.forward_work())
}

pub fn linear_backward<E: Executor>(
    cuda: &Cuda<E>,
    s: &Linear,
    a: LinearBackward<Buf<f32, E>>,
) -> Result<()> {
    if let Some(dx) = a.dx {
        let arguments = kernel::LinearInputGradient {
            weights: a.weights.at(s.weights.offset),
            y: a.y.address(),
            dy: a.dy.address(),
            dx: dx.address(),
            stride: s.weights.stride as u64,
            batch: s.batch as u64,
            inputs: s.input as u64,
            outputs: s.output as u64,
            relu: u64::from(s.relu),
        };
        let kernel = Kernel::plain::<kernel::LinearInputGradient>();
        cuda.launch(&kernel, &arguments, grid(s.batch * s.input, s.models), s.backward_work().share(1, 2))?;
    }
    let arguments = kernel::LinearWeightGradient {
        x: a.x.address(),
        y: a.y.address(),
        dy: a.dy.address(),
        d_weights: a.d_weights.at(s.weights.offset),
        stride: s.weights.stride as u64,
        batch: s.batch as u64,
        inputs: s.input as u64,
        outputs: s.output as u64,
        relu: u64::from(s.relu),
    };
    let kernel = Kernel::plain::<kernel::LinearWeightGradient>();
    cuda.launch(&kernel, &arguments, grid(s.params(), s.models), s.backward_work().share(1, 2))
}

pub fn loss<E: Executor>(cuda: &Cuda<E>, s: &Loss, a: LossOperands<Buf<f32, E>, Buf<u32, E>>) -> Result<()> {
    let arguments = kernel::Loss {
        logits: a.logits.address(),
        class_weights: a.class_weights.address(),
        labels: a.labels.address(),
        lengths: a.lengths.address(),
        losses: a.losses.at(a.row * s.models),
        d_logits: a.d_logits.address(),
        batch: s.batch as u64,
        classes: s.classes as u64,
        smoothing: real(s.smoothing),
    };
    cuda.launch(&Kernel::plain::<kernel::Loss>(), &arguments, [s.models, 1, 1], s.work())
}

/// Gradients that a block of squares.cu adds up.
const CHUNK: usize = 16 * THREADS as usize;

pub fn optimize<E: Executor>(cuda: &Cuda<E>, s: &Optimizer, a: OptimizerOperands<Buf<f32, E>>) -> Result<()> {
    let chunks = s.params.div_ceil(CHUNK);
    let norms = a.norms.at(a.row * s.models);
    let params = s.params as u64;
    let numbers = (s.models * s.params) as u64;
    cuda.with_scratch(4 * s.models * chunks, |squares| {
        let arguments =
            kernel::Squares { gradients: a.gradients.address(), squares, params, chunks: chunks as u64 };
        let work = Work { flops: 2 * numbers, bytes: 4 * numbers };
        cuda.launch(&Kernel::plain::<kernel::Squares>(), &arguments, [chunks, 1, s.models], work)?;
        let arguments = kernel::Norms {
            squares,
            scalars: a.scalars.address(),
            norms,
            models: s.models as u64,
            chunks: chunks as u64,
        };
        cuda.launch(&Kernel::plain::<kernel::Norms>(), &arguments, grid(s.models, 1), Work::default())
    })?;
    let arguments = kernel::Optimize {
        weights: a.weights.address(),
        first_moment: a.first_moment.address(),
        second_moment: a.second_moment.address(),
        gradients: a.gradients.address(),
        scalars: a.scalars.address(),
        norms,
        params,
        decoupled: u64::from(s.kind == OptimizerKind::Adamw),
        beta1: real(s.beta1),
        beta2: real(s.beta2),
        rest1: real(1.0 - s.beta1),
        rest2: real(1.0 - s.beta2),
        weight_decay: real(s.weight_decay),
        clip: real(s.clip),
    };
    cuda.launch(&Kernel::plain::<kernel::Optimize>(), &arguments, grid(s.params, s.models), s.work())
}
