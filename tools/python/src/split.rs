//! Folds of windows, and audits of anybody's folds.

use crate::arrays::Windows;
use crate::background;
use crate::errors::OrRaise;
use crate::settings::config;
use engine::Error;
use engine::data::sequences::Dataset;
use engine::data::split::{Fold, FoldAudit, Leak};
use pyo3::prelude::*;

/// A name, and the rows of the training, validation and test part.
pub type Rows = (String, Vec<u32>, Vec<u32>, Vec<u32>);

/// These rows as folds of a data set, of which `rows` are the rows behind its sequences.
pub fn fold((name, train, validation, test): &Rows, rows: &[u32]) -> Fold {
    let mut sequences = vec![0u32; rows.len()];
    rows.iter().zip(0..).for_each(|(&row, sequence)| sequences[row as usize] = sequence);
    // A row that there is not stays one, and is refused with the split.
    let part = |part: &[u32]| -> Vec<u32> {
        part.iter().map(|&row| sequences.get(row as usize).copied().unwrap_or(row)).collect()
    };
    Fold::new(name, part(train), part(validation), part(test))
}

/// The folds by which the settings split the windows, in rows of the arrays.
#[pyfunction]
pub fn folds(
    py: Python<'_>,
    windows: Windows<'_>,
    settings: &str,
    observer: Bound<'_, PyAny>,
) -> PyResult<Vec<Rows>> {
    let config = config(settings).or_raise()?;
    let view = windows.view();
    background::run(py, config.run.threads, observer, |_| {
        config.check()?;
        let (mut dataset, rows) = view.dataset()?;
        if config.split.promise_independent_windows {
            dataset.grouping = dataset.grouping.promised()?;
        }
        dataset.allows_copies = config.split.allow_copies;
        let split = config.split_spec(&dataset)?.build(&dataset)?;
        let part = |part: &[u32]| part.iter().map(|&sequence| rows[sequence as usize]).collect();
        let of = |fold: &Fold| {
            (fold.name.clone(), part(fold.train().sequences()), part(fold.validation()), part(fold.test()))
        };
        Ok(split.folds().iter().map(of).collect())
    })
}

/// The overlap of the parts of each fold: the folds and their sum as JSON, and in a sentence.
#[pyfunction]
pub fn audit(
    py: Python<'_>,
    windows: Windows<'_>,
    folds: Vec<Rows>,
    threads: Option<usize>,
    observer: Bound<'_, PyAny>,
) -> PyResult<(String, String, String)> {
    let view = windows.view();
    background::run(py, threads, observer, |_| {
        let (dataset, rows): (Dataset, _) = view.dataset()?;
        let audits = folds.iter().map(|one| FoldAudit::of(&fold(one, &rows), &dataset));
        let audits = audits.collect::<engine::Result<Vec<_>>>()?;
        let leak = Leak::of(&audits);
        let json = |value: serde_json::Result<String>| value.map_err(|e| Error::data(format!("audit: {e}")));
        let (folds, sum) = (serde_json::to_string(&audits), serde_json::to_string(&leak));
        Ok((json(folds)?, json(sum)?, leak.describe()))
    })
}
