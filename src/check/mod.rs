//! Whether a backend computes what the equations say: its distance from the `f64` reference against a derived bound, and
//! the reference's own gradients against finite differences.

mod any;
mod optimizer;

pub use any::{any_conformance, any_gradients};
pub use optimizer::{optimizer_conformance, optimizer_conformance_of};

use crate::backend::{Backend, Reference};
use crate::cases::{Case, ConvCase, ConvOutputs, ConvTensors, Outputs, Tensors};
use crate::error::{Error, Result};
use crate::ops::{Precision, in_precision};
use crate::random::{Random, Stream};
use crate::reference;
use serde::Serialize;

/// The distance of one buffer from the truth, and how large it may be.
#[derive(Clone, Debug, Serialize)]
pub struct Deviation {
    pub buffer: &'static str,
    /// Largest absolute difference; infinite if a number is missing or not finite.
    pub error: f64,
    pub bound: f64,
}

impl Deviation {
    pub fn holds(&self) -> bool {
        self.error <= self.bound
    }
}

/// The outcome of one case.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub case: String,
    pub deviations: Vec<Deviation>,
}

impl Outcome {
    pub fn holds(&self) -> bool {
        self.deviations.iter().all(Deviation::holds)
    }

    /// The buffer that comes closest to its bound, or passes it by most.
    pub fn worst(&self) -> &Deviation {
        let share = |d: &Deviation| if d.bound > 0.0 { d.error / d.bound } else { d.error };
        self.deviations.iter().max_by(|a, b| share(a).total_cmp(&share(b))).expect("a case has outputs")
    }
}

/// A correct backend may be this many times as far off as the reference run in its precision: it sums in another order.
const ORDER_FACTOR: f64 = 4.0;

/// Runs `case` on `backend` and compares every output with the `f64` reference.
pub fn conformance<B: Backend>(backend: &B, case: &Case) -> Result<Outcome> {
    conformance_of(case, backend.precision(), |tensors| case.run(backend, tensors))
}

/// As [`conformance`], of anything that runs the case.
///
/// The bound of a buffer is `4 * e + r * s`: `e` is the error of the reference itself when it rounds and approximates as a
/// backend of this precision may ([`crate::ops::Approximate`]), `r` one rounding ([`Precision::rounding`]) and `s` the buffer's largest
/// number, which covers buffers that the reference happens to get exactly.
pub fn conformance_of(
    case: &Case,
    precision: Precision,
    run: impl Fn(&Tensors) -> Result<Outputs>,
) -> Result<Outcome> {
    let tensors = case.tensors();
    let truth = case.run(&Reference::<f64>::default(), &tensors)?;
    let own_precision = in_precision!(precision, F => case.run(&Reference::<F>::default(), &tensors)?);
    let found = run(&tensors)?;
    let deviations = (0..truth.0.len())
        .map(|i| deviation(Outputs::NAMES[i], precision, &found.0[i], &truth.0[i], &own_precision.0[i]))
        .collect();
    Ok(Outcome { case: case.name(), deviations })
}

fn deviation(
    buffer: &'static str,
    precision: Precision,
    found: &[f64],
    truth: &[f64],
    own_precision: &[f64],
) -> Deviation {
    let scale = truth.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let bound = ORDER_FACTOR * distance(own_precision, truth) + precision.rounding() * scale;
    Deviation { buffer, error: distance(found, truth), bound }
}

/// As [`conformance`], of a convolution block. Its backward pass is told who won: of two steps that are equal but for rounding
/// either may win, and the gradient goes to that one whole. A winner may differ from the reference's only where the two are closer
/// than twice the bound of `y`.
pub fn conv_conformance<B: Backend>(backend: &B, case: &ConvCase) -> Result<Outcome> {
    conv_conformance_of(case, backend.precision(), |tensors, winners| {
        case.run(backend, tensors, Some(winners))
    })
}

/// As [`conv_conformance`], of anything that runs the case.
pub fn conv_conformance_of(
    case: &ConvCase,
    precision: Precision,
    run: impl Fn(&ConvTensors, &[f64]) -> Result<ConvOutputs>,
) -> Result<Outcome> {
    let tensors = case.tensors();
    let truth = case.run(&Reference::<f64>::default(), &tensors, None)?;
    let winners = &truth.winners;
    let own = in_precision!(precision, F => case.run(&Reference::<F>::default(), &tensors, Some(winners))?);
    let found = run(&tensors, winners)?;
    let y = deviation("y", precision, &found.y, &truth.y, &own.y);
    let winners =
        Deviation { buffer: "winners", error: misjudged(case, &tensors, &found), bound: 2.0 * y.bound };
    let dx = deviation("dx", precision, &found.dx, &truth.dx, &own.dx);
    let d_weights = deviation("d_weights", precision, &found.d_weights, &truth.d_weights, &own.d_weights);
    Ok(Outcome { case: case.name(), deviations: vec![y, winners, dx, d_weights] })
}

/// The largest distance by which the step that did not win is the larger; infinite where `winners` are not `y` with a sign.
fn misjudged(case: &ConvCase, tensors: &ConvTensors, found: &ConvOutputs) -> f64 {
    let s = &case.conv;
    let mut worst: f64 = match found.y.iter().zip(&found.winners).all(|(y, winner)| *y == winner.abs()) {
        true => 0.0,
        false => return f64::INFINITY,
    };
    let filtered = reference::conv_filter(s, &tensors.weights, &tensors.x, &tensors.lengths);
    for (row, numbers) in filtered.iter().enumerate() {
        let (m, b) = (row / s.batch, row % s.batch);
        for (i, [first, second]) in numbers.iter().enumerate() {
            let filters = s.spec.filters;
            let winner = found.winners[s.y_at(m, i / filters, b) + i % filters];
            let lead = if winner > 0.0 { second - first } else { first - second };
            if winner != 0.0 {
                worst = worst.max(lead);
            }
        }
    }
    worst
}

