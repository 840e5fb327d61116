//! Dropout.

use super::device::Reference;
use crate::error::Result;
use crate::ops::{Checked, Dropout, DropoutOperands, Real, Runs};
use crate::random::philox;
use rayon::prelude::*;

impl<F: Real> Runs<Dropout> for Reference<F> {
    /// `out = mask * x / (1 - rate)`. `counters (M, 2)` holds each model's fold and step. Backward is the
    /// same operation on the gradient.
    fn execute(&self, s: &Dropout, a: DropoutOperands<Self>, _: Checked) -> Result<()> {
        let DropoutOperands { counters, x, out } = a;
        let scale = F::of(1.0 / (1.0 - s.rate));
        x.par_chunks(s.len).zip(out.par_chunks_mut(s.len)).take(s.models).enumerate().for_each(
            |(m, (x, out))| {
                let (fold, step) = (counters[m * 2], counters[m * 2 + 1]);
                for (i, (x, out)) in x.chunks(4).zip(out.chunks_mut(4)).enumerate() {
                    let words = philox(s.key, [i as u32, step, fold, s.layer]);
                    for ((&x, out), word) in x.iter().zip(out).zip(words) {
                        *out = if word < s.threshold() { F::zero() } else { x * scale };
                    }
                }
            },
        );
        Ok(())
    }
}
