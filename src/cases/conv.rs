//! Cases of the convolution block.

use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{Conv, ConvBackward, ConvForward, ConvSpec, Slab, Work};
use crate::random::{Random, Stream};

/// One block to run forward and backward.
#[derive(Clone, Debug)]
pub struct ConvCase {
    pub conv: Conv,
    /// Rows of unequal length, one of them absent, instead of `T` steps each.
    pub ragged: bool,
}

/// Inputs and cotangents of a case, on the host.
pub struct ConvTensors {
    pub weights: Vec<f64>,
    pub x: Vec<f64>,
    pub lengths: Vec<u32>,
    pub dy: Vec<f64>,
}

/// What a case computes, on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvOutputs {
    pub y: Vec<f64>,
    pub winners: Vec<f64>,
    pub dx: Vec<f64>,
    pub d_weights: Vec<f64>,
}

impl ConvCase {
    /// A case of one model whose weights are all its parameters.
    pub fn new([batch, steps, input]: [usize; 3], filters: usize, kernel: usize) -> Self {
        let weights = Slab { offset: 0, stride: 0 };
        let spec = ConvSpec { filters, kernel };
        let conv = Conv { models: 1, batch, steps, input, spec, weights };
        ConvCase { conv, ragged: false }.models(1)
    }

    /// `models` models side by side.
    pub fn models(mut self, models: usize) -> Self {
        self.conv.models = models;
        self.conv.weights.stride = self.conv.params();
        self
    }

    /// `conv M=1 B=5 T=12 C=4 F=33 k=3 ragged`
    pub fn name(&self) -> String {
        let Conv { models, batch, steps, input, spec, .. } = self.conv;
        let ragged = if self.ragged { " ragged" } else { "" };
        format!("conv M={models} B={batch} T={steps} C={input} F={} k={}{ragged}", spec.filters, spec.kernel)
    }

    /// Random inputs, the same for the same sizes; numbers that `f32` holds, so that every precision starts equal. Behind a
    /// row's length stands what must not be read.
    pub fn tensors(&self) -> ConvTensors {
        let s = &self.conv;
        let seed = s.batch * 1_000_003 + s.steps * 10_007 + s.input * 101 + s.spec.filters;
        let place = [s.spec.kernel as u32, 1000 + s.models as u32];
        let mut random = Random::new(seed as u64, Stream::Check, place);
        let mut normal =
            |len: usize, scale: f64| (0..len).map(|_| f64::from((random.normal() * scale) as f32)).collect();
        let weights = normal(s.models * s.params(), 1.0 / (s.depth() as f64).sqrt());
        let mut x: Vec<f64> = normal(s.x_len(), 1.0);
        let dy = normal(s.y_len(), 1.0);
        // Row b of the ragged cases: T, T-1, ... wrapping, down to rows too short for a step; every fifth row is absent.
        let ragged = |row: usize| if row % 5 == 4 { 0 } else { s.steps - row % s.steps };
        let length = |row: usize| if self.ragged { ragged(row) } else { s.steps };
        let lengths: Vec<u32> = (0..s.models * s.batch).map(|row| length(row) as u32).collect();
        for (m, t, b) in
            (0..s.models).flat_map(|m| (0..s.steps).flat_map(move |t| (0..s.batch).map(move |b| (m, t, b))))
        {
            if t >= lengths[m * s.batch + b] as usize {
                x[s.x_at(m, t, b)..][..s.input].fill(f64::NAN);
            }
        }
        ConvTensors { weights, x, lengths, dy }
    }

