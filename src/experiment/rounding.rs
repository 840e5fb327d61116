//! The effect on a network's probabilities of rounding its weights to `bf16`.

use super::saved::{predict_in_parts, predict_with};
use crate::backend::Reference;
use crate::config::RunConfig;
use crate::data::sequences::Dataset;
use crate::error::{Error, Result};
use crate::metrics::Prediction;
use crate::ops::{Approximate, Precision};
use crate::run::FoldCheckpoint;

/// Windows that are compared. The reference takes its time.
const WINDOWS: usize = 8;

/// The effect of `bf16` on the probabilities of some windows.
#[derive(Clone, Debug)]
pub struct Rounding {
    /// Windows that were compared, each by every fold's network.
    pub windows: usize,
    /// Largest difference between a probability in `bf16` and in `f32`.
    pub largest: f64,
    /// How far a correct device may be from the truth in `bf16`.
    pub bound: f64,
    /// Predictions whose most probable class changes.
    pub changed: usize,
}

/// Compares the first windows' probabilities in `bf16`, on the processor, with those in `f32` and with the
/// reference. The bound is that of a conformance check (`engine check`): four times what the plain equations
/// are off with operands of 7 bits, and one rounding.
///
/// # Errors
/// [`ErrorKind::Numerical`](crate::ErrorKind::Numerical) if a probability is off by more than the bound;
/// [`ErrorKind::Backend`](crate::ErrorKind::Backend) if this machine has no `bf16`.
pub fn rounding(
    run: &RunConfig,
    checkpoints: &[FoldCheckpoint],
    dataset: &Dataset,
    numbers: &[u32],
) -> Result<Rounding> {
    let windows = WINDOWS.min(dataset.sequences.len());
    let first: Vec<u32> = (0..windows as u32).collect();
    let lists = vec![first.as_slice(); checkpoints.len()];
    let measured = |precision: Precision| {
        let mut run = run.clone();
        run.choice.precision = Some(precision);
        predict_with(&run, checkpoints, dataset, &lists, numbers, windows)
    };
    let (bf16, fp32) = (measured(Precision::Bf16)?, measured(Precision::Fp32)?);
    let models = checkpoints.len();
    let truth = Reference::<f64>::default();
    let truth = predict_in_parts(&truth, models, checkpoints, dataset, &lists, numbers, windows)?;
    let own = Reference::<Approximate<7>>::default();
    let own = predict_in_parts(&own, models, checkpoints, dataset, &lists, numbers, windows)?;
    let bound = 4.0 * distance(&own, &truth) + Precision::Bf16.rounding();
    let error = distance(&bf16, &truth);
    if error.is_nan() || error > bound {
        return Err(Error::numerical(format!(
            "bf16 changes a probability of the first {windows} windows by {error:.4}; a correct device stays \
             within {bound:.4}"
        ))
        .hint("predict in fp32, and report it: `engine check` shows whether this machine computes rightly"));
    }
    let changed = bf16.iter().zip(&fp32).filter(|(a, b)| a.argmax() != b.argmax()).count();
    Ok(Rounding { windows, largest: distance(&bf16, &fp32), bound, changed })
}

/// Largest difference of two probabilities; NaN if one is.
fn distance(found: &[Prediction], truth: &[Prediction]) -> f64 {
    let pairs = found.iter().zip(truth).flat_map(|(a, b)| a.probabilities.iter().zip(&b.probabilities));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, |a, b| if a.is_nan() || a > b { a } else { b })
}
