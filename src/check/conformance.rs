//! A backend against the `f64` reference.

use super::bound::{Deviation, Judged, Outcome};
use super::case::Case;
use super::tensors::{Outputs, Tensors};
use crate::backend::{Backend, Reference};
use crate::error::{Error, Result};
use crate::ops::{Precision, in_precision};

/// Runs `case` on `backend` and compares every output with the `f64` reference.
pub fn conformance<B: Backend, C: Case>(backend: &B, case: &C) -> Result<Outcome> {
    conformance_of(case, backend.precision(), |tensors| case.run(backend, tensors))
}

/// As [`conformance`], of anything that runs the case in a precision.
pub fn conformance_of<C: Case>(
    case: &C,
    precision: Precision,
    run: impl Fn(&Tensors) -> Result<Outputs>,
) -> Result<Outcome> {
    let precision = case.precision(precision);
    let mut tensors = case.tensors();
    let truth = case.run(&Reference::<f64>::default(), &tensors)?;
    case.decide(&truth, &mut tensors);
    let own_precision = in_precision!(precision, F => case.run(&Reference::<F>::default(), &tensors)?);
    let found = run(&tensors)?;
    let judged =
        Judged { precision, tensors: &tensors, truth: &truth, own_precision: &own_precision, found: &found };
    Ok(Outcome { case: case.name(), deviations: case.deviations(&judged) })
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
