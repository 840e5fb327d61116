//! Cross-validation in a run folder, as the program does it.

use crate::arrays::Windows;
use crate::background;
use crate::errors::OrRaise;
use crate::settings::config;
use crate::split::{Rows, fold};
use engine::data::split::{Split, default_kind};
use engine::experiment::{Ending, Experiment, Selected, run};
use engine::run::RunFolder;
use engine::{Error, ErrorKind, report};
use pyo3::prelude::*;
use std::path::PathBuf;

/// Trains and scores all folds. Returns the run's folder, and the window of each row of its predictions.
#[pyfunction]
pub fn crossval(
    py: Python<'_>,
    windows: Windows<'_>,
    folds: Option<Vec<Rows>>,
    settings: &str,
    observer: Bound<'_, PyAny>,
) -> PyResult<(PathBuf, Vec<u32>)> {
    let config = config(settings).or_raise()?;
    let view = windows.view();
    background::run(py, config.run.threads, observer, |reports| {
        config.check()?;
        let (mut dataset, rows) = view.dataset()?;
        let mut experiment = match folds {
            None => Experiment::on_arrays(dataset, config, reports)?,
            Some(folds) => {
                // The split asks the data set what the user has promised.
                if config.split.promise_independent_windows {
                    dataset.grouping = dataset.grouping.promised()?;
                }
                dataset.allows_copies = config.split.allow_copies;
                let default = || default_kind(&dataset.grouping, dataset.people().len());
                let kind = config.split.split_by.map_or_else(default, Ok)?;
                let folds = folds.iter().map(|one| fold(one, &rows)).collect();
                let split = Split::new(kind, folds, &dataset)?;
                Experiment::on_folds(dataset, split, config, reports)?
            }
        };
        if !experiment.split.has_test() {
            return Err(Error::config("a cross-validation needs a test part, and this split has none")
                .hint("fit a `RecurrentClassifier` on all data, or choose another `split_by`"));
        }
        let selection: Vec<usize> = (0..experiment.split.folds().len()).collect();
        experiment.check_permutations()?;
        experiment.check_tuning()?;
        experiment.check_memory(&selection, 1)?;
        experiment.read_initial(&selection, None)?;
        let tested = experiment.split.folds().iter().flat_map(|fold| fold.test());
        let tested = tested.map(|&sequence| rows[sequence as usize]).collect();
        let name = experiment.config.run.name.clone().unwrap_or_else(|| experiment.default_name());
        let folder = RunFolder::create(&experiment.config.run.runs, &name)?;
        experiment.record(&folder, &selection)?;
        let selected = Selected { experiment: &experiment, folder: &folder, folds: &selection };
        let ending = run(&[selected], &reports.interrupt, reports, &report::write)?;
        match ending {
            Ending::Finished(_) | Ending::Unscored => Ok((folder.path().to_path_buf(), tested)),
            Ending::Interrupted(signal) => {
                Err(Error::new(ErrorKind::Interrupted(signal), "the cross-validation was interrupted"))
            }
        }
    })
}
