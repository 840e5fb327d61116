//! The ledger: a file of lines that only grows, locked while one process reads and appends.

use super::look::Look;
use crate::error::{Error, Result};
use crate::run::format::{Versioned, refuse_newer};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Its name in a folder of runs.
pub const LEDGER: &str = "looks.jsonl";

/// The ledger, locked while this lives.
pub(super) struct Ledger {
    path: PathBuf,
    file: File,
    /// The reason why it cannot be written.
    read_only: Option<Error>,
    /// Whether the last line has no end: a crash came in between, and its rest must not join the next line.
    torn: bool,
    /// The lines that are looks.
    pub(super) looks: Vec<Look>,
    /// The lines that are none, in words.
    pub(super) damaged: Vec<String>,
}

impl Ledger {
    /// Opens the ledger of the runs in `folder`, and waits for other processes that have it open.
    ///
    /// # Errors
    /// If it can be neither written nor read, and if a newer version wrote a line of it.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(LEDGER);
        let (file, read_only) = match OpenOptions::new().create(true).read(true).append(true).open(&path) {
            Ok(file) => (file, None),
            // Runs may lie where nothing can be written, and be counted already.
            Err(e) => {
                let refused = Error::io("write", &path, e).hint("make the file writable");
                (File::open(&path).map_err(|_| refused.clone())?, Some(refused))
            }
        };
        let locked = if read_only.is_none() { file.lock() } else { file.lock_shared() };
        locked.map_err(|e| Error::io("lock", &path, e))?;
        let mut bytes = Vec::new();
        (&file).read_to_end(&mut bytes).map_err(|e| Error::io("read", &path, e))?;
        let torn = bytes.last().is_some_and(|&last| last != b'\n');
        let mut ledger = Ledger { path, file, read_only, torn, looks: Vec::new(), damaged: Vec::new() };
        for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            if !line.is_empty() {
                ledger.read_line(number + 1, line)?;
            }
        }
        Ok(ledger)
    }

    /// One damaged line leaves the others their worth.
    fn read_line(&mut self, number: usize, line: &[u8]) -> Result<()> {
        let place = format!("{} line {number}", self.path.display());
        if let Ok(Versioned { format }) = serde_json::from_slice(line) {
            refuse_newer(format).map_err(|e| e.at(&place))?;
        }
        match serde_json::from_slice(line) {
            Ok(look) => self.looks.push(look),
            Err(e) => self.damaged.push(format!(
                "{place} is damaged and not counted: {e}. Mend the line, or delete it: a run that still has its folder is then \
                 counted anew"
            )),
        }
        Ok(())
    }

    /// Appends a look, and waits until it is on disk.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn append(&mut self, look: Look) -> Result<()> {
        if let Some(error) = &self.read_only {
            return Err(error.clone());
        }
        let start = if self.torn { "\n" } else { "" };
        let line = serde_json::to_string(&look).expect("a look is a plain value");
        // One write, so that the line is whole even where locks do not hold.
        let written = self.file.write_all(format!("{start}{line}\n").as_bytes());
        written.and_then(|()| self.file.sync_data()).map_err(|e| Error::io("write", &self.path, e))?;
        self.torn = false;
        self.looks.push(look);
        Ok(())
    }
}
