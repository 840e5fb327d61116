//! Softmax cross-entropy.

use super::device::Reference;
use crate::error::Result;
use crate::ops::{Checked, Loss, LossOperands, Real, Runs};

impl<F: Real> Runs<Loss> for Reference<F> {
    /// With `p = softmax(logits)`, label `l`, class weights `w`, smoothing `e` and `K` classes, a row's loss
    /// is `-(1-e) w_l ln p_l - e/K sum_k w_k ln p_k`; a model's loss is the sum over its rows divided by the
    /// sum of `w_l`.
    fn execute(&self, s: &Loss, a: LossOperands<Self>, _: Checked) -> Result<()> {
        let k = s.classes;
        a.d_logits[..s.models * s.batch * k].fill(F::zero());
        for m in 0..s.models {
            let weights = &a.class_weights[m * k..][..k];
            let present: Vec<usize> =
                (m * s.batch..(m + 1) * s.batch).filter(|&row| a.lengths[row] > 0).collect();
            let total: F = present.iter().map(|&row| weights[a.labels[row] as usize]).sum();
            let mut sum = F::zero();
            for &row in &present {
                let logits = &a.logits[row * k..][..k];
                let log_p = log_softmax(logits);
                let label = a.labels[row] as usize;
                // The target mass of class c, times its weight.
                let mass = |c: usize| {
                    let own = if c == label { 1.0 - s.smoothing } else { 0.0 };
                    F::of(own + s.smoothing / k as f64) * weights[c]
                };
                let all: F = (0..k).map(mass).sum();
                for (c, log_p) in log_p.into_iter().enumerate() {
                    sum = sum - mass(c) * log_p;
                    a.d_logits[row * k + c] = (all * log_p.exp() - mass(c)) / total;
                }
            }
            a.losses[a.row * s.models + m] = if present.is_empty() { F::zero() } else { sum / total };
        }
        Ok(())
    }
}

/// `logits - ln(sum(exp(logits)))`, shifted by the largest so that nothing overflows.
fn log_softmax<F: Real>(logits: &[F]) -> Vec<F> {
    let largest = logits.iter().copied().fold(logits[0], |a, b| if b > a { b } else { a });
    let sum: F = logits.iter().map(|&z| (z - largest).exp()).sum();
    logits.iter().map(|&z| z - largest - sum.ln()).collect()
}
