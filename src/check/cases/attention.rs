//! Cases of attention over time.

use super::super::buffers::On;
use super::super::case::Case;
use super::super::tensors::{Outputs, Tensors};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{
    Attention, AttentionBackward, AttentionBackwardOperands, AttentionForward, AttentionForwardOperands, Slab,
};
use crate::random::{Random, Stream};

/// The sizes of attention pooling.
#[derive(Clone, Copy, Debug)]
pub struct AttentionSize {
    /// `B`
    pub batch: usize,
    /// `T`
    pub steps: usize,
    /// `D`: numbers of a step.
    pub width: usize,
}

/// Forward and, of another gradient, backward; of three rows one is absent and one has a single step.
#[derive(Clone, Debug)]
pub struct AttentionCase {
    /// The operation's sizes.
    pub attention: Attention,
    /// Typical size of an input; 10 leaves most weights below 1e-4.
    pub scale: f64,
}

impl AttentionCase {
    /// A case of one model whose weights are all its parameters.
    pub fn new(size: AttentionSize) -> Self {
        let AttentionSize { batch, steps, width } = size;
        let weights = Slab { offset: 0, stride: width };
        AttentionCase { attention: Attention { models: 1, batch, steps, width, weights }, scale: 1.0 }
    }
}

impl Case for AttentionCase {
    /// `attention M=3 B=5 T=7 D=18 saturated`
    fn name(&self) -> String {
        let Attention { models, batch, steps, width, .. } = self.attention;
        let saturated = if self.scale > 1.0 { " saturated" } else { "" };
        format!("attention M={models} B={batch} T={steps} D={width}{saturated}")
    }

    fn tensors(&self) -> Tensors {
        let s = &self.attention;
        let mut random = Random::new((s.steps * 1_009 + s.width) as u64, Stream::Check, [s.batch as u32, 81]);
        let mut normal =
            |len: usize, scale: f64| (0..len).map(|_| f64::from((random.normal() * scale) as f32)).collect();
        let length = |row: usize| [s.steps as u32, 0, 1][row % 3];
        Tensors::default()
            .with("weights", normal(s.models * s.weights.stride, 1.0 / (s.width as f64).sqrt()))
            .with("x", normal(s.x_len(), self.scale))
            .with("d_out", normal(s.y_len(), 1.0))
            .with_words("lengths", (0..s.models * s.batch).map(length).collect())
    }

    fn run<B: Backend>(&self, backend: &B, tensors: &Tensors) -> Result<Outputs> {
        let (s, on) = (&self.attention, On { device: backend, tensors });
        let (weights, x, lengths) = (&on.reals("weights")?, &on.reals("x")?, &on.words("lengths")?);
        let (mut attention, mut out) = (on.output(s.scores_len())?, on.output(s.y_len())?);
        let (mut d_scores, mut dx) = (on.output(s.scores_len())?, on.output(s.x_len())?);
        let mut d_weights = on.zeros(s.models * s.weights.stride)?;
        let a = AttentionForwardOperands { weights, lengths, x, attention: &mut attention, out: &mut out };
        backend.run::<AttentionForward>(s, a)?;
        let a = AttentionBackwardOperands {
            weights,
            lengths,
            x,
            attention: &attention,
            d_out: &on.reals("d_out")?,
            d_scores: &mut d_scores,
            dx: &mut dx,
            d_weights: &mut d_weights,
        };
        backend.run::<AttentionBackward>(s, a)?;
        let outputs = [
            ("attention", &attention, s.scores_len()),
            ("out", &out, s.y_len()),
            ("d_scores", &d_scores, s.scores_len()),
            ("dx", &dx, s.x_len()),
            ("d_weights", &d_weights, s.models * s.weights.stride),
        ];
        on.outputs(&self.name(), &outputs)
    }

    fn golden() -> Option<(&'static str, Self)> {
        Some(("attention", AttentionCase::new(AttentionSize { batch: 3, steps: 5, width: 4 })))
    }

    fn values(&self) -> &'static [(&'static str, &'static str)] {
        &[("out", "d_out")]
    }

    fn slopes(&self) -> &'static [(&'static str, &'static str)] {
        &[("x", "dx"), ("weights", "d_weights")]
    }
}

/// Sizes of one, odd, past a vector and past a workgroup; one model and three; scores that nearly saturate.
pub fn table() -> Vec<AttentionCase> {
    let sizes = [
        AttentionSize { batch: 1, steps: 1, width: 1 },
        AttentionSize { batch: 2, steps: 3, width: 5 },
        AttentionSize { batch: 5, steps: 9, width: 33 },
        AttentionSize { batch: 3, steps: 70, width: 16 },
        AttentionSize { batch: 8, steps: 33, width: 130 },
        AttentionSize { batch: 7, steps: 12, width: 64 },
    ];
    let mut cases: Vec<AttentionCase> = sizes.into_iter().map(AttentionCase::new).collect();
    let mut three = AttentionCase::new(AttentionSize { batch: 5, steps: 7, width: 18 });
    // Between other layers' parameters.
    three.attention.models = 3;
    three.attention.weights = Slab { offset: 5, stride: 18 + 8 };
    cases.push(three);
    cases.push(AttentionCase {
        scale: 10.0,
        ..AttentionCase::new(AttentionSize { batch: 4, steps: 6, width: 17 })
    });
    cases
}