    /// Forward and backward on `backend`, backward with `winners` if there are any, and else with its own. Outputs are full of
    /// NaN before, and a guard behind each must survive.
    pub fn run<B: Backend>(
        &self,
        backend: &B,
        tensors: &ConvTensors,
        winners: Option<&[f64]>,
    ) -> Result<ConvOutputs> {
        let s = &self.conv;
        let upload = |values: &[f64]| super::upload(backend, values);
        let poisoned = |len: usize| super::poisoned(backend, len);
        let mut lengths = backend.zeros::<u32>(tensors.lengths.len())?;
        backend.write(&mut lengths, &tensors.lengths)?;
        let (weights, x, dy) = (upload(&tensors.weights)?, upload(&tensors.x)?, upload(&tensors.dy)?);
        let (mut y, mut own_winners) = (poisoned(s.y_len())?, poisoned(s.y_len())?);
        let (mut dx, mut d_weights) = (poisoned(s.x_len())?, poisoned(s.models * s.params())?);
        let forward = ConvForward {
            weights: &weights,
            x: &x,
            lengths: &lengths,
            y: &mut y,
            winners: Some(&mut own_winners),
        };
        backend.conv_forward(s, forward)?;
        let given = winners.map(upload).transpose()?;
        let backward = ConvBackward {
            weights: &weights,
            x: &x,
            lengths: &lengths,
            winners: given.as_ref().unwrap_or(&own_winners),
            dy: &dy,
            dx: Some(&mut dx),
            d_weights: &mut d_weights,
        };
        backend.conv_backward(s, backward)?;
        let download =
            |buffer: &B::Buf<B::Real>, len: usize| super::download(backend, buffer, len, &self.name());
        Ok(ConvOutputs {
            y: download(&y, s.y_len())?,
            winners: download(&own_winners, s.y_len())?,
            dx: download(&dx, s.x_len())?,
            d_weights: download(&d_weights, s.models * s.params())?,
        })
    }
}

/// A block with its buffers, run again and again: what benches time.
pub struct ConvPass<B: Backend> {
    conv: Conv,
    weights: B::Buf<B::Real>,
    x: B::Buf<B::Real>,
    lengths: B::Buf<u32>,
    y: B::Buf<B::Real>,
    winners: B::Buf<B::Real>,
    dy: B::Buf<B::Real>,
    dx: B::Buf<B::Real>,
    d_weights: B::Buf<B::Real>,
}

impl<B: Backend> ConvPass<B> {
    pub fn new(backend: &B, case: &ConvCase, tensors: &ConvTensors) -> Result<Self> {
        let conv = case.conv;
        let upload = |values: &[f64]| super::upload(backend, values);
        let mut pass = ConvPass {
            conv,
            weights: upload(&tensors.weights)?,
            x: upload(&tensors.x)?,
            lengths: backend.zeros(tensors.lengths.len())?,
            y: backend.zeros(conv.y_len())?,
            winners: backend.zeros(conv.y_len())?,
            dy: upload(&tensors.dy)?,
            dx: backend.zeros(conv.x_len())?,
            d_weights: backend.zeros(conv.models * conv.params())?,
        };
        backend.write(&mut pass.lengths, &tensors.lengths)?;
        Ok(pass)
    }

    /// Forward, then both gradients. Returns when they are there.
    pub fn run(&mut self, backend: &B) -> Result<()> {
        let ConvPass { conv, weights, x, lengths, y, winners, dy, dx, d_weights } = self;
        backend.conv_forward(conv, ConvForward { weights, x, lengths, y, winners: Some(winners) })?;
        let operands = ConvBackward { weights, x, lengths, winners, dy, dx: Some(dx), d_weights };
        backend.conv_backward(conv, operands)?;
        backend.wait()
    }

    /// Algorithmic work of one run.
    pub fn work(&self) -> Work {
        let s = &self.conv;
        s.forward_work(true) + s.weight_gradient_work() + s.input_gradient_work()
    }
}

/// Sizes that are 1, odd, one past a tile, or a multiple of it; steps that pool evenly or leave one; kernels up to the whole row.
pub fn conv_table() -> Vec<ConvCase> {
    // B, T, C; F; k
    const SIZES: [([usize; 3], usize, usize); 9] = [
        ([1, 2, 1], 1, 1),
        ([2, 4, 3], 5, 3),
        ([5, 9, 7], 16, 2),
        ([13, 12, 4], 33, 3),
        ([3, 17, 37], 65, 3),
        ([9, 8, 32], 64, 5),
        ([33, 7, 65], 17, 3),
        ([4, 30, 37], 128, 3),
        ([1, 9, 5], 3, 8),
    ];
    let mut cases = Vec::new();
    for (i, (sizes, filters, kernel)) in SIZES.into_iter().enumerate() {
        let case = ConvCase::new(sizes, filters, kernel);
        cases.push(ConvCase { ragged: i % 2 == 1, ..case.clone() });
        cases.push(ConvCase { ragged: i % 2 == 0, ..case });
    }
    cases.push(ConvCase { ragged: true, ..ConvCase::new([6, 11, 5], 9, 3).models(3) });
    cases
}
