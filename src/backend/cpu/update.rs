//! Gathering a mini-batch and updating the parameters: one pass over memory each.

use crate::reference;
use crate::spec::{Gather, GatherOperands, Optimizer, OptimizerKind, OptimizerOperands, StepScalars};
use ndarray::ArcArray2;
use rayon::prelude::*;

/// As the reference; one task per (model, step).
pub fn gather(s: &Gather, chunks: &[ArcArray2<f32>], a: GatherOperands<Vec<f32>, Vec<u32>>) {
    let (batch, features) = (s.batch, s.features);
    let places: Vec<(usize, usize)> = a
        .first
        .iter()
        .zip(a.lengths)
        .map(|(&first, &length)| if length == 0 { (0, 0) } else { reference::locate(chunks, first as usize) })
        .collect();
    a.x[..s.models * s.steps * batch * features].par_chunks_mut(batch * features).enumerate().for_each(
        |(i, x)| {
            let (m, t) = (i / s.steps, i % s.steps);
            let stat = |which: usize| {
                let step = if s.stat_steps == 1 { 0 } else { t };
                &a.stats[((m * 2 + which) * s.stat_steps + step) * features..][..features]
            };
            let (mean, inv_std) = (stat(0), stat(1));
            for (b, x) in x.chunks_mut(features).enumerate() {
                if t >= a.lengths[m * batch + b] as usize {
                    x.fill(0.0);
                    continue;
                }
                let (chunk, row) = places[m * batch + b];
                let frame = chunks[chunk].row(row + t);
                for d in 0..features {
                    x[d] = (frame[d] - mean[d]) * inv_std[d];
                }
            }
        },
    );
}

/// As the reference; models in parallel, the norm in sixteen partial sums.
pub fn optimize(s: &Optimizer, a: OptimizerOperands<Vec<f32>>) {
    let p = s.params;
    (a.weights.par_chunks_mut(p), a.first_moment.par_chunks_mut(p), a.second_moment.par_chunks_mut(p))
        .into_par_iter()
        .take(s.models)
        .zip((a.gradients.par_chunks(p), a.scalars.par_chunks(StepScalars::LEN), a.norms.par_iter_mut()))
        .for_each(|((weights, first, second), (gradients, scalars, norm))| {
            *norm = update(s, weights, first, second, gradients, scalars);
        });
}

/// One model's update; returns the norm of its gradient.
fn update(
    s: &Optimizer,
    weights: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradients: &[f32],
    scalars: &[f32],
) -> f32 {
    let [rate, correction1, correction2, active] = [scalars[0], scalars[1], scalars[2], scalars[3]];
    if active == 0.0 {
        return 0.0;
    }
    let norm = norm(gradients);
    if !norm.is_finite() {
        return norm;
    }
    let scale = (s.clip as f32 / (norm + 1e-6)).min(1.0);
    let (beta1, beta2, eps) = (s.beta1 as f32, s.beta2 as f32, s.eps as f32);
    // Weight decay as part of the gradient (Adam) or of the weight (AdamW).
    let (coupled, decoupled) = match s.kind {
        OptimizerKind::Adam => (s.weight_decay as f32, 0.0),
        OptimizerKind::Adamw => (0.0, s.weight_decay as f32),
    };
    let (step, shrink, inv_correction2) = (rate / correction1, rate * decoupled, 1.0 / correction2);
    for i in 0..weights.len() {
        let w = weights[i];
        let g = gradients[i] * scale + coupled * w;
        first[i] = beta1 * first[i] + (1.0 - beta1) * g;
        second[i] = beta2 * second[i] + (1.0 - beta2) * g * g;
        weights[i] = (w - shrink * w) - step * first[i] / (second[i].sqrt() * inv_correction2 + eps);
    }
    norm
}

fn norm(gradients: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    let chunks = gradients.chunks_exact(sums.len());
    let tail: f32 = chunks.remainder().iter().map(|g| g * g).sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, g)| *sum += g * g);
    }
    (sums.iter().sum::<f32>() + tail).sqrt()
}
