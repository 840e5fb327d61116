//! How far an output may be off.

use super::tensors::{Outputs, Tensors};
use crate::ops::Precision;
use serde::Serialize;

/// The distance of one buffer from the truth, and how large it may be.
#[derive(Clone, Debug, Serialize)]
pub struct Deviation {
    /// Name of the output.
    pub buffer: &'static str,
    /// Largest absolute difference; infinite if a number is missing or not finite.
    pub error: f64,
    /// Largest error that is allowed.
    pub bound: f64,
}

impl Deviation {
    /// Whether the error is within the bound.
    pub fn holds(&self) -> bool {
        self.error <= self.bound
    }
}

/// The outcome of one case.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Name of the case.
    pub case: String,
    /// One for each output.
    pub deviations: Vec<Deviation>,
}

impl Outcome {
    /// Whether every output is within its bound.
    pub fn holds(&self) -> bool {
        self.deviations.iter().all(Deviation::holds)
    }

    /// The buffer that comes closest to its bound, or passes it by most.
    pub fn worst(&self) -> &Deviation {
        let share = |d: &Deviation| if d.bound > 0.0 { d.error / d.bound } else { d.error };
        self.deviations.iter().max_by(|a, b| share(a).total_cmp(&share(b))).expect("a case has outputs")
    }
}

/// A correct backend may be this many times as far off as the reference run in its precision: it sums in
/// another order.
const ORDER_FACTOR: f64 = 4.0;

/// The found values and the right ones.
pub struct Judged<'a> {
    /// Precision of the backend.
    pub precision: Precision,
    /// Inputs of the case.
    pub tensors: &'a Tensors,
    /// By the reference in `f64`.
    pub truth: &'a Outputs,
    /// By the reference in the backend's precision, with approximated activations.
    pub own_precision: &'a Outputs,
    /// Outputs of the backend.
    pub found: &'a Outputs,
}

impl Judged<'_> {
    /// Of output `name`: four times what the reference is off in that precision, and one rounding of the
    /// output's scale.
    pub fn deviation(&self, name: &'static str) -> Deviation {
        let (truth, own_precision) = (&self.truth[name], &self.own_precision[name]);
        let bound = bound(self.precision, own_precision, truth);
        Deviation { buffer: name, error: distance(&self.found[name], truth), bound }
    }
}

/// How far a correct backend of this precision may be from the `truth`, which the reference computes in `f64`
/// and, with the backend's errors, as `own_precision`.
pub fn bound(precision: Precision, own_precision: &[f64], truth: &[f64]) -> f64 {
    let scale = truth.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    ORDER_FACTOR * distance(own_precision, truth) + precision.rounding() * scale
}

/// Largest absolute difference; infinite where a number is not finite or missing.
pub fn distance(found: &[f64], truth: &[f64]) -> f64 {
    if found.len() != truth.len() {
        return f64::INFINITY;
    }
    found.iter().zip(truth).fold(0.0, |worst, (a, b)| {
        let difference = (a - b).abs();
        if difference.is_finite() { worst.max(difference) } else { f64::INFINITY }
    })
}
