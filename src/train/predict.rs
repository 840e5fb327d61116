//! Predictions of sequences.

use super::plan::{self, List};
use crate::backend::Backend;
use crate::error::Result;
use crate::metrics::Prediction;
use crate::model::Model;

/// Class probabilities of every model's own list of sequences. `go_on` is asked before each batch, and its
/// error ends the work.
pub fn probabilities<B: Backend>(
    model: &mut Model<B>,
    frames: &B::Frames,
    lists: &[List],
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Vec<Vec<Vec<f64>>>> {
    let extent = model.extent();
    let classes = model.network().classes;
    let mut all: Vec<Vec<Vec<f64>>> =
        lists.iter().map(|list| Vec::with_capacity(list.indices.len())).collect();
    for position in 0..plan::steps(lists, extent.batch) {
        go_on()?;
        let batch = plan::batch(lists, extent, position);
        let logits = model.evaluate(frames, &batch)?;
        for (row, logits) in logits.chunks(classes).enumerate().filter(|(row, _)| batch.lengths[*row] > 0) {
            all[row / extent.batch].push(softmax(logits));
        }
    }
    Ok(all)
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = logits.iter().map(|z| (z - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|e| e / sum).collect()
}

/// Predictions of every model for its own list of sequences, with the labels of the list's data set. `go_on`
/// is asked before each batch, and its error ends the work.
pub fn predict<B: Backend>(
    model: &mut Model<B>,
    frames: &B::Frames,
    lists: &[List],
    numbers: &[u32],
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Vec<Vec<Prediction>>> {
    let probabilities = probabilities(model, frames, lists, go_on)?;
    let of_fold = |((list, &fold), probabilities): ((&List, &u32), Vec<Vec<f64>>)| {
        list.sequences()
            .zip(probabilities)
            .map(|(s, probabilities)| Prediction {
                fold,
                subject: s.subject,
                trial: s.trial,
                window: s.window,
                label: s.label,
                probabilities,
            })
            .collect()
    };
    Ok(lists.iter().zip(numbers).zip(probabilities).map(of_fold).collect())
}
