//! Cases of the parameter update. Their bound does not come from the reference in `f32`, which would share a
//! fault that a backend copied from it, but from the roundings of one update, counted.

use super::super::bound::{Deviation, Judged};
use super::super::buffers::On;
use super::super::case::Case;
use super::super::tensors::{Outputs, Tensors};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{EpsPlacement, Optimizer, OptimizerKind, OptimizerOperands, StepScalars};
use crate::random::{Random, Stream};

/// One update of three models: the second is inactive, and the third's gradient holds a number that is not
/// finite. Neither may move. Every number that it starts from is one that `f32` holds: what a backend's
/// result is off by, it got wrong in this one update.
#[derive(Clone, Debug)]
pub struct OptimizerCase {
    /// The operation's sizes and settings.
    pub optimizer: Optimizer,
    /// Updates done before and including this one, from 1. Before the first the moments are 0.
    pub update: u64,
    /// Typical size of a gradient.
    pub gradient: f64,
}

impl OptimizerCase {
    /// The defaults of `engine train`, but without clipping and weight decay.
    pub fn new(kind: OptimizerKind, params: usize, update: u64) -> Self {
        let optimizer = Optimizer {
            kind,
            models: 3,
            params,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            eps_placement: EpsPlacement::AfterCorrection,
            weight_decay: 0.0,
            clip: f64::INFINITY,
        };
        OptimizerCase { optimizer, update, gradient: 1.0 }
    }

    /// Of each model.
    pub fn scalars(&self) -> Vec<StepScalars> {
        let scalars = |update| StepScalars { learning_rate: 1e-3, update };
        [self.update, 0, self.update].map(scalars).to_vec()
    }
}

impl Case for OptimizerCase {
    /// `adamw P=1000 n=10 g=1e-6 decay clip before-correction`
    fn name(&self) -> String {
        let Optimizer { kind, params, eps_placement, weight_decay, clip, .. } = self.optimizer;
        let kind = if kind == OptimizerKind::Adam { "adam" } else { "adamw" };
        let mut name = format!("{kind} P={params} n={} g={:e}", self.update, self.gradient);
        for (word, on) in [
            ("decay", weight_decay > 0.0),
            ("clip", clip.is_finite()),
            ("before-correction", eps_placement == EpsPlacement::BeforeCorrection),
        ] {
            if on {
                name.push(' ');
                name.push_str(word);
            }
        }
        name
    }

    /// Random numbers.
    fn tensors(&self) -> Tensors {
        let len = self.optimizer.models * self.optimizer.params;
        let mut random = Random::new(len as u64, Stream::Check, [self.update as u32, u32::MAX - 1]);
        let mut normal = |scale: f64| -> Vec<f64> {
            (0..len).map(|_| f64::from((random.normal() * scale) as f32)).collect()
        };
        let begun = if self.update == 1 { 0.0 } else { self.gradient };
        let (weights, mut gradients) = (normal(0.1), normal(self.gradient));
        let (first_moment, root) = (normal(begun * 0.3), normal(begun));
        let second_moment = root.into_iter().map(|v| f64::from((v * v) as f32)).collect();
        gradients[2 * self.optimizer.params + self.optimizer.params / 2] = f64::NAN;
        Tensors::default()
            .with("weights", weights)
            .with("gradients", gradients)
            .with("first_moment", first_moment)
            .with("second_moment", second_moment)
            .with(
                "scalars",
                self.scalars().iter().flat_map(|scalars| scalars.pack(&self.optimizer)).collect(),
            )
    }

    fn run<B: Backend>(&self, backend: &B, tensors: &Tensors) -> Result<Outputs> {
        let (s, on) = (&self.optimizer, On { device: backend, tensors });
        let len = s.models * s.params;
        let mut weights = on.changed("weights")?;
        let mut first_moment = on.changed("first_moment")?;
        let mut second_moment = on.changed("second_moment")?;
        let mut norms = on.output(s.models)?;
        let a = OptimizerOperands {
            weights: &mut weights,
            gradients: &on.reals("gradients")?,
            first_moment: &mut first_moment,
            second_moment: &mut second_moment,
            scalars: &on.reals("scalars")?,
            norms: &mut norms,
            row: 0,
        };
        backend.run::<Optimizer>(s, a)?;
        let outputs = [
            ("weights", &weights, len),
            ("first moment", &first_moment, len),
            ("second moment", &second_moment, len),
            ("norms", &norms, s.models),
        ];
        let mut outputs = on.outputs(&self.name(), &outputs)?;
        // That of the third model has no number, which equals nothing; -1 says so.
        outputs["norms"].iter_mut().filter(|norm| !norm.is_finite()).for_each(|norm| *norm = -1.0);
        Ok(outputs)
    }

    fn deviations(&self, judged: &Judged) -> Vec<Deviation> {
        let bounds = bounds(self, judged.tensors);
        let outputs = judged.truth.names().zip(&bounds);
        outputs
            .map(|(name, bounds)| farthest(name, &judged.found[name], &judged.truth[name], bounds))
            .collect()
    }
}

/// Both rules and both places of `eps`, the first update and a late one, gradients far below and far above
/// `eps`, with and without weight decay and clipping; sizes of one, odd, and more than a task's.
pub fn table() -> Vec<OptimizerCase> {
    let mut cases = Vec::new();
    for kind in [OptimizerKind::Adam, OptimizerKind::Adamw] {
        for eps_placement in [EpsPlacement::AfterCorrection, EpsPlacement::BeforeCorrection] {
            for (i, update) in [1, 2, 10, 1_000, 100_000].into_iter().enumerate() {
                for (j, gradient) in [1.0, 1e-6, 1e-10, 1e3].into_iter().enumerate() {
                    // A norm may be off by as many roundings as it has terms, which would hide the others'
                    // behind clipping.
                    let params = if gradient == 1e3 { 37 } else { 1_003 };
                    let mut case = OptimizerCase::new(kind, params, update);
                    case.gradient = gradient;
                    case.optimizer.eps_placement = eps_placement;
                    case.optimizer.weight_decay = if (i + j) % 2 == 0 { 0.0 } else { 0.01 };
                    case.optimizer.clip = if gradient == 1e3 { 1.0 } else { f64::INFINITY };
                    cases.push(case);
                }
            }
        }
        cases.extend([1, 30_003].map(|params| OptimizerCase::new(kind, params, 3)));
    }
    cases
}

