//! Dropout, pooling, linear layers and the loss.

use crate::ops::{Dropout, Linear, LinearBackward, LinearForward, Loss, LossOperands, Pool, PoolKind, Real};
use crate::random::philox;
use rayon::prelude::*;

/// `out = mask * x / (1 - rate)`. `marks (M, 2)` holds each model's fold and step. Backward is the same operation on
/// the gradient.
pub fn dropout<F: Real>(s: &Dropout, marks: &[u32], x: &[F], out: &mut [F]) {
    let scale = F::of(1.0 / (1.0 - s.rate));
    x.par_chunks(s.len).zip(out.par_chunks_mut(s.len)).take(s.models).enumerate().for_each(
        |(m, (x, out))| {
            let (fold, step) = (marks[m * 2], marks[m * 2 + 1]);
            for (i, (x, out)) in x.chunks(4).zip(out.chunks_mut(4)).enumerate() {
                let words = philox(s.key, [i as u32, step, fold, s.layer]);
                for ((&x, out), word) in x.iter().zip(out).zip(words) {
                    *out = if word < s.threshold() { F::zero() } else { x * scale };
                }
            }
        },
    );
}

/// `(M, T, B, dirs*H)` and the final states to `(M, B, dirs*H)`.
pub fn pool_forward<F: Real>(s: &Pool, lengths: &[u32], y: &[F], last: &[F], out: &mut [F]) {
    for_each_pooled(s, |m, b, dir, j, at| {
        let length = lengths[m * s.batch + b] as usize;
        out[at] = match s.kind {
            _ if length == 0 => F::zero(),
            PoolKind::Last => last[last_at(s, m, dir, b) + j],
            PoolKind::Mean => {
                let sum: F = (0..length).map(|t| y[y_at(s, m, dir, t, b) + j]).sum();
                sum / F::of(length as f64)
            }
        };
    });
}

/// Gradient of the pooled vector to `dy` (mean) or `d_last` (last); the other one is not touched.
pub fn pool_backward<F: Real>(s: &Pool, lengths: &[u32], d_out: &[F], dy: &mut [F], d_last: &mut [F]) {
    match s.kind {
        PoolKind::Last => d_last[..s.models * s.states * s.dirs * s.batch * s.hidden].fill(F::zero()),
        PoolKind::Mean => dy[..s.models * s.steps * s.batch * s.dirs * s.hidden].fill(F::zero()),
    }
    for_each_pooled(s, |m, b, dir, j, at| {
        let length = lengths[m * s.batch + b] as usize;
        match s.kind {
            _ if length == 0 => {}
            PoolKind::Last => d_last[last_at(s, m, dir, b) + j] = d_out[at],
            PoolKind::Mean => {
                for t in 0..length {
                    dy[y_at(s, m, dir, t, b) + j] = d_out[at] / F::of(length as f64);
                }
            }
        }
    });
}

fn for_each_pooled(s: &Pool, mut each: impl FnMut(usize, usize, usize, usize, usize)) {
    let mut at = 0;
    for m in 0..s.models {
        for b in 0..s.batch {
            for dir in 0..s.dirs {
                for j in 0..s.hidden {
                    each(m, b, dir, j, at);
                    at += 1;
                }
            }
        }
    }
}

fn y_at(s: &Pool, m: usize, dir: usize, t: usize, b: usize) -> usize {
    (((m * s.steps + t) * s.batch + b) * s.dirs + dir) * s.hidden
}

fn last_at(s: &Pool, m: usize, dir: usize, b: usize) -> usize {
    ((m * s.states * s.dirs + dir) * s.batch + b) * s.hidden
}

/// `y = x W^T + bias`, then ReLU where the layer has one.
pub fn linear_forward<F: Real>(s: &Linear, a: LinearForward<Vec<F>>) {
    for m in 0..s.models {
        let weight = &a.weights[s.weights.start(m)..][..s.output * s.input];
        let bias = &a.weights[s.weights.start(m) + s.output * s.input..][..s.output];
        for b in 0..s.batch {
            let x = &a.x[(m * s.batch + b) * s.input..][..s.input];
            for o in 0..s.output {
                let product: F = weight[o * s.input..][..s.input].iter().zip(x).map(|(&w, &x)| w * x).sum();
                let y = bias[o] + product;
                // A comparison that keeps NaN, which `max` would turn into 0.
                a.y[(m * s.batch + b) * s.output + o] = if s.relu && y < F::zero() { F::zero() } else { y };
            }
        }
    }
}

/// `dx = dy W`, `dW = dy^T x`, `d bias = sum dy`, with `dy` cut to where the ReLU passed.
pub fn linear_backward<F: Real>(s: &Linear, mut a: LinearBackward<Vec<F>>) {
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
}

/// With `p = softmax(logits)`, label `l`, class weights `w`, smoothing `e` and `K` classes, a row's loss is
/// `-(1-e) w_l ln p_l - e/K sum_k w_k ln p_k`; a model's loss is the sum over its rows divided by the sum of `w_l`.
pub fn loss<F: Real>(s: &Loss, a: LossOperands<Vec<F>, Vec<u32>>) {
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
}

/// `logits - ln(sum(exp(logits)))`, shifted by the largest so that nothing overflows.
fn log_softmax<F: Real>(logits: &[F]) -> Vec<F> {
    let largest = logits.iter().copied().fold(logits[0], |a, b| if b > a { b } else { a });
    let sum: F = logits.iter().map(|&z| (z - largest).exp()).sum();
    logits.iter().map(|&z| z - largest - sum.ln()).collect()
}
