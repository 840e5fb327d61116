//! The parameter update against the `f64` reference. Its bound does not come from the reference in `f32`, which would share a fault
//! that a backend copied from it, but from the roundings of one update, counted.

use super::{Deviation, Outcome};
use crate::backend::{Backend, Reference};
use crate::cases::{OptimizerCase, OptimizerOutputs, OptimizerTensors};
use crate::error::Result;
use crate::ops::{OptimizerKind, StepScalars};

/// Half a unit in the last place of `f32`: the relative error of one rounding.
const U: f64 = 1.0 / (1u64 << 24) as f64;
/// The smallest normal number, below which devices may give 0.
const TINY: f64 = f32::MIN_POSITIVE as f64;
/// Roundings that one quotient or root may count for: WGSL lets a division be off by 2.5 units in the last place.
const QUOTIENT: f64 = 5.0;

/// Runs `case` on `backend` and compares every output with the `f64` reference.
pub fn optimizer_conformance<B: Backend>(backend: &B, case: &OptimizerCase) -> Result<Outcome> {
    optimizer_conformance_of(case, |tensors| case.run(backend, tensors))
}

/// As [`optimizer_conformance`], of anything that runs the case.
pub fn optimizer_conformance_of(
    case: &OptimizerCase,
    run: impl Fn(&OptimizerTensors) -> Result<OptimizerOutputs>,
) -> Result<Outcome> {
    let tensors = case.tensors();
    let truth = case.run(&Reference::<f64>::default(), &tensors)?;
    let found = run(&tensors)?;
    let bounds = bounds(case, &tensors);
    let deviations = (0..truth.0.len())
        .map(|i| farthest(OptimizerOutputs::NAMES[i], &found.0[i], &truth.0[i], &bounds[i]))
        .collect();
    Ok(Outcome { case: case.name(), deviations })
}

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

/// By how much each number of each output may be off, in the order of [`OptimizerOutputs::NAMES`].
fn bounds(case: &OptimizerCase, tensors: &OptimizerTensors) -> [Vec<f64>; 4] {
    let s = &case.optimizer;
    let mut bounds: [Vec<f64>; 4] = Default::default();
    for (m, scalars) in tensors.scalars.iter().enumerate() {
        let range = m * s.params..(m + 1) * s.params;
        if scalars.update == 0 {
            // Not a bit moves, and the norm is 0.
            bounds[..3].iter_mut().for_each(|bounds| bounds.resize(bounds.len() + s.params, 0.0));
            bounds[3].push(0.0);
            continue;
        }
        let norm = tensors.gradients[range.clone()].iter().map(|g| g * g).sum::<f64>().sqrt();
        // A square, and at worst all sums one after the other; half of that in the root.
        let norm_error = norm * U * (0.5 * (s.params + 1) as f64 + QUOTIENT);
        bounds[3].push(norm_error);
        let scale = (s.clip / (norm + 1e-6)).min(1.0);
        let scale_error = if scale < 1.0 { scale * (norm_error / norm + U * (2.0 + QUOTIENT)) } else { 0.0 };
        for i in range {
            let own = Update {
                scalars: scalars.pack(s),
                g: tensors.gradients[i] * scale,
                g_error: tensors.gradients[i].abs() * scale_error + U * (tensors.gradients[i] * scale).abs(),
                w: tensors.weights[i],
                first: tensors.first_moment[i],
                second: tensors.second_moment[i],
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
    /// Of weight, first and second moment: each term's own error, and a rounding for each constant, product and sum.
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
