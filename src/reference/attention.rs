//! Attention over time.

use super::device::Reference;
use crate::error::Result;
use crate::ops::{
    Attention, AttentionBackward, AttentionBackwardOperands, AttentionForward, AttentionForwardOperands,
    Checked, Real, Runs,
};

/// The row's own steps: start of each in `x (M, T, B, D)`, and its place in `(M, T, B)`.
fn steps(s: &Attention, lengths: &[u32], m: usize, b: usize) -> Vec<(usize, usize)> {
    let place = |t: usize| (m * s.steps + t) * s.batch + b;
    (0..lengths[m * s.batch + b] as usize).map(|t| (place(t) * s.width, place(t))).collect()
}

fn dot<F: Real>(a: &[F], b: &[F]) -> F {
    a.iter().zip(b).map(|(&a, &b)| a * b).sum()
}

/// All `(model, row)`.
fn rows(s: &Attention) -> impl Iterator<Item = (usize, usize)> + use<> {
    let batch = s.batch;
    (0..s.models * batch).map(move |row| (row / batch, row % batch))
}

impl<F: Real> Runs<AttentionForward> for Reference<F> {
    /// `a[t] = exp(w . x[t]) / sum over u of exp(w . x[u])`, `out = sum over t of a[t] x[t]`
    fn execute(&self, s: &Attention, a: AttentionForwardOperands<Self>, _: Checked) -> Result<()> {
        a.attention[..s.scores_len()].fill(F::zero());
        a.out[..s.y_len()].fill(F::zero());
        for (m, b) in rows(s) {
            let w = &a.weights[s.weights.start(m)..][..s.width];
            let steps = steps(s, a.lengths, m, b);
            let scores: Vec<F> = steps.iter().map(|&(x, _)| dot(w, &a.x[x..][..s.width])).collect();
            // Shifted by the largest so that nothing overflows. A comparison that keeps NaN, which `max`
            // would lose.
            let Some(&first) = scores.first() else { continue };
            let largest = scores.iter().fold(first, |a, &b| if b < a { a } else { b });
            let exps: Vec<F> = scores.iter().map(|&score| (score - largest).exp()).collect();
            let sum: F = exps.iter().copied().sum();
            let out = &mut a.out[(m * s.batch + b) * s.width..][..s.width];
            for (&(x, place), exp) in steps.iter().zip(exps) {
                let weight = exp / sum;
                a.attention[place] = weight;
                for (out, &x) in out.iter_mut().zip(&a.x[x..][..s.width]) {
                    *out = *out + weight * x;
                }
            }
        }
        Ok(())
    }
}

impl<F: Real> Runs<AttentionBackward> for Reference<F> {
    /// With `g[t] = d_out . x[t]`: `de[t] = a[t] (g[t] - sum over u of a[u] g[u])`, `dx[t] = a[t] d_out +
    /// de[t] w`, `dw = sum over rows and t of de[t] x[t]`
    fn execute(&self, s: &Attention, a: AttentionBackwardOperands<Self>, _: Checked) -> Result<()> {
        a.d_scores[..s.scores_len()].fill(F::zero());
        a.dx[..s.x_len()].fill(F::zero());
        for m in 0..s.models {
            a.d_weights[s.weights.start(m)..][..s.width].fill(F::zero());
        }
        for (m, b) in rows(s) {
            let w = &a.weights[s.weights.start(m)..][..s.width];
            let d_out = &a.d_out[(m * s.batch + b) * s.width..][..s.width];
            let steps = steps(s, a.lengths, m, b);
            let g: Vec<F> = steps.iter().map(|&(x, _)| dot(d_out, &a.x[x..][..s.width])).collect();
            let mean: F = steps.iter().zip(&g).map(|(&(_, place), &g)| a.attention[place] * g).sum();
            for (&(x, place), g) in steps.iter().zip(g) {
                let (weight, d_score) = (a.attention[place], a.attention[place] * (g - mean));
                a.d_scores[place] = d_score;
                let d_weights = &mut a.d_weights[s.weights.start(m)..][..s.width];
                for j in 0..s.width {
                    a.dx[x + j] = weight * d_out[j] + d_score * w[j];
                    d_weights[j] = d_weights[j] + d_score * a.x[x + j];
                }
            }
        }
        Ok(())
    }
}
