//! The convolution block, one output number at a time.

use super::device::Reference;
use crate::error::Result;
use crate::ops::{
    Checked, Conv, ConvBackward, ConvBackwardOperands, ConvForward, ConvForwardOperands, Real, Runs,
};
use rayon::prelude::*;

/// `z[t, f]` of row `b`, before ReLU and pooling.
fn filtered<F: Real>(s: &Conv, w: &[F], x: &[F], (m, t, b, f): (usize, usize, usize, usize)) -> F {
    let kernel = s.spec.kernel;
    let weight = &w[s.weight(m) + f * s.depth()..][..s.depth()];
    let mut sum = F::zero();
    for j in 0..kernel {
        let x = &x[s.x_at(m, t + j, b)..][..s.input];
        for (c, &x) in x.iter().enumerate() {
            sum = sum + weight[c * kernel + j].product(x);
        }
    }
    w[s.bias(m) + f] + sum
}

/// Max-pooling of two steps: `y`, and `y` with the argmax as its sign (minus for the second). Comparisons
/// keep NaN, which `max` would turn into 0.
fn pool<F: Real>([first, second]: [F; 2]) -> (F, F) {
    let larger = if first < second || second.get().is_nan() { second } else { first };
    let y = if larger < F::zero() { F::zero() } else { larger };
    (y, if first < second { -y } else { y })
}

/// Steps of row `b` of model `m` in the output.
fn out_length(s: &Conv, lengths: &[u32], m: usize, b: usize) -> usize {
    s.spec.steps(lengths[m * s.batch + b] as usize)
}

/// All `(model, row)`.
fn rows(s: &Conv) -> Vec<(usize, usize)> {
    (0..s.models * s.batch).map(|row| (row / s.batch, row % s.batch)).collect()
}

/// By row, step of the output and filter, the two numbers that pooling chooses from.
pub fn conv_filter<F: Real>(s: &Conv, weights: &[F], x: &[F], lengths: &[u32]) -> Vec<Vec<[F; 2]>> {
    let row = |(m, b)| {
        let numbers =
            (0..out_length(s, lengths, m, b)).flat_map(|t| (0..s.spec.filters).map(move |f| (t, f)));
        numbers.map(|(t, f)| [2 * t, 2 * t + 1].map(|t| filtered(s, weights, x, (m, t, b, f)))).collect()
    };
    rows(s).into_par_iter().map(row).collect()
}

impl<F: Real> Runs<ConvForward> for Reference<F> {
    /// `y[t, f] = max(z[2t, f], z[2t + 1, f], 0)`
    fn execute(&self, s: &Conv, mut a: ConvForwardOperands<Self>, _: Checked) -> Result<()> {
        a.y[..s.y_len()].fill(F::zero());
        if let Some(argmax) = a.argmax.as_deref_mut() {
            argmax[..s.y_len()].fill(F::zero());
        }
        let filtered = conv_filter(s, a.weights, a.x, a.lengths);
        for ((m, b), row) in rows(s).into_iter().zip(filtered) {
            for (i, steps) in row.into_iter().enumerate() {
                let at = s.y_at(m, i / s.spec.filters, b) + i % s.spec.filters;
                let (y, signed) = pool(steps);
                a.y[at] = y;
                if let Some(argmax) = a.argmax.as_deref_mut() {
                    argmax[at] = signed;
                }
            }
        }
        Ok(())
    }
}

impl<F: Real> Runs<ConvBackward> for Reference<F> {
    /// `dW[f, c, j] = sum dz[t, f] x[t + j, c]`, `d bias[f] = sum dz[t, f]`, `dx[t + j, c] += dz[t, f] W[f,
    /// c, j]`, where `dz` is `dy` at the step that won and 0 elsewhere.
    fn execute(&self, s: &Conv, mut a: ConvBackwardOperands<Self>, _: Checked) -> Result<()> {
        let (filters, kernel) = (s.spec.filters, s.spec.kernel);
        if let Some(dx) = a.dx.as_deref_mut() {
            dx[..s.x_len()].fill(F::zero());
        }
        for m in 0..s.models {
            a.d_weights[s.weight(m)..][..s.params()].fill(F::zero());
        }
        for (m, b) in rows(s) {
            for (out, f) in
                (0..out_length(s, a.lengths, m, b)).flat_map(|t| (0..filters).map(move |f| (t, f)))
            {
                let at = s.y_at(m, out, b) + f;
                let t = match a.argmax[at] {
                    signed if signed > F::zero() => 2 * out,
                    signed if signed < F::zero() => 2 * out + 1,
                    _ => continue,
                };
                let dz = a.dy[at];
                let bias = s.bias(m) + f;
                a.d_weights[bias] = a.d_weights[bias] + dz;
                for (j, c) in (0..kernel).flat_map(|j| (0..s.input).map(move |c| (j, c))) {
                    let w = s.weight(m) + (f * s.input + c) * kernel + j;
                    let x = s.x_at(m, t + j, b) + c;
                    a.d_weights[w] = a.d_weights[w] + dz.outer(a.x[x]);
                    if let Some(dx) = a.dx.as_deref_mut() {
                        dx[x] = dx[x] + a.weights[w].product(dz);
                    }
                }
            }
        }
        Ok(())
    }
}
