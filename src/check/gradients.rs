//! The reference's gradients against finite differences.

use super::bound::{Deviation, Outcome};
use super::case::Case;
use super::tensors::{Outputs, Tensors};
use crate::backend::Reference;
use crate::error::Result;
use crate::random::{Random, Stream};

/// Step of the central differences.
const EPS: f64 = 1e-6;
/// `torch.autograd.gradcheck`'s tolerances.
const ABSOLUTE: f64 = 1e-5;
const RELATIVE: f64 = 1e-3;
/// Up to this many numbers every one of them is moved; beyond, random directions.
const EXHAUSTIVE: usize = 400;
const DIRECTIONS: u32 = 5;

/// Compares the `f64` reference's gradients with central differences of a scalar, the sum of all outputs
/// times their cotangents: every number of an input where they are few, random directions where they are
/// many. `None` for what has no gradient.
pub fn gradients<C: Case>(case: &C) -> Result<Option<Outcome>> {
    gradients_of(case, |tensors| case.run(&Reference::<f64>::default(), tensors))
}

/// As [`gradients`], of anything that runs the case in `f64`.
pub fn gradients_of<C: Case>(case: &C, run: impl Fn(&Tensors) -> Result<Outputs>) -> Result<Option<Outcome>> {
    if case.values().is_empty() {
        return Ok(None);
    }
    let tensors = case.tensors();
    let truth = run(&tensors)?;
    let value = |tensors: &Tensors| -> Result<f64> {
        let outputs = run(tensors)?;
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        Ok(case.values().iter().map(|(output, d)| product(&outputs[output], &tensors[d])).sum())
    };
    let mut deviations = Vec::new();
    for &(input, gradient) in case.slopes().iter().filter(|(input, _)| tensors.find(input).is_some()) {
        let moved = |step: f64, direction: &[f64]| -> Result<f64> {
            let mut tensors = tensors.clone();
            tensors[input].iter_mut().zip(direction).for_each(|(number, d)| *number += step * d);
            value(&tensors)
        };
        deviations.push(slope(gradient, &truth[gradient], moved)?);
    }
    Ok(Some(Outcome { case: case.name(), deviations }))
}

/// Compares a gradient with central differences of what `moved` gives when its numbers go a step in a
/// direction.
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
