//! Files that grow line by line, and go back to a known length when a run is resumed.

use crate::error::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// An append-only text file.
pub struct Log {
    path: PathBuf,
    file: BufWriter<File>,
    length: u64,
}

impl Log {
    /// Opens `path`, which keeps its first `length` bytes: what a crash left behind them is cut off.
    pub fn open(path: PathBuf, length: u64) -> Result<Self> {
        let failed = |e| Error::io("open", &path, e);
        let mut file =
            OpenOptions::new().create(true).write(true).truncate(false).open(&path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?.len();
        if found < length {
            return Err(Error::data(format!(
                "{} has {found} bytes, and the saved state was made when it had {length}",
                path.display()
            )));
        }
        file.set_len(length).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Log { path, file: BufWriter::new(file), length })
    }

    pub fn line(&mut self, text: &str) -> Result<()> {
        self.length += text.len() as u64 + 1;
        writeln!(self.file, "{text}").map_err(|e| Error::io("write", &self.path, e))
    }

    /// Puts everything on disk and returns the length.
    pub fn sync(&mut self) -> Result<u64> {
        let result = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        result.map_err(|e| Error::io("write", &self.path, e))?;
        Ok(self.length)
    }
}
