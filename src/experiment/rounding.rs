//! The effect on a network's probabilities of predicting in `bf16`.

use super::saved::predict_on;
use crate::backend::cpu::{Cpu, Isa};
use crate::backend::{Backend, Reference};
use crate::check::{bound, distance};
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

/// Compares the probabilities of the first windows in `bf16` on the processor with those in `f32` and with
/// the reference. The bound is that of a conformance check. `isa` is the path, or the best one that this
/// machine has.
///
/// # Errors
/// [`ErrorKind::Numerical`](crate::ErrorKind::Numerical) if a probability is off by more than the bound;
/// [`ErrorKind::Backend`](crate::ErrorKind::Backend) if this machine has no `bf16`.
pub fn rounding(isa: Option<Isa>, checkpoint: &FoldCheckpoint, dataset: &Dataset) -> Result<Rounding> {
    // Each weight takes part in about one multiply-add a time step.
    let affordable = WORK / (dataset.steps() * checkpoint.weights.len()).max(1);
    let windows = affordable.clamp(1, WINDOWS).min(dataset.sequences.len());
    let bf16 = first(&Cpu::open(isa, Precision::Bf16)?, checkpoint, dataset, windows)?;
    let fp32 = first(&Cpu::open(isa, Precision::Fp32)?, checkpoint, dataset, windows)?;
    let changed = bf16.iter().zip(&fp32).filter(|(a, b)| a.argmax() != b.argmax()).count();
    let (bf16, fp32) = (probabilities(&bf16), probabilities(&fp32));
    let truth = probabilities(&first(&Reference::<f64>::default(), checkpoint, dataset, windows)?);
    let own = probabilities(&first(&Reference::<Approximate<7>>::default(), checkpoint, dataset, windows)?);
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

/// Predictions of the first windows.
fn first<B: Backend>(
    backend: &B,
    checkpoint: &FoldCheckpoint,
    dataset: &Dataset,
    windows: usize,
) -> Result<Vec<Prediction>> {
    let list: Vec<u32> = (0..windows as u32).collect();
    Ok(predict_on(backend, &[checkpoint], dataset, &[&list], &[0], windows)?.concat())
}

fn probabilities(predictions: &[Prediction]) -> Vec<f64> {
    predictions.iter().flat_map(|prediction| prediction.probabilities.iter().copied()).collect()
}
