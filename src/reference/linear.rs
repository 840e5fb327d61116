//! Linear layers.

use super::device::Reference;
use crate::error::Result;
use crate::ops::{
    Checked, Linear, LinearBackward, LinearBackwardOperands, LinearForward, LinearForwardOperands, Real, Runs,
};

impl<F: Real> Runs<LinearForward> for Reference<F> {
    /// `y = x W^T + bias`, then ReLU where the layer has one.
    fn execute(&self, s: &Linear, a: LinearForwardOperands<Self>, _: Checked) -> Result<()> {
        for m in 0..s.models {
            let weight = &a.weights[s.weights.start(m)..][..s.output * s.input];
            let bias = &a.weights[s.weights.start(m) + s.output * s.input..][..s.output];
            for b in 0..s.batch {
                let x = &a.x[(m * s.batch + b) * s.input..][..s.input];
                for o in 0..s.output {
                    let product: F =
                        weight[o * s.input..][..s.input].iter().zip(x).map(|(&w, &x)| w * x).sum();
                    let y = bias[o] + product;
                    // A comparison that keeps NaN, which `max` would turn into 0.
                    a.y[(m * s.batch + b) * s.output + o] =
                        if s.relu && y < F::zero() { F::zero() } else { y };
                }
            }
        }
        Ok(())
    }
}

impl<F: Real> Runs<LinearBackward> for Reference<F> {
    /// `dx = dy W`, `dW = dy^T x`, `d bias = sum dy`, with `dy` cut to where the ReLU passed.
    fn execute(&self, s: &Linear, mut a: LinearBackwardOperands<Self>, _: Checked) -> Result<()> {
        if let Some(dx) = a.dx.as_deref_mut() {
            dx[..s.models * s.batch * s.input].fill(F::zero());
        }
        for m in 0..s.models {
            let start = s.weights.start(m);
            a.d_weights[start..start + s.params()].fill(F::zero());
            for b in 0..s.batch {
                let row = m * s.batch + b;
                for o in 0..s.output {
                    let at = row * s.output + o;
                    if s.relu && a.y[at] <= F::zero() {
                        continue;
                    }
                    let dy = a.dy[at];
                    let bias = start + s.output * s.input + o;
                    a.d_weights[bias] = a.d_weights[bias] + dy;
                    for i in 0..s.input {
                        let w = start + o * s.input + i;
                        a.d_weights[w] = a.d_weights[w] + dy * a.x[row * s.input + i];
                        if let Some(dx) = a.dx.as_deref_mut() {
                            dx[row * s.input + i] = dx[row * s.input + i] + dy * a.weights[w];
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
