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
    /// Largest difference between a probability in `bf16` and the truth.
    pub error: f64,
    /// How large `error` may be.
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
    let truth = first(&Reference::<f64>::default(), checkpoint, dataset, windows)?;
    let own = first(&Reference::<Approximate<7>>::default(), checkpoint, dataset, windows)?;
    judge(&bf16, &fp32, &truth, &own)
}

fn judge(
    bf16: &[Prediction],
    fp32: &[Prediction],
    truth: &[Prediction],
    own: &[Prediction],
) -> Result<Rounding> {
    let windows = bf16.len();
    let changed = bf16.iter().zip(fp32).filter(|(a, b)| a.argmax() != b.argmax()).count();
    let [bf16, fp32, truth, own] = [bf16, fp32, truth, own].map(probabilities);
    let (error, bound) = (distance(&bf16, &truth), bound(Precision::Bf16, &own, &truth));
    if error > bound {
        return Err(Error::numerical(format!(
            "bf16 changes a probability of the first {windows} windows by {error:.1e}; a correct device stays \
             within {bound:.1e}"
        ))
        .hint("predict in fp32; `engine check` shows whether this machine computes correctly"));
    }
    Ok(Rounding { windows, largest: distance(&bf16, &fp32), error, bound, changed })
}

/// Predictions of the first windows.
fn first<B: Backend>(
    backend: &B,
    checkpoint: &FoldCheckpoint,
    dataset: &Dataset,
    windows: usize,
) -> Result<Vec<Prediction>> {
    let list: Vec<u32> = (0..windows as u32).collect();
    Ok(predict_on(backend, &[checkpoint], dataset, &[&list], &[0], windows, &|| Ok(()))?.concat())
}

fn probabilities(predictions: &[Prediction]) -> Vec<f64> {
    predictions.iter().flat_map(|prediction| prediction.probabilities.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(of_class_1: &[f64]) -> Vec<Prediction> {
        let one = |&p: &f64| Prediction {
            fold: 0,
            subject: 0,
            trial: 0,
            window: 0,
            label: 0,
            probabilities: vec![1.0 - p, p],
        };
        of_class_1.iter().map(one).collect()
    }

    #[test]
    fn windows_that_change_their_class_are_counted_and_errors_beyond_the_bound_refused() {
        let truth = predictions(&[0.2, 0.4999, 0.9]);
        let own = predictions(&[0.201, 0.4999, 0.9]);
        let found = judge(&predictions(&[0.2, 0.5004, 0.902]), &truth, &truth, &own).unwrap();
        assert_eq!((found.windows, found.changed), (3, 1));
        assert!((found.largest - 0.002).abs() < 1e-12 && (found.error - 0.002).abs() < 1e-12);
        // Four times the error of the equations with 7 bits, and one rounding of the largest probability.
        assert!((found.bound - (4.0 * 0.001 + 4e-3 * 0.9)).abs() < 1e-12, "{}", found.bound);
        for wrong in [0.91, f64::NAN] {
            let error = judge(&predictions(&[0.2, 0.4999, wrong]), &truth, &truth, &own).unwrap_err();
            assert_eq!(error.kind, crate::ErrorKind::Numerical);
        }
    }
}
