//! Clipping and the parameter update.

use super::device::Reference;
use crate::error::Result;
use crate::ops::{Checked, Optimizer, OptimizerKind, OptimizerOperands, Real, Runs, StepScalars};

impl<F: Real> Runs<Optimizer> for Reference<F> {
    /// `g *= min(1, clip / (|g| + 1e-6))`, then Adam or AdamW with bias correction, for every active model.
    fn execute(&self, s: &Optimizer, a: OptimizerOperands<Self>, _: Checked) -> Result<()> {
        let [beta1, beta2, decay] = [s.beta1, s.beta2, s.weight_decay].map(F::of);
        // From the exact numbers: 1 - 0.999 of rounded ones is off by a hundred roundings.
        let [rest1, rest2] = [1.0 - s.beta1, 1.0 - s.beta2].map(F::of);
        let one = F::one();
        for m in 0..s.models {
            let range = m * s.params..(m + 1) * s.params;
            let [rate, correction1, correction2, eps] =
                <[F; StepScalars::LEN]>::try_from(&a.scalars[m * StepScalars::LEN..][..StepScalars::LEN])
                    .expect("a slice of that length");
            let norm = a.gradients[range.clone()].iter().map(|&g| g * g).sum::<F>().sqrt();
            let inactive = correction1 == F::zero();
            a.norms[a.row * s.models + m] = if inactive { F::zero() } else { norm };
            if inactive || !norm.is_finite() {
                continue;
            }
            let clip = F::of(s.clip) / (norm + F::of(1e-6));
            let scale = if clip < one { clip } else { one };
            for i in range {
                let mut w = a.weights[i];
                let mut g = a.gradients[i] * scale;
                match s.kind {
                    OptimizerKind::Adam => g = g + decay * w,
                    OptimizerKind::Adamw => w = w - rate * decay * w,
                }
                let first = beta1 * a.first_moment[i] + rest1 * g;
                let second = beta2 * a.second_moment[i] + rest2 * g * g;
                a.first_moment[i] = first;
                a.second_moment[i] = second;
                a.weights[i] = w - rate / correction1 * first / (second.sqrt() / correction2 + eps);
            }
        }
        Ok(())
    }
}
