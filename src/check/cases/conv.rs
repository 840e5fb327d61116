//! Cases of the convolution block.

use super::super::bound::{Deviation, Judged};
use super::super::buffers::On;
use super::super::case::Case;
use super::super::tensors::{Outputs, Tensors};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{
    Conv, ConvBackward, ConvBackwardOperands, ConvForward, ConvForwardOperands, ConvSpec, Precision, Slab,
};
use crate::random::{Random, Stream};
use crate::reference;

/// The sizes of a convolution block.
#[derive(Clone, Copy, Debug)]
pub struct ConvSize {
    /// `B`
    pub batch: usize,
    /// `T`
    pub steps: usize,
    /// `C`
    pub input: usize,
    /// `F`
    pub filters: usize,
    /// `k`
    pub kernel: usize,
}

/// One block to run forward and backward.
#[derive(Clone, Debug)]
pub struct ConvCase {
    /// The operation's sizes.
    pub conv: Conv,
    /// Rows of unequal length, one of them absent, instead of `T` steps each.
    pub ragged: bool,
}

impl ConvCase {
    /// A case of one model whose weights are all its parameters.
    pub fn new(size: ConvSize) -> Self {
        let ConvSize { batch, steps, input, filters, kernel } = size;
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
}

impl Case for ConvCase {
    /// `conv M=1 B=5 T=12 C=4 F=33 k=3 ragged`
    fn name(&self) -> String {
        let Conv { models, batch, steps, input, spec, .. } = self.conv;
        let ragged = if self.ragged { " ragged" } else { "" };
        format!("conv M={models} B={batch} T={steps} C={input} F={} k={}{ragged}", spec.filters, spec.kernel)
    }

    /// Random inputs. Behind a row's length stands what must not be read.
    fn tensors(&self) -> Tensors {
        let s = &self.conv;
        let seed = s.batch * 1_000_003 + s.steps * 10_007 + s.input * 101 + s.spec.filters;
        let place = [s.spec.kernel as u32, 1000 + s.models as u32];
        let mut random = Random::new(seed as u64, Stream::Check, place);
        let mut normal =
            |len: usize, scale: f64| (0..len).map(|_| f64::from((random.normal() * scale) as f32)).collect();
        let weights = normal(s.models * s.params(), 1.0 / (s.depth() as f64).sqrt());
        let mut x: Vec<f64> = normal(s.x_len(), 1.0);
        let dy = normal(s.y_len(), 1.0);
        // Row b of the ragged cases: T, T-1, ... wrapping, down to rows too short for a step; every fifth row
        // is absent.
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
        Tensors::default().with("weights", weights).with("x", x).with("dy", dy).with_words("lengths", lengths)
    }

    /// Backward takes the tensor `argmax` where there is one, and else its own.
    fn run<B: Backend>(&self, backend: &B, tensors: &Tensors) -> Result<Outputs> {
        let (s, on) = (&self.conv, On { device: backend, tensors });
        let (weights, x, lengths) = (&on.reals("weights")?, &on.reals("x")?, &on.words("lengths")?);
        let (mut y, mut argmax) = (on.output(s.y_len())?, on.output(s.y_len())?);
        let (mut dx, mut d_weights) = (on.output(s.x_len())?, on.output(s.models * s.params())?);
        let a = ConvForwardOperands { weights, x, lengths, y: &mut y, argmax: Some(&mut argmax) };
        backend.run::<ConvForward>(s, a)?;
        let given = tensors.find("argmax").map(|argmax| on.upload(argmax)).transpose()?;
        let a = ConvBackwardOperands {
            weights,
            x,
            lengths,
            argmax: given.as_ref().unwrap_or(&argmax),
            dy: &on.reals("dy")?,
            dx: Some(&mut dx),
            d_weights: &mut d_weights,
        };
        backend.run::<ConvBackward>(s, a)?;
        let outputs = [
            ("y", &y, s.y_len()),
            ("argmax", &argmax, s.y_len()),
            ("dx", &dx, s.x_len()),
            ("d_weights", &d_weights, s.models * s.params()),
        ];
        on.outputs(&self.name(), &outputs)
    }

