//! A file that grows while a run trains, and is cut back to a known length when the run is resumed.

use super::folder::{Guard, refuse_link};
use crate::error::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes that are collected before they are written.
const BUFFER: usize = 8192;

/// An append-only file.
pub struct Log {
    path: PathBuf,
    file: File,
    /// Bytes that are not written yet.
    pending: Vec<u8>,
    /// Of the file and what is pending.
    length: u64,
    hasher: blake3::Hasher,
    guard: Option<Guard>,
}

impl Log {
    /// Refuses a file that does not begin with `length` bytes of the hash `expected`, unless nobody knows it.
    /// Returns the hash of those bytes.
    pub fn check(path: &Path, length: u64, expected: Option<&str>) -> Result<blake3::Hasher> {
        refuse_link(path)?;
        let mut hasher = blake3::Hasher::new();
        if length == 0 {
            return Ok(hasher);
        }
        let failed = |e| Error::io("open", path, e);
        let file = File::open(path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?.len();
        if found < length {
            return Err(Error::data(format!(
                "{} has {found} bytes, and the saved state was made when it had {length}",
                path.display()
            )));
        }
        hasher.update_reader(file.take(length)).map_err(failed)?;
        let hash = hasher.finalize().to_hex().to_string();
        if let Some(expected) = expected.filter(|&expected| expected != hash) {
            return Err(Error::data(format!(
                "{} is not as the saved state left it: its first {length} bytes have the blake3 hash {hash}, and \
                 the state has {expected}",
                path.display()
            ))
            .hint("put the run's own file back"));
        }
        Ok(hasher)
    }

    /// Opens `path`, which keeps its first `length` bytes, see [`Log::check`]. Bytes that a crash left behind
    /// them are cut off.
    pub fn open(path: PathBuf, length: u64, expected: Option<&str>) -> Result<Self> {
        let hasher = Log::check(&path, length, expected)?;
        let failed = |e| Error::io("open", &path, e);
        let options = OpenOptions::new().create(true).write(true).truncate(false).open(&path);
        let mut file = options.map_err(failed)?;
        file.set_len(length).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Log { path, file, pending: Vec::new(), length, hasher, guard: None })
    }

    /// The log with a guard, which is asked before each write.
    pub(super) fn guarded(self, guard: Option<Guard>) -> Self {
        let mut log = self;
        log.guard = guard;
        log
    }

    /// Bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends bytes; [`Log::sync`] brings them to disk.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.length += bytes.len() as u64;
        self.hasher.update(bytes);
        self.pending.extend_from_slice(bytes);
        if self.pending.len() < BUFFER { Ok(()) } else { self.flush() }
    }

    /// The hash of everything so far.
    pub fn hash(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }

    /// Writes everything to disk and returns the length.
    pub fn sync(&mut self) -> Result<u64> {
        self.flush()?;
        self.file.sync_data().map_err(|e| Error::io("write", &self.path, e))?;
        Ok(self.length)
    }

    fn flush(&mut self) -> Result<()> {
        self.guard.as_ref().map_or(Ok(()), |guard| guard())?;
        self.file.write_all(&self.pending).map_err(|e| Error::io("write", &self.path, e))?;
        self.pending.clear();
        Ok(())
    }
}

impl Drop for Log {
    /// The last lines before an error help to explain it. Whoever dropped the log has that error to report.
    fn drop(&mut self) {
        let _ = self.flush();
    }
}
