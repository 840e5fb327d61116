//! permutations.csv: the statistics of each permutation of a permutation test.

use super::RunFolder;
use super::hash::hash;
use crate::error::{Error, Result};
use crate::metrics::Statistics;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// permutations.csv: a row for each permutation with its number, from 1, and its statistics. An undefined one
/// is empty.
pub struct Permutations;

#[derive(Serialize, Deserialize)]
struct Row {
    permutation: usize,
    accuracy: f64,
    balanced_accuracy: Option<f64>,
    auc: Option<f64>,
}

impl Permutations {
    /// Its name in a run folder.
    pub const FILE: &str = "permutations.csv";

    /// Writes the statistics of the first permutations.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(folder: &RunFolder, statistics: &[Statistics]) -> Result<()> {
        folder.write(Permutations::FILE, &Permutations::to_csv(statistics)?)
    }

    /// The hash of the file with these statistics.
    ///
    /// # Errors
    /// If they cannot be written as CSV.
    pub fn hash(statistics: &[Statistics]) -> Result<String> {
        Permutations::to_csv(statistics).map(|bytes| hash(&bytes))
    }

    fn to_csv(statistics: &[Statistics]) -> Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        for (i, &Statistics { accuracy, balanced_accuracy, auc }) in statistics.iter().enumerate() {
            let row = Row { permutation: i + 1, accuracy, balanced_accuracy, auc };
            csv.serialize(row).map_err(|e| Error::data(format!("permutations: {e}")).caused_by(e))?;
        }
        Ok(csv.into_inner().expect("memory takes every row"))
    }

    /// Reads the statistics of the run in `folder`, bit for bit as they were written; none if there is no
    /// file.
    ///
    /// # Errors
    /// If it cannot be read, or a row is none or out of order.
    pub fn read(folder: &Path) -> Result<Vec<Statistics>> {
        let path = folder.join(Permutations::FILE);
        if !path.is_file() {
            return Ok(Vec::new());
        }
        let broken = |e: csv::Error| Error::data(format!("{}: {e}", path.display())).caused_by(e);
        let mut statistics = Vec::new();
        for row in csv::Reader::from_path(&path).map_err(broken)?.deserialize() {
            let Row { permutation, accuracy, balanced_accuracy, auc } = row.map_err(broken)?;
            statistics.push(Statistics { accuracy, balanced_accuracy, auc });
            if permutation != statistics.len() {
                let (path, expected) = (path.display(), statistics.len());
                return Err(Error::data(format!("{path}: permutation {permutation}, expected {expected}"))
                    .hint("delete the file, and resume the run: it is made again"));
            }
        }
        Ok(statistics)
    }
}
