//! metrics.jsonl: a line for each training step and fold.

use super::folder::RunFolder;
use super::log::Log;
use crate::error::{Error, Result};
use crate::train::StepRecord;
use std::path::{Path, PathBuf};

/// The file, open for writing.
pub struct MetricsLog {
    log: Log,
}

impl MetricsLog {
    /// Its name in a run folder.
    pub const FILE: &str = "metrics.jsonl";

    /// Opens the file, which keeps its first `length` bytes, whose hash is `expected` if it is known.
    ///
    /// # Errors
    /// If it cannot be opened, is shorter, or has other bytes.
    pub fn open(path: PathBuf, length: u64, expected: Option<&str>) -> Result<Self> {
        Ok(MetricsLog { log: Log::open(path, length, expected)? })
    }

    /// The file, which asks the guard of its run folder before each write.
    pub fn guarded_by(self, folder: &RunFolder) -> Self {
        MetricsLog { log: self.log.guarded(folder.guard()) }
    }

    /// Appends a line for each record.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn append(&mut self, records: &[StepRecord]) -> Result<()> {
        records.iter().try_for_each(|record| {
            let line = serde_json::to_string(record).expect("a record is plain values");
            self.log.append(format!("{line}\n").as_bytes())
        })
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
    /// If it cannot be read or a line is no record.
    pub fn read(folder: &Path) -> Result<Vec<StepRecord>> {
        let path = folder.join(MetricsLog::FILE);
        let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
        let parse = |(i, line): (usize, &str)| {
            let broken =
                |e: serde_json::Error| Error::data(format!("{}, line {}: {e}", path.display(), i + 1));
            serde_json::from_str(line).map_err(broken)
        };
        text.lines().enumerate().map(parse).collect()
    }
}
