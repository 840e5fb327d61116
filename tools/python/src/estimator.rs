//! One network on all windows.

use crate::arrays::Windows;
use crate::background::{self, Watch};
use crate::errors::OrRaise;
use crate::settings::config;
use engine::Error;
use engine::experiment::Experiment;
use engine::progress::Progress;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Trains one network. Returns the bytes of its checkpoint, and its epochs as JSON.
#[pyfunction]
pub fn fit<'py>(
    py: Python<'py>,
    windows: Windows<'py>,
    settings: &str,
    observer: Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyBytes>, String)> {
    let config = config(settings).or_raise()?;
    let view = windows.view();
    let (bytes, epochs) = background::run(py, config.run.threads, observer, |reports| {
        config.check()?;
        let (dataset, _) = view.dataset()?;
        let experiment = Experiment::on_arrays(dataset, config, reports)?;
        experiment.check_memory(&[0], 1)?;
        let windows = experiment.split.folds()[0].train().sequences().len();
        let epochs = experiment.config.training.epochs;
        reports.start("training", (windows * epochs) as u64, "windows");
        let mut watch = Watch { reports, epochs: Vec::new() };
        let trained = experiment.train_folds(&[0], &mut watch);
        reports.finish();
        let checkpoint = experiment.checkpoint(&trained?[0]);
        let epochs = serde_json::to_string(&watch.epochs).map_err(|e| Error::data(format!("epochs: {e}")))?;
        Ok((checkpoint.to_bytes()?, epochs))
    })?;
    Ok((PyBytes::new(py, &bytes), epochs))
}
