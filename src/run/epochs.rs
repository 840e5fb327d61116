//! epochs.csv: a row for each epoch and fold, in the order in which they ended.

use super::folder::RunFolder;
use super::log::Log;
use crate::error::{Error, Result};
use crate::train::{EpochRecord, Selection};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file, open for writing.
pub struct Epochs {
    log: Log,
}

impl Epochs {
    /// Its name in a run folder.
    pub const FILE: &str = "epochs.csv";

    /// Opens the file, which keeps its first `length` bytes, whose hash is `expected` if it is known.
    ///
    /// # Errors
    /// If it cannot be opened, is shorter, or has other bytes.
    pub fn open(path: PathBuf, length: u64, expected: Option<&str>) -> Result<Self> {
        Ok(Epochs { log: Log::open(path, length, expected)? })
    }

    /// The file, which asks the guard of its run folder before each write.
    pub fn guarded_by(self, folder: &RunFolder) -> Self {
        Epochs { log: self.log.guarded(folder.guard()) }
    }

    /// Appends rows; before the first one the header.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn append(&mut self, records: &[EpochRecord]) -> Result<()> {
        let has_headers = self.log.length() == 0;
        let mut csv = csv::WriterBuilder::new().has_headers(has_headers).from_writer(Vec::new());
        let failed = |e: csv::Error| Error::data(format!("{}: {e}", Epochs::FILE)).caused_by(e);
        for record in records {
            // Milliseconds are enough for a clock.
            let seconds = (record.seconds * 1e3).round() / 1e3;
            csv.serialize(EpochRecord { seconds, ..record.clone() }).map_err(failed)?;
        }
        let bytes = csv.into_inner().expect("memory takes every row");
        self.log.append(&bytes)
    }

    /// The hash of the file so far.
    pub fn hash(&self) -> String {
        self.log.hash()
    }

    /// Writes everything to disk and returns the file's length in bytes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn sync(&mut self) -> Result<u64> {
        self.log.sync()
    }

    /// Reads the file of the run in `folder`.
    ///
    /// # Errors
    /// If it cannot be read or a row is none.
    pub fn read(folder: &Path) -> Result<Vec<EpochRecord>> {
        let path = folder.join(Epochs::FILE);
        let broken = |e: csv::Error| Error::data(format!("{}: {e}", path.display())).caused_by(e);
        csv::Reader::from_path(&path).map_err(broken)?.deserialize().map(|row| row.map_err(broken)).collect()
    }
}

/// The epoch whose weights were tested, of each fold: the last, or the first with the lowest validation loss.
/// Without a validation part it is the last.
pub fn tested_epochs(records: &[EpochRecord], selection: Selection) -> BTreeMap<u32, usize> {
    let mut lowest: BTreeMap<u32, (Option<f64>, usize)> = BTreeMap::new();
    for record in records {
        let entry = lowest.entry(record.fold).or_insert((None, record.epoch));
        let better = match (record.validation_loss, entry.0) {
            (Some(loss), Some(lowest)) => loss < lowest,
            (Some(loss), None) => !loss.is_nan(),
            (None, _) => true,
        };
        if better {
            entry.0 = record.validation_loss;
        }
        if better || selection == Selection::Last {
            entry.1 = record.epoch;
        }
    }
    lowest.into_iter().map(|(fold, (_, epoch))| (fold, epoch)).collect()
}

/// Seconds of one epoch of a fold group: the median of the differences between the ends of epochs. `None`
/// for a history of one epoch.
pub fn epoch_seconds(records: &[EpochRecord]) -> Option<f64> {
    let mut ends: Vec<(u32, usize, f64)> = records.iter().map(|r| (r.fold, r.epoch, r.seconds)).collect();
    ends.sort_by_key(|&(fold, epoch, _)| (fold, epoch));
    // The clock starts again when a run is resumed, and with the next fold.
    let mut seconds: Vec<f64> = ends
        .windows(2)
        .filter(|pair| pair[0].0 == pair[1].0 && pair[1].2 > pair[0].2)
        .map(|pair| pair[1].2 - pair[0].2)
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied()
}
