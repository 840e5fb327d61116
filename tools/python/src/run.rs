//! The contents of a run folder.

use crate::errors::OrRaise;
use engine::experiment::{Record, checked_folds};
use engine::run::RunFolder;
use engine::{Error, Result};
use ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::prelude::*;
use std::path::PathBuf;

/// The rows of predictions.csv: names of folds and people, numbers of trials and windows, indices of labels
/// and probabilities.
#[derive(IntoPyObject)]
pub struct Predictions<'py> {
    folds: Vec<String>,
    subjects: Vec<String>,
    trials: Bound<'py, PyArray1<u32>>,
    windows: Bound<'py, PyArray1<u32>>,
    labels: Bound<'py, PyArray1<u32>>,
    probabilities: Bound<'py, PyArray2<f64>>,
}

/// scores.json and predictions.csv of a finished run, checked.
#[pyfunction]
pub fn results<'py>(py: Python<'py>, run: PathBuf) -> PyResult<(String, Predictions<'py>)> {
    let (record, scores, predictions) = py.detach(|| read(&run)).or_raise()?;
    let name = |fold: u32| record.folds[fold as usize].clone();
    let person = |subject: u32| record.manifest.dataset.recordings[subject as usize].subject.clone();
    let column = |of: fn(&engine::metrics::Prediction) -> u32| {
        predictions.iter().map(of).collect::<Vec<u32>>().into_pyarray(py)
    };
    let shape = (predictions.len(), record.manifest.dataset.classes.len());
    let probabilities = Array2::from_shape_fn(shape, |(row, class)| predictions[row].probabilities[class]);
    let table = Predictions {
        folds: predictions.iter().map(|p| name(p.fold)).collect(),
        subjects: predictions.iter().map(|p| person(p.subject)).collect(),
        trials: column(|p| p.trial),
        windows: column(|p| p.window),
        labels: column(|p| p.label),
        probabilities: probabilities.into_pyarray(py),
    };
    Ok((scores, table))
}

fn read(run: &std::path::Path) -> Result<(Record, String, Vec<engine::metrics::Prediction>)> {
    let record = Record::read(run)?;
    let (_, predictions) = record.results()?;
    let path = run.join("scores.json");
    let scores = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
    Ok((record, scores, predictions))
}

/// The best checkpoints of a run, checked.
#[pyfunction]
pub fn checkpoints(run: PathBuf) -> PyResult<Vec<Vec<u8>>> {
    let read = |fold: u32| {
        let path = RunFolder::checkpoint(&run, "best", fold);
        std::fs::read(&path).map_err(|e| Error::io("read", &path, e))
    };
    let folds = checked_folds(&run, "best", false).or_raise()?;
    folds.into_iter().map(read).collect::<Result<_>>().or_raise()
}
