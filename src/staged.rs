//! Files that are written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A file beside its target, which it replaces once it is complete. It is called as the target, between a dot
/// and an ending that is its own. Dropped before that, it is removed and the target stays as it was.
pub struct StagedFile {
    target: PathBuf,
    path: PathBuf,
    file: File,
    is_synced: bool,
    is_done: bool,
}

/// Distinguishes the files that one process stages.
static NUMBER: AtomicU32 = AtomicU32::new(0);

impl StagedFile {
    /// Opens a file for `target`, with the permissions of the one that it will replace.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written, or `target` has no name.
    pub fn open(target: &Path) -> io::Result<Self> {
        let name = target.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_string_lossy();
        let (file, path) = loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = target.with_file_name(format!(".{name}.{:x}-{number:x}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                // Of a process with this number that was killed.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                file => break (file?, path),
            }
        };
        let staged = StagedFile { target: target.into(), path, file, is_synced: false, is_done: false };
        if let Ok(old) = fs::symlink_metadata(target)
            && old.is_file()
        {
            staged.file.set_permissions(old.permissions())?;
        }
        Ok(staged)
    }

    /// Returns when what was written is on the disk.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced {
            self.file.sync_all()?;
            self.is_synced = true;
        }
        Ok(())
    }

    /// Puts the file in the place of its target, and returns when both the file and its name are on the disk.
    ///
    /// # Errors
    ///
    /// If the disk or the folder refuses; the target is then as it was.
    pub fn commit(mut self) -> io::Result<()> {
        self.sync()?;
        fs::rename(&self.path, &self.target)?;
        self.is_done = true;
        sync_folder(&self.target)
    }
}

/// Writes the folder of a file to the disk. Only Unix opens folders as files.
fn sync_folder(target: &Path) -> io::Result<()> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    match cfg!(unix) {
        true => File::open(folder.unwrap_or(Path::new(".")))?.sync_all(),
        false => Ok(()),
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_synced = false;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for StagedFile {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        self.file.seek(place)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.is_done {
            // Whoever dropped it has an error of its own to report.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("status.json");
        let names = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        let stage = |text: &str| {
            let mut staged = StagedFile::open(&path).unwrap();
            staged.write_all(text.as_bytes()).unwrap();
            staged
        };
        let first = stage("first");
        assert!(!path.exists() && names()[0].starts_with(".status.json."), "{:?}", names());
        first.commit().unwrap();
        drop(stage("second"));
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names().len()), ("first", 1));
        stage("third").commit().unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names().len()), ("third", 1));
        assert!(StagedFile::open(Path::new("/")).is_err());
        assert!(StagedFile::open(&folder.path().join("none/status.json")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn permissions_stay_and_a_link_is_replaced_not_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let [path, link] = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        for target in [&path, &link] {
            let mut staged = StagedFile::open(target).unwrap();
            staged.write_all(b"new").unwrap();
            staged.commit().unwrap();
            fs::write(&path, "old").unwrap();
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(!link.is_symlink() && fs::read_to_string(&link).unwrap() == "new");
    }
}
