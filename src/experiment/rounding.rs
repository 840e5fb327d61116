//! The effect on a network's probabilities of predicting in `bf16`.

use super::saved::{predict_in_parts, predict_with};
use crate::backend::Reference;
use crate::check::{bound, distance};
use crate::config::RunConfig;
use crate::data::sequences::Dataset;
use crate::error::{Error, Result};
use crate::metrics::Prediction;
use crate::ops::{Approximate, Precision};
use crate::run::FoldCheckpoint;

/// Most windows that are compared.
const WINDOWS: usize = 8;
/// Most multiply-adds of the reference, about a second of its time.
const WORK: usize = 300_000_000;

/// The effect of `bf16` on the probabilities of some windows.
#[derive(Clone, Debug)]
pub struct Rounding {
    /// Windows that were compared.
    pub windows: usize,
    /// Largest difference between a probability in `bf16` and in `f32`.
    pub largest: f64,
    /// How far a correct device may be from the truth in `bf16`.
    pub bound: f64,
    /// Windows whose most probable class changes.
    pub changed: usize,
}

/// Compares the probabilities of the first windows in `bf16`, on the processor, with those in `f32` and with
/// the reference. The bound is that of a conformance check.
///
/// # Errors
/// [`ErrorKind::Numerical`](crate::ErrorKind::Numerical) if a probability is off by more than the bound;
/// [`ErrorKind::Backend`](crate::ErrorKind::Backend) if this machine has no `bf16`.
pub fn rounding(run: &RunConfig, checkpoint: &FoldCheckpoint, dataset: &Dataset) -> Result<Rounding> {
    // Each weight takes part in about one multiply-add a time step.
    let affordable = WORK / (dataset.steps() * checkpoint.weights.len()).max(1);
    let windows = affordable.clamp(1, WINDOWS).min(dataset.sequences.len());
    let first: Vec<u32> = (0..windows as u32).collect();
    let (checkpoints, lists) = (std::slice::from_ref(checkpoint), [first.as_slice()]);
    let measured = |precision: Precision| {
        let mut run = run.clone();
        run.choice.precision = Some(precision);
        predict_with(&run, checkpoints, dataset, &lists, &[0], windows)
    };
    let (bf16, fp32) = (measured(Precision::Bf16)?, measured(Precision::Fp32)?);
    let changed = bf16.iter().zip(&fp32).filter(|(a, b)| a.argmax() != b.argmax()).count();
    let (bf16, fp32) = (probabilities(&bf16), probabilities(&fp32));
    let truth = Reference::<f64>::default();
    let truth = probabilities(&predict_in_parts(&truth, 1, checkpoints, dataset, &lists, &[0], windows)?);
    let own = Reference::<Approximate<7>>::default();
    let own = probabilities(&predict_in_parts(&own, 1, checkpoints, dataset, &lists, &[0], windows)?);
    let (error, bound) = (distance(&bf16, &truth), bound(Precision::Bf16, &own, &truth));
    if error > bound {
        return Err(Error::numerical(format!(
            "bf16 changes a probability of the first {windows} windows by {error:.1e}; a correct device stays \
             within {bound:.1e}"
        ))
        .hint("predict in fp32; `engine check` shows whether this machine computes correctly"));
    }
    Ok(Rounding { windows, largest: distance(&bf16, &fp32), bound, changed })
}

fn probabilities(predictions: &[Prediction]) -> Vec<f64> {
    predictions.iter().flat_map(|prediction| prediction.probabilities.iter().copied()).collect()
}
