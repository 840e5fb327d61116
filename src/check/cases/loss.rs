//! Cases of the loss.

use super::super::buffers::On;
use super::super::case::Case;
use super::super::tensors::{Outputs, Tensors};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{Loss, LossOperands};
use crate::random::{Random, Stream};

/// Three models, the last of which has no row; in the others every fifth row is absent.
#[derive(Clone, Debug)]
pub struct LossCase {
    /// The operation's sizes.
    pub loss: Loss,
    /// Class weights that differ, instead of ones.
    pub weighted: bool,
    /// Typical size of a logit; 100 saturates the softmax.
    pub scale: f64,
}

impl Case for LossCase {
    /// `loss M=3 B=7 K=4 smoothed weighted saturated`
    fn name(&self) -> String {
        let Loss { models, batch, classes, smoothing } = self.loss;
        let mut name = format!("loss M={models} B={batch} K={classes}");
        for (word, on) in
            [("smoothed", smoothing > 0.0), ("weighted", self.weighted), ("saturated", self.scale > 10.0)]
        {
            if on {
                name.push(' ');
                name.push_str(word);
            }
        }
        name
    }

    fn tensors(&self) -> Tensors {
        let s = &self.loss;
        let rows = s.models * s.batch;
        let mut random =
            Random::new((s.batch * 1_009 + s.classes) as u64, Stream::Check, [s.models as u32, 80]);
        let logits =
            (0..rows * s.classes).map(|_| f64::from((random.normal() * self.scale) as f32)).collect();
        let labels = (0..rows).map(|_| (random.uniform() * s.classes as f64) as u32).collect();
        let length = |row: usize| u32::from(row / s.batch < s.models - 1 && row % 5 != 4);
        let weight = |i: usize| if self.weighted { 0.5 + (i % s.classes) as f64 * 0.25 } else { 1.0 };
        Tensors::default()
            .with("logits", logits)
            .with("class_weights", (0..s.models * s.classes).map(weight).collect())
            .with("ones", vec![1.0; s.models])
            .with_words("labels", labels)
            .with_words("lengths", (0..rows).map(length).collect())
    }

    fn run<B: Backend>(&self, backend: &B, tensors: &Tensors) -> Result<Outputs> {
        let (s, on) = (&self.loss, On { device: backend, tensors });
        let len = s.models * s.batch * s.classes;
        let (mut losses, mut d_logits) = (on.output(s.models)?, on.output(len)?);
        let a = LossOperands {
            logits: &on.reals("logits")?,
            labels: &on.words("labels")?,
            lengths: &on.words("lengths")?,
            class_weights: &on.reals("class_weights")?,
            losses: &mut losses,
            row: 0,
            d_logits: &mut d_logits,
        };
        backend.run::<Loss>(s, a)?;
        on.outputs(&self.name(), &[("losses", &losses, s.models), ("d_logits", &d_logits, len)])
    }

    fn values(&self) -> &'static [(&'static str, &'static str)] {
        &[("losses", "ones")]
    }

    fn slopes(&self) -> &'static [(&'static str, &'static str)] {
        &[("logits", "d_logits")]
    }
}

/// Two classes and many, with and without class weights and smoothing, and logits that saturate.
pub fn table() -> Vec<LossCase> {
    let mut cases = Vec::new();
    for (i, (batch, classes)) in [(1, 2), (7, 4), (33, 2), (65, 9)].into_iter().enumerate() {
        for (smoothing, weighted) in [(0.0, i % 2 == 0), (0.1, i % 2 == 1)] {
            let loss = Loss { models: 3, batch, classes, smoothing };
            cases.push(LossCase { loss, weighted, scale: 1.0 });
        }
    }
    let loss = Loss { models: 3, batch: 9, classes: 3, smoothing: 0.0 };
    cases.push(LossCase { loss, weighted: true, scale: 100.0 });
    cases
}