/// Largest absolute difference; infinite where a number is not finite.
fn distance(found: &[f64], truth: &[f64]) -> f64 {
    found.iter().zip(truth).fold(0.0, |worst, (a, b)| {
        let difference = (a - b).abs();
        if difference.is_finite() { worst.max(difference) } else { f64::INFINITY }
    })
}

/// Step of the central differences.
const EPS: f64 = 1e-6;
/// `torch.autograd.gradcheck`'s tolerances.
const ABSOLUTE: f64 = 1e-5;
const RELATIVE: f64 = 1e-3;
/// Up to this many numbers every one of them is moved; beyond, random directions.
const EXHAUSTIVE: usize = 400;
const DIRECTIONS: u32 = 5;

/// Compares the `f64` reference's gradients with central differences of the scalar
/// `sum(dy * y) + sum(d_last * last)`: every number of the input, initial state and weights where they are few, random
/// directions where they are many.
pub fn gradients(case: &Case) -> Result<Outcome> {
    gradients_of(case, |tensors| case.run(&Reference::<f64>::default(), tensors))
}

/// As [`gradients`], of anything that runs the case in `f64`.
pub fn gradients_of(case: &Case, run: impl Fn(&Tensors) -> Result<Outputs>) -> Result<Outcome> {
    let tensors = case.tensors();
    let truth = run(&tensors)?;
    let value = |tensors: &Tensors| -> Result<f64> {
        let outputs = run(tensors)?;
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        Ok(product(&outputs.0[0], &tensors.dy) + product(&outputs.0[1], &tensors.d_last))
    };
    let mut deviations = Vec::new();
    for (output, buffer) in [(2, "dx"), (3, "d_initial"), (4, "d_weights")] {
        if output == 3 && tensors.initial.is_none() {
            continue;
        }
        let moved = |step: f64, direction: &[f64]| -> Result<f64> {
            let mut tensors = case.tensors();
            let target = match output {
                2 => &mut tensors.x,
                3 => tensors.initial.as_mut().expect("checked above"),
                _ => &mut tensors.weights,
            };
            target.iter_mut().zip(direction).for_each(|(number, d)| *number += step * d);
            value(&tensors)
        };
        deviations.push(slope(buffer, &truth.0[output], moved)?);
    }
    Ok(Outcome { case: case.name(), deviations })
}

/// As [`gradients`], of a convolution block and the scalar `sum(dy * y)`.
pub fn conv_gradients(case: &ConvCase) -> Result<Outcome> {
    let run = |tensors: &ConvTensors| case.run(&Reference::<f64>::default(), tensors, None);
    let truth = run(&case.tensors())?;
    let mut deviations = Vec::new();
    for (buffer, gradient) in [("dx", &truth.dx), ("d_weights", &truth.d_weights)] {
        let moved = |step: f64, direction: &[f64]| -> Result<f64> {
            let mut tensors = case.tensors();
            let target = if buffer == "dx" { &mut tensors.x } else { &mut tensors.weights };
            target.iter_mut().zip(direction).for_each(|(number, d)| *number += step * d);
            Ok(run(&tensors)?.y.iter().zip(&tensors.dy).map(|(y, dy)| y * dy).sum())
        };
        deviations.push(slope(buffer, gradient, moved)?);
    }
    Ok(Outcome { case: case.name(), deviations })
}

/// Compares a gradient with central differences of what `moved` gives when its numbers go a step in a direction.
fn slope(
    buffer: &'static str,
    gradient: &[f64],
    moved: impl Fn(f64, &[f64]) -> Result<f64>,
) -> Result<Deviation> {
    let mut worst = Deviation { buffer, error: 0.0, bound: ABSOLUTE };
    for direction in directions(gradient.len()) {
        let numeric = (moved(EPS, &direction)? - moved(-EPS, &direction)?) / (2.0 * EPS);
        let analytic: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
        let (error, bound) = ((numeric - analytic).abs(), ABSOLUTE + RELATIVE * numeric.abs());
        let error = if error.is_finite() { error } else { f64::INFINITY };
        if error / bound > worst.error / worst.bound {
            worst = Deviation { buffer, error, bound };
        }
    }
    Ok(worst)
}

/// Unit vectors where they are few, random unit-length directions where they are many.
fn directions(len: usize) -> Vec<Vec<f64>> {
    if len <= EXHAUSTIVE {
        let unit = |i: usize| (0..len).map(|j| if i == j { 1.0 } else { 0.0 }).collect();
        return (0..len).map(unit).collect();
    }
    let random = |i: u32| {
        let mut random = Random::new(len as u64, Stream::Check, [i, u32::MAX]);
        let direction: Vec<f64> = (0..len).map(|_| random.normal()).collect();
        let norm = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
        direction.into_iter().map(|d| d / norm).collect()
    };
    (0..DIRECTIONS).map(random).collect()
}

/// An error that names the first case out of bounds, if there is one.
pub fn verdict(backend: &str, outcomes: &[Outcome]) -> Result<()> {
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.holds()).collect();
    let Some(first) = failed.first() else { return Ok(()) };
    let Deviation { buffer, error, bound } = first.worst();
    Err(Error::numerical(format!(
        "{backend}: {} of {} cases out of bounds; first: {}, {buffer} is off by {error:.2e}, allowed {bound:.2e}",
        failed.len(),
        outcomes.len(),
        first.case
    ))
    .hint("do not trust results of this backend on this machine; please report the case"))
}
