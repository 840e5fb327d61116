//! predictions.csv and confusion.csv.

use super::RunFolder;
use super::hash::hash;
use crate::error::{Error, Result};
use crate::metrics::{Confusion, Names, Prediction};
use std::path::Path;

/// predictions.csv: a row for each window with fold, subject, trial, window, label, predicted class, and a
/// probability for each class.
pub struct Predictions;

impl Predictions {
    /// Its name in a run folder.
    pub const FILE: &str = "predictions.csv";

    /// Writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(folder: &RunFolder, predictions: &[Prediction], names: Names) -> Result<()> {
        folder.write(Predictions::FILE, &to_csv(predictions, names)?)
    }

    /// These rows as a file.
    ///
    /// # Errors
    /// If they cannot be written as CSV.
    pub fn csv(predictions: &[Prediction], names: Names) -> Result<Vec<u8>> {
        to_csv(predictions, names)
    }

    /// The hash of these rows as a file.
    ///
    /// # Errors
    /// If they cannot be written as CSV.
    pub fn hash(predictions: &[Prediction], names: Names) -> Result<String> {
        to_csv(predictions, names).map(|bytes| hash(&bytes))
    }

    /// Reads the file of the run in `folder`, bit for bit as it was written.
    ///
    /// # Errors
    /// If it cannot be read, or a row is none or names what `names` has not.
    pub fn read(folder: &Path, names: Names) -> Result<Vec<Prediction>> {
        from_csv(&folder.join(Predictions::FILE), names)
    }
}

fn to_csv(predictions: &[Prediction], names: Names) -> Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let mut row: Vec<String> =
        ["fold", "subject", "trial", "window", "label", "predicted"].map(String::from).to_vec();
    row.extend(names.classes.iter().map(|class| format!("p {class}")));
    let failed = |e: csv::Error| Error::data(format!("predictions: {e}"));
    csv.write_record(&row).map_err(failed)?;
    for p in predictions {
        let mut row = vec![
            names.folds[p.fold as usize].clone(),
            names.subjects[p.subject as usize].clone(),
            p.trial.to_string(),
            p.window.to_string(),
            names.classes[p.label as usize].clone(),
            names.classes[p.argmax() as usize].clone(),
        ];
        row.extend(p.probabilities.iter().map(f64::to_string));
        csv.write_record(&row).map_err(failed)?;
    }
    csv.into_inner().map_err(|e| Error::data(format!("predictions: {e}")))
}

fn from_csv(path: &Path, names: Names) -> Result<Vec<Prediction>> {
    let mut csv =
        csv::Reader::from_path(path).map_err(|e| Error::data(format!("{}: {e}", path.display())))?;
    let broken = |line: usize, what: &str| Error::data(format!("{} row {line}: {what}", path.display()));
    let mut predictions = Vec::new();
    for (line, row) in csv.records().enumerate() {
        let row = row.map_err(|e| broken(line, &e.to_string()))?;
        let field = |i: usize| row.get(i).unwrap_or("");
        let index = |i: usize, of: &[String]| {
            let place = of.iter().position(|name| name == field(i));
            place
                .map(|place| place as u32)
                .ok_or_else(|| broken(line, &format!("unknown name `{}`", field(i))))
        };
        let number =
            |i: usize| field(i).parse().map_err(|_| broken(line, &format!("no number: `{}`", field(i))));
        let probability =
            |i: usize| field(i).parse().map_err(|_| broken(line, &format!("no probability: `{}`", field(i))));
        predictions.push(Prediction {
            fold: index(0, names.folds)?,
            subject: index(1, names.subjects)?,
            trial: number(2)?,
            window: number(3)?,
            label: index(4, names.classes)?,
            probabilities: (6..6 + names.classes.len()).map(probability).collect::<Result<_>>()?,
        });
    }
    Ok(predictions)
}

/// The confusion matrix as CSV: rows are actual classes, columns predicted ones.
pub fn write_confusion(confusion: &Confusion, classes: &[String]) -> Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let failed = |e: csv::Error| Error::data(format!("confusion matrix: {e}"));
    csv.write_record(std::iter::once("actual").chain(classes.iter().map(String::as_str))).map_err(failed)?;
    for (class, counts) in classes.iter().zip(confusion.counts()) {
        let counts = counts.iter().map(u64::to_string);
        csv.write_record(std::iter::once(class.clone()).chain(counts)).map_err(failed)?;
    }
    csv.into_inner().map_err(|e| Error::data(format!("confusion matrix: {e}")))
}
