//! A case of any operation: against the reference, and the reference's gradients against finite differences.

use super::{Outcome, conformance, conv_conformance, conv_gradients, gradients, optimizer_conformance};
use crate::backend::Backend;
use crate::cases::AnyCase;
use crate::error::Result;

/// Runs `case` on `backend` and compares every output with the `f64` reference.
pub fn any_conformance<B: Backend>(backend: &B, case: &AnyCase) -> Result<Outcome> {
    match case {
        AnyCase::Rnn(case) => conformance(backend, case),
        AnyCase::Conv(case) => conv_conformance(backend, case),
        AnyCase::Optimizer(case) => optimizer_conformance(backend, case),
    }
}

/// The reference's gradients of `case` against finite differences. `None` for what has none: an optimiser, and saturated gates,
/// which have no slope that a difference could find.
pub fn any_gradients(case: &AnyCase) -> Result<Option<Outcome>> {
    match case {
        AnyCase::Rnn(case) if case.scale <= 1.0 => gradients(case).map(Some),
        AnyCase::Conv(case) => conv_gradients(case).map(Some),
        AnyCase::Rnn(_) | AnyCase::Optimizer(_) => Ok(None),
    }
}
