//! The run folder: written while the run trains, each file complete or not at all, never over another run.

use super::format::refuse_newer_json;
use crate::error::{Error, ErrorKind, Result};
use crate::staged::StagedFile;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the manifest, which gives the format version of a run's tables and logs.
pub(super) const MANIFEST: &str = "manifest.json";

const LOCK: &str = "lock";

/// A run's folder, locked while this lives.
pub struct RunFolder {
    path: PathBuf,
    _lock: File,
    guard: Option<Guard>,
}

/// Refuses to write into a folder that another process has now.
pub(super) type Guard = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// The folders of checkpoints.
const CHECKPOINTS: [&str; 2] = ["checkpoints/best", "checkpoints/last"];

impl RunFolder {
    /// Makes `parent/name`, or `name-2`, `name-3`, ... if there is one already.
    pub fn create(parent: &Path, name: &str) -> Result<Self> {
        RunFolder::filled(new_folder(parent, name)?)
    }

    /// Opens the folder `path`, or makes it. A crash may have come before its first file.
    ///
    /// # Errors
    /// As [`RunFolder::open`], but for a folder that is not there or has no configuration.
    pub fn open_or_create(path: &Path) -> Result<Self> {
        RunFolder::refuse_newer(path)?;
        RunFolder::filled(path.to_path_buf())
    }

    fn filled(path: PathBuf) -> Result<Self> {
        for folder in CHECKPOINTS {
            let folder = path.join(folder);
            fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, e))?;
        }
        RunFolder::lock(path)
    }

    /// The folder with a guard, which is asked before each write.
    pub fn guarded(self, guard: impl Fn() -> Result<()> + Send + Sync + 'static) -> Self {
        RunFolder { guard: Some(Arc::new(guard)), ..self }
    }

    /// Refuses to go on if another process has the folder now.
    ///
    /// # Errors
    /// Those of the guard, see [`RunFolder::guarded`].
    pub fn check_guard(&self) -> Result<()> {
        self.guard.as_ref().map_or(Ok(()), |guard| guard())
    }

    /// The guard, for files that are written bit by bit.
    pub(super) fn guard(&self) -> Option<Guard> {
        self.guard.clone()
    }

    /// Opens a run that exists.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join("config.toml").is_file() {
            return Err(Error::config(format!(
                "{} is not a run folder: it has no config.toml",
                path.display()
            )));
        }
        RunFolder::refuse_newer(path)?;
        RunFolder::lock(path.to_path_buf())
    }

    /// Refuses a run of a newer version. A run without a manifest passes: a crash may have come before it.
    ///
    /// # Errors
    /// [`ErrorKind::Data`], which names both versions.
    pub fn refuse_newer(path: &Path) -> Result<()> {
        let manifest = path.join(MANIFEST);
        if manifest.is_file() { refuse_newer_json(&manifest) } else { Ok(()) }
    }

    fn lock(path: PathBuf) -> Result<Self> {
        let file = path.join(LOCK);
        refuse_link(&file)?;
        let options = File::options().create(true).write(true).truncate(false).open(&file);
        let lock = options.map_err(|e| Error::io("create", &file, e))?;
        match lock.try_lock() {
            Ok(()) => {
                remove_staged(&path)?;
                Ok(RunFolder { path, _lock: lock, guard: None })
            }
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(ErrorKind::Io, format!("{} is in use by another process", path.display()))
                    .hint("wait until it has ended, or start a new run"))
            }
            Err(TryLockError::Error(e)) => Err(Error::io("lock", &file, e)),
        }
    }

    /// Whether a process has the run locked; `None` if the lock cannot be looked at.
    pub fn is_in_use(path: &Path) -> Option<bool> {
        let lock = File::open(path.join(LOCK)).ok()?;
        match lock.try_lock_shared() {
            Ok(()) => Some(false),
            Err(TryLockError::WouldBlock) => Some(true),
            Err(TryLockError::Error(_)) => None,
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file of the run.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The path of the weights of fold `number`, from 0, in the run folder `path`; `which` is `best` or
    /// `last`.
    pub fn checkpoint(path: &Path, which: &str, number: u32) -> PathBuf {
        path.join(format!("checkpoints/{which}/fold-{:02}.safetensors", number + 1))
    }

    /// Writes a file of the run, see [`write_file`].
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        stage(&self.file(name), bytes, || self.check_guard())
    }

    /// Removes a file of the run, if it is there.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.file(name);
        if !path.exists() {
            return Ok(());
        }
        self.check_guard()?;
        fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))
    }

    /// Reads a file of the run.
    pub fn read(&self, name: &str) -> Result<String> {
        let path = self.file(name);
        fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))
    }
}

/// Removes files that a killed process was about to rename. Only the process with the lock writes, so nobody
/// needs them.
fn remove_staged(run: &Path) -> Result<()> {
    for folder in std::iter::once(run.to_path_buf()).chain(CHECKPOINTS.map(|folder| run.join(folder))) {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.map_err(|e| Error::io("list", &folder, e))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_staged = STAGED.iter().any(|file| name.starts_with('.') && name.contains(file));
            if is_staged && path.is_file() {
                fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
            }
        }
    }
    Ok(())
}

/// Parts of the names of files that are staged before they are renamed.
const STAGED: [&str; 6] = [".safetensors.", ".json.", ".csv.", ".toml.", ".html.", ".txt."];

/// Refuses a symbolic link where a run has a file: it may point at a file of somebody else's.
pub(super) fn refuse_link(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => {
            Err(Error::data(format!("{} is a symbolic link, expected a file of the run", path.display()))
                .hint("remove it, and put the run's own file there"))
        }
        _ => Ok(()),
    }
}

/// Makes `parent/name`, or `name-2`, `name-3`, ... if there is one already.
pub fn new_folder(parent: &Path, name: &str) -> Result<PathBuf> {
    let hint = "choose another folder with `runs`";
    fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e).hint(hint))?;
    for number in 1u32.. {
        let path = parent.join(if number == 1 { name.to_string() } else { format!("{name}-{number}") });
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::io("create", &path, e).hint(hint)),
        }
    }
    unreachable!("more folders than numbers")
}

/// Writes a file whole or not at all: staged beside the target, synced, renamed, folder synced.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    stage(path, bytes, || Ok(()))
}

/// Writes a file whole or not at all. `guard` is asked when the bytes are on the disk, which may take long:
/// just before they get the file's name.
fn stage(path: &Path, bytes: &[u8], guard: impl FnOnce() -> Result<()>) -> Result<()> {
    let failed = |e| Error::io("write", path, e).hint("what was written before is intact");
    let mut staged = StagedFile::open(path).map_err(failed)?;
    staged.write_all(bytes).map_err(failed)?;
    staged.sync().map_err(failed)?;
    guard()?;
    staged.commit().map_err(failed)
}