/// Half a unit in the last place of `f32`: the relative error of one rounding.
const U: f64 = 1.0 / (1u64 << 24) as f64;
/// The smallest normal number, below which devices may give 0.
const TINY: f64 = f32::MIN_POSITIVE as f64;
/// Roundings that one quotient or root may count for: WGSL lets a division be off by 2.5 units in the last
/// place.
const QUOTIENT: f64 = 5.0;

/// The number that comes closest to its own bound, or passes it by most.
fn farthest(buffer: &'static str, found: &[f64], truth: &[f64], bounds: &[f64]) -> Deviation {
    let mut worst = Deviation { buffer, error: 0.0, bound: 0.0 };
    let mut share = -1.0;
    for ((found, truth), &bound) in found.iter().zip(truth).zip(bounds) {
        let error = (found - truth).abs();
        let error = if error.is_finite() { error } else { f64::INFINITY };
        let own = if error <= bound { error / bound.max(TINY) } else { f64::INFINITY };
        if own > share {
            (share, worst) = (own, Deviation { buffer, error, bound });
        }
    }
    worst
}

/// By how much each number of each output may be off, in the order of the outputs.
fn bounds(case: &OptimizerCase, tensors: &Tensors) -> [Vec<f64>; 4] {
    let s = &case.optimizer;
    let mut bounds: [Vec<f64>; 4] = Default::default();
    for (m, scalars) in case.scalars().into_iter().enumerate() {
        let range = m * s.params..(m + 1) * s.params;
        if scalars.update == 0 || m == 2 {
            // Not a bit moves, and the norm is 0, or none.
            bounds[..3].iter_mut().for_each(|bounds| bounds.resize(bounds.len() + s.params, 0.0));
            bounds[3].push(0.0);
            continue;
        }
        let norm = tensors["gradients"][range.clone()].iter().map(|g| g * g).sum::<f64>().sqrt();
        // A square, and at worst all sums one after the other; half of that in the root.
        let norm_error = norm * U * (0.5 * (s.params + 1) as f64 + QUOTIENT);
        bounds[3].push(norm_error);
        let scale = (s.clip / (norm + 1e-6)).min(1.0);
        let scale_error = if scale < 1.0 { scale * (norm_error / norm + U * (2.0 + QUOTIENT)) } else { 0.0 };
        for i in range {
            let own = Update {
                scalars: scalars.pack(s),
                g: tensors["gradients"][i] * scale,
                g_error: tensors["gradients"][i].abs() * scale_error
                    + U * (tensors["gradients"][i] * scale).abs(),
                w: tensors["weights"][i],
                first: tensors["first_moment"][i],
                second: tensors["second_moment"][i],
            };
            for (bounds, error) in bounds.iter_mut().zip(own.errors(case)) {
                bounds.push(error);
            }
        }
    }
    bounds
}

/// The update of one weight.
struct Update {
    scalars: [f64; StepScalars::LEN],
    /// Clipped, and how far off that may be.
    g: f64,
    g_error: f64,
    w: f64,
    first: f64,
    second: f64,
}

impl Update {
    /// Of weight, first and second moment: each term's own error, and a rounding for each constant, product
    /// and sum.
    fn errors(self, case: &OptimizerCase) -> [f64; 3] {
        let s = &case.optimizer;
        let [rate, correction1, correction2, eps] = self.scalars;
        let (coupled, decoupled) = match s.kind {
            OptimizerKind::Adam => (s.weight_decay, 0.0),
            OptimizerKind::Adamw => (0.0, s.weight_decay),
        };
        let g = self.g + coupled * self.w;
        let g_error = self.g_error + U * (2.0 * (coupled * self.w).abs() + g.abs());
        let (rest1, rest2) = (1.0 - s.beta1, 1.0 - s.beta2);
        let first = s.beta1 * self.first + rest1 * g;
        let first_error = rest1 * (g_error + 2.0 * U * g.abs())
            + U * (2.0 * (s.beta1 * self.first).abs() + first.abs())
            + TINY;
        let second = s.beta2 * self.second + rest2 * g * g;
        let second_error = rest2 * (2.0 * g.abs() * g_error + g_error * g_error + 3.0 * U * g * g)
            + U * (2.0 * s.beta2 * self.second + second)
            + TINY;
        // A root moves by less than the root of what it is taken of, and by the slope where that is small.
        let slope = second_error / (second - second_error).max(0.0).sqrt() / 2.0;
        let root = second.sqrt() / correction2 + eps;
        let root_error = slope.min(second_error.sqrt()) / correction2
            + U * ((1.0 + 3.0 * QUOTIENT) * second.sqrt() / correction2 + 2.0 * eps + root);
        let step = rate / correction1 / root;
        let step_error = step * (first_error + first.abs() * root_error / (root - root_error).max(TINY))
            + U * (3.0 + 3.0 * QUOTIENT) * (step * first).abs();
        let kept = self.w - rate * decoupled * self.w;
        let w_error = step_error
            + U * (3.0 * (rate * decoupled * self.w).abs() + kept.abs() + (kept - step * first).abs());
        [w_error, first_error, second_error]
    }
}