    /// Halves are of recurrent layers alone.
    fn precision(&self, of: Precision) -> Precision {
        match of {
            Precision::F16 => Precision::Fp32,
            other => other,
        }
    }

    /// Who won: of two steps that are equal but for rounding either may win, and the gradient goes to that
    /// one whole.
    fn decide(&self, truth: &Outputs, tensors: &mut Tensors) {
        tensors.reals.insert("argmax", truth["argmax"].clone());
    }

    /// The argmax may differ from the reference's only where the two steps are closer than twice the bound of
    /// `y`.
    fn deviations(&self, judged: &Judged) -> Vec<Deviation> {
        let y = judged.deviation("y");
        let error = self.misjudged(judged.tensors, judged.found);
        let argmax = Deviation { buffer: "argmax", error, bound: 2.0 * y.bound };
        vec![y, argmax, judged.deviation("dx"), judged.deviation("d_weights")]
    }

    fn values(&self) -> &'static [(&'static str, &'static str)] {
        &[("y", "dy")]
    }

    fn slopes(&self) -> &'static [(&'static str, &'static str)] {
        &[("x", "dx"), ("weights", "d_weights")]
    }
}

impl ConvCase {
    /// The largest distance by which the step that did not win is the larger; infinite where `argmax` are
    /// not `y` with a sign.
    fn misjudged(&self, tensors: &Tensors, found: &Outputs) -> f64 {
        let (s, y, argmax) = (&self.conv, &found["y"], &found["argmax"]);
        if y.iter().zip(argmax).any(|(y, signed)| *y != signed.abs()) {
            return f64::INFINITY;
        }
        let filtered =
            reference::conv_filter(s, &tensors["weights"], &tensors["x"], tensors.words("lengths"));
        let mut worst: f64 = 0.0;
        for (row, numbers) in filtered.iter().enumerate() {
            let (m, b) = (row / s.batch, row % s.batch);
            for (i, [first, second]) in numbers.iter().enumerate() {
                let filters = s.spec.filters;
                let signed = argmax[s.y_at(m, i / filters, b) + i % filters];
                let lead = if signed > 0.0 { second - first } else { first - second };
                if signed != 0.0 {
                    worst = worst.max(lead);
                }
            }
        }
        worst
    }
}

/// Sizes that are 1, odd, one past a tile, or a multiple of it; steps that pool evenly or leave one; kernels
/// up to the whole row.
pub fn table() -> Vec<ConvCase> {
    const SIZES: [ConvSize; 9] = [
        ConvSize { batch: 1, steps: 2, input: 1, filters: 1, kernel: 1 },
        ConvSize { batch: 2, steps: 4, input: 3, filters: 5, kernel: 3 },
        ConvSize { batch: 5, steps: 9, input: 7, filters: 16, kernel: 2 },
        ConvSize { batch: 13, steps: 12, input: 4, filters: 33, kernel: 3 },
        ConvSize { batch: 3, steps: 17, input: 37, filters: 65, kernel: 3 },
        ConvSize { batch: 9, steps: 8, input: 32, filters: 64, kernel: 5 },
        ConvSize { batch: 33, steps: 7, input: 65, filters: 17, kernel: 3 },
        ConvSize { batch: 4, steps: 30, input: 37, filters: 128, kernel: 3 },
        ConvSize { batch: 1, steps: 9, input: 5, filters: 3, kernel: 8 },
    ];
    let mut cases = Vec::new();
    for (i, size) in SIZES.into_iter().enumerate() {
        let case = ConvCase::new(size);
        cases.push(ConvCase { ragged: i % 2 == 1, ..case.clone() });
        cases.push(ConvCase { ragged: i % 2 == 0, ..case });
    }
    cases.push(ConvCase {
        ragged: true,
        ..ConvCase::new(ConvSize { batch: 6, steps: 11, input: 5, filters: 9, kernel: 3 }).models(3)
    });
    cases
}
