//! Cases of the linear layer.

use super::super::buffers::On;
use super::super::case::Case;
use super::super::tensors::{Outputs, Tensors};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{
    Linear, LinearBackward, LinearBackwardOperands, LinearForward, LinearForwardOperands, Slab,
};
use crate::random::{Random, Stream};

/// The sizes of a linear layer.
#[derive(Clone, Copy, Debug)]
pub struct LinearSize {
    /// `B`
    pub batch: usize,
    /// Input features.
    pub input: usize,
    /// Output units.
    pub output: usize,
}

/// Forward and, of another gradient, backward, between other layers' parameters, which must stay.
#[derive(Clone, Debug)]
pub struct LinearCase {
    /// The operation's sizes.
    pub linear: Linear,
}

impl LinearCase {
    /// A case of two models.
    pub fn new(size: LinearSize, relu: bool) -> Self {
        let LinearSize { batch, input, output } = size;
        let weights = Slab { offset: 5, stride: 0 };
        let mut linear = Linear { models: 2, batch, input, output, relu, weights };
        linear.weights.stride = linear.params() + 8;
        LinearCase { linear }
    }
}

impl Case for LinearCase {
    /// `linear M=2 B=5 in=33 out=9 relu`
    fn name(&self) -> String {
        let Linear { models, batch, input, output, relu, .. } = self.linear;
        format!("linear M={models} B={batch} in={input} out={output}{}", if relu { " relu" } else { "" })
    }

    fn tensors(&self) -> Tensors {
        let s = &self.linear;
        let (rows, parameters) = (s.models * s.batch, s.models * s.weights.stride);
        let mut random =
            Random::new((s.input * 1_009 + s.output) as u64, Stream::Check, [s.batch as u32, 79]);
        let mut normal =
            |len: usize, scale: f64| (0..len).map(|_| f64::from((random.normal() * scale) as f32)).collect();
        Tensors::default()
            .with("weights", normal(parameters, 1.0 / (s.input as f64).sqrt()))
            .with("x", normal(rows * s.input, 1.0))
            .with("dy", normal(s.y_len(), 1.0))
            .with("others", vec![0.0; parameters])
    }

    fn run<B: Backend>(&self, backend: &B, tensors: &Tensors) -> Result<Outputs> {
        let (s, on) = (&self.linear, On { device: backend, tensors });
        let (weights, x, dy) = (&on.reals("weights")?, &on.reals("x")?, &on.reals("dy")?);
        let (x_len, parameters) = (s.models * s.batch * s.input, s.models * s.weights.stride);
        let (mut y, mut dx, mut d_weights) =
            (on.output(s.y_len())?, on.output(x_len)?, on.changed("others")?);
        backend.run::<LinearForward>(s, LinearForwardOperands { weights, x, y: &mut y })?;
        let (dx_out, d_weights_out) = (Some(&mut dx), &mut d_weights);
        let a = LinearBackwardOperands { weights, x, y: &y, dy, dx: dx_out, d_weights: d_weights_out };
        backend.run::<LinearBackward>(s, a)?;
        let outputs = [("y", &y, s.y_len()), ("dx", &dx, x_len), ("d_weights", &d_weights, parameters)];
        on.outputs(&self.name(), &outputs)
    }

    fn values(&self) -> &'static [(&'static str, &'static str)] {
        &[("y", "dy")]
    }

    fn slopes(&self) -> &'static [(&'static str, &'static str)] {
        &[("x", "dx"), ("weights", "d_weights")]
    }
}

/// Sizes of one, odd, past a vector, and as in a network; with ReLU and without.
pub fn table() -> Vec<LinearCase> {
    let sizes = [
        LinearSize { batch: 1, input: 1, output: 1 },
        LinearSize { batch: 3, input: 7, output: 2 },
        LinearSize { batch: 5, input: 33, output: 9 },
        LinearSize { batch: 32, input: 64, output: 2 },
        LinearSize { batch: 32, input: 130, output: 65 },
    ];
    sizes.into_iter().flat_map(|size| [false, true].map(|relu| LinearCase::new(size, relu))).collect()
}
