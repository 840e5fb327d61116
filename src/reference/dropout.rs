//! Dropout.

use super::device::Reference;
use crate::error::Result;
use crate::ops::{Checked, Dropout, DropoutOperands, Real, Runs};
use crate::random::philox;
use rayon::prelude::*;

impl<F: Real> Runs<Dropout> for Reference<F> {
    /// `out = mask * x / (1 - rate)`. `counters (M, 4)` holds each model's Philox key, fold and step.
    /// Backward is the same operation on the gradient.
    fn execute(&self, s: &Dropout, a: DropoutOperands<Self>, _: Checked) -> Result<()> {
        let DropoutOperands { counters, x, out } = a;
        let scale = F::of(1.0 / (1.0 - s.rate));
        x.par_chunks(s.len).zip(out.par_chunks_mut(s.len)).take(s.models).enumerate().for_each(
            |(m, (x, out))| {
                let [key_0, key_1, fold, step] = [0, 1, 2, 3].map(|i| counters[4 * m + i]);
                for (i, (x, out)) in x.chunks(4).zip(out.chunks_mut(4)).enumerate() {
                    let words = philox([key_0, key_1], [i as u32, step, fold, s.layer]);
                    for ((&x, out), word) in x.iter().zip(out).zip(words) {
                        *out = if word < s.threshold() { F::zero() } else { x * scale };
                    }
                }
            },
        );
        Ok(())
    }
}
