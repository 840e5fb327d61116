//! Predictions of saved networks, and their weights.

use crate::arrays::Windows;
use crate::background;
use crate::errors::OrRaise;
use crate::settings::config;
use engine::experiment::{other_level, predict_with};
use engine::progress::Progress;
use engine::run::FoldCheckpoint;
use engine::{Error, ErrorKind};
use ndarray::Array2;
use numpy::{IntoPyArray, PyArray2, PyArrayDyn};
use pyo3::prelude::*;
use std::sync::atomic::Ordering;

/// Class probabilities `(N, K)` of the windows: the mean over the networks of these checkpoints.
#[pyfunction]
pub fn predict<'py>(
    py: Python<'py>,
    checkpoints: Vec<Vec<u8>>,
    windows: Windows<'py>,
    settings: &str,
    observer: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let config = config(settings).or_raise()?;
    let view = windows.view();
    let probabilities = background::run(py, config.run.threads, observer, |reports| {
        let read = |bytes: &Vec<u8>| FoldCheckpoint::from_bytes(bytes);
        let checkpoints = checkpoints.iter().map(read).collect::<engine::Result<Vec<_>>>()?;
        let meta = &checkpoints[0].meta;
        let (dataset, _) = view.dataset()?;
        let width = dataset.frames.width();
        if width != meta.features.len() {
            let trained = meta.features.len();
            return Err(Error::data(format!(
                "X has {width} channels, and the network was trained on {trained}"
            )));
        }
        if let (Some(own), Some(trained)) = (dataset.frames.rate, meta.rate)
            && own != trained
        {
            return Err(Error::data(format!(
                "`rate` is {own} Hz, and the network was trained at {trained} Hz"
            ))
            .hint("resample the windows"));
        }
        if let Some(caution) = other_level(&dataset, &checkpoints[0].stats) {
            reports.caution(&caution);
        }
        let all: Vec<u32> = (0..dataset.sequences.len() as u32).collect();
        let numbers: Vec<u32> = (0..checkpoints.len() as u32).collect();
        let lists = vec![all.as_slice(); checkpoints.len()];
        let batch = config.training.batch;
        let go_on = || match reports.interrupt.load(Ordering::Relaxed) {
            0 => Ok(()),
            signal => Err(Error::new(ErrorKind::Interrupted(signal as u8), "the prediction was interrupted")),
        };
        let predictions = predict_with(&config.run, &checkpoints, &dataset, &lists, &numbers, batch, &go_on)?;
        let mut mean = Array2::<f64>::zeros((all.len(), meta.class_names.len()));
        for (i, prediction) in predictions.iter().enumerate() {
            let mut row = mean.row_mut(i % all.len());
            row.iter_mut().zip(&prediction.probabilities).for_each(|(sum, p)| *sum += p);
        }
        Ok(mean / checkpoints.len() as f64)
    })?;
    Ok(probabilities.into_pyarray(py))
}

/// The weights of a checkpoint by name.
#[pyfunction]
pub fn tensors<'py>(
    py: Python<'py>,
    checkpoint: Vec<u8>,
) -> PyResult<Vec<(String, Bound<'py, PyArrayDyn<f32>>)>> {
    let checkpoint = FoldCheckpoint::from_bytes(&checkpoint).or_raise()?;
    let tensors = checkpoint.meta.network.tensors(&checkpoint.weights).or_raise()?;
    Ok(tensors.into_iter().map(|(name, tensor)| (name, tensor.to_owned().into_pyarray(py))).collect())
}
