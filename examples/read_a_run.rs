//! Reads a finished run from another program: its scores, its predictions, its weights.
//! `cargo run --release --example read_a_run -- runs/lstm-valence-trial`; read_a_run.py does the same.

use engine::experiment::Record;
use engine::run::{FoldCheckpoint, RunFolder};
use std::path::Path;

pub(crate) fn main() -> engine::Result<()> {
    let run = std::env::args().nth(1).ok_or_else(|| engine::Error::config("which run folder?"))?;
    read(Path::new(&run))
}

pub(crate) fn read(run: &Path) -> engine::Result<()> {
    // Every file is checked against the hashes of the run's manifest.
    let record = Record::read(run)?;
    let (scores, predictions) = record.results()?;
    println!("{} epochs of {} folds", record.epochs.len(), record.manifest.selected_folds.len());
    println!("accuracy of trials {:?}, AUC {:?}", scores.trial.overall.accuracy, scores.trial.auc);
    for p in predictions.iter().take(3) {
        let class = &record.manifest.dataset.classes[p.argmax() as usize];
        println!("trial {} window {}: {class} of {:.3?}", p.trial, p.window, p.probabilities);
    }
    let first = record.manifest.selected_folds[0] as u32;
    let checkpoint = FoldCheckpoint::read(&RunFolder::checkpoint(run, "best", first))?;
    for (name, tensor) in checkpoint.meta.network.tensors(&checkpoint.weights)? {
        println!("{name} {:?}", tensor.shape());
    }
    Ok(())
}
