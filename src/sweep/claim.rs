//! Claims: which process works at a task. The folder of a sweep may be shared by machines, so a claim is
//! files alone.
//!
//! The claims of a task are numbered, and the highest owns it. A claim is made by a file that must not have
//! been there, which only one process can make. Its owner writes it again every few seconds. A claim that
//! nobody wrote for [`STALE`] is stale: another process may make the next one. An owner that comes back late
//! finds the next claim, and writes nothing any more.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// After so long without a sign of life a claim is stale.
pub const STALE: Duration = Duration::from_secs(60);
/// Time between two signs of life.
const BEAT: Duration = Duration::from_secs(10);
/// Time between two looks of an owner whether it is one still.
const LOOK: Duration = Duration::from_secs(1);

/// The contents of a claim's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The machine.
    pub host: String,
    /// The process.
    pub process: u32,
    /// Whether it has ended its work.
    pub released: bool,
}

impl Owner {
    /// One whose claim is being written, or cannot be read.
    pub(super) fn unknown() -> Self {
        Owner { host: String::new(), process: 0, released: false }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.host.is_empty() {
            true => f.write_str("another process"),
            false => write!(f, "process {} of {}", self.process, self.host),
        }
    }
}

/// A claim that this process has.
pub struct Claim {
    file: Arc<ClaimFile>,
    /// By a clock that goes on while the machine sleeps.
    last_look: Mutex<SystemTime>,
    /// Ends the signs of life when it is dropped.
    beating: Sender<()>,
    heart: JoinHandle<()>,
}

struct ClaimFile {
    folder: PathBuf,
    task: usize,
    number: usize,
    owner: Owner,
}

impl Claim {
    /// Claims a task, from 1, in the folder of claims; the owner if it has one.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read or written.
    pub fn make(folder: &Path, task: usize) -> Result<std::result::Result<Claim, Owner>> {
        let newest = newest(folder, task)?;
        if let Some((_, owner)) =
            newest.as_ref().filter(|(number, owner)| is_alive(folder, task, *number, owner))
        {
            return Ok(Err(owner.clone()));
        }
        let owner = Owner { host: host(), process: std::process::id(), released: false };
        let number = newest.map_or(1, |(number, _)| number + 1);
        let file = ClaimFile { folder: folder.to_path_buf(), task, number, owner };
        let path = file.path();
        match File::create_new(&path) {
            Ok(_) => {}
            // Another process was faster.
            Err(e) if e.kind() == IoErrorKind::AlreadyExists => {
                return Ok(Err(read(&path).unwrap_or_else(Owner::unknown)));
            }
            Err(e) => return Err(Error::io("create", &path, e)),
        }
        file.write(&file.owner)?;
        let file = Arc::new(file);
        let (beating, ended) = channel::<()>();
        let beats = Arc::clone(&file);
        let heart = std::thread::Builder::new()
            .name("claim".into())
            .spawn(move || {
                while ended.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) && beats.is_newest() {
                    // A disk that is full may have room the next time. Until then the others miss a sign of
                    // life.
                    let _ = beats.write(&beats.owner);
                }
            })
            .map_err(|e| Error::new(ErrorKind::Device, "the system starts no more threads").caused_by(e))?;
        Ok(Ok(Claim { file, last_look: Mutex::new(SystemTime::now()), beating, heart }))
    }

    /// The process that has the task now instead of this one, if there is one.
    pub fn successor(&self) -> Option<Owner> {
        let next = path(&self.file.folder, self.file.task, self.file.number + 1);
        next.exists().then(|| read(&next).unwrap_or_else(Owner::unknown))
    }

    /// Refuses to go on if another process has the task now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] with the new owner.
    pub fn check(&self) -> Result<()> {
        let mut last = self.last_look.lock().expect("nobody panics while looking");
        if last.elapsed().is_ok_and(|time| time < LOOK) {
            return Ok(());
        }
        // The look after one that fails must not be answered from memory.
        if let Some(owner) = self.successor() {
            return Err(Error::new(
                ErrorKind::Io,
                format!("task {} is with {owner} now: this process was silent for too long", self.file.task),
            )
            .hint("nothing is lost: the other process goes on from the last saved state"));
        }
        *last = SystemTime::now();
        Ok(())
    }

    /// Gives the task back.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn release(self) -> Result<()> {
        let Claim { file, beating, heart, .. } = self;
        // A last sign of life must not come after the end.
        drop(beating);
        heart.join().map_err(|_| Error::new(ErrorKind::Other, "the signs of life of a claim failed"))?;
        match file.is_newest() {
            true => file.write(&Owner { released: true, ..file.owner.clone() }),
            false => Ok(()),
        }
    }
}

impl ClaimFile {
    fn path(&self) -> PathBuf {
        path(&self.folder, self.task, self.number)
    }

    fn is_newest(&self) -> bool {
        !path(&self.folder, self.task, self.number + 1).exists()
    }

    fn write(&self, owner: &Owner) -> Result<()> {
        let text = serde_json::to_string(owner).expect("an owner is plain");
        // Whole or not at all: a claim without an owner would hold its task for long.
        let (path, new) = (self.path(), self.folder.join(format!(".{:04}.{}", self.task, self.number)));
        fs::write(&new, text).map_err(|e| Error::io("write", &new, e))?;
        fs::rename(&new, &path).map_err(|e| Error::io("write", &path, e))
    }
}

/// The process that works at a task; `None` if nobody does.
///
/// # Errors
///
/// If the folder cannot be read.
pub fn owner(folder: &Path, task: usize) -> Result<Option<Owner>> {
    let newest = newest(folder, task)?;
    Ok(newest.filter(|(number, owner)| is_alive(folder, task, *number, owner)).map(|(_, owner)| owner))
}

/// The claim of a task with the highest number, and its owner.
fn newest(folder: &Path, task: usize) -> Result<Option<(usize, Owner)>> {
    let mut newest = None;
    for number in 1.. {
        let path = path(folder, task, number);
        match path.try_exists().map_err(|e| Error::io("read", &path, e))? {
            // A claim that is being written has an owner all the same.
            true => newest = Some((number, read(&path).unwrap_or_else(Owner::unknown))),
            false => break,
        }
    }
    Ok(newest)
}

fn is_alive(folder: &Path, task: usize, number: usize, owner: &Owner) -> bool {
    if owner.released {
        return false;
    }
    // Of this machine's processes the system knows.
    if owner.host == host() && Path::new("/proc/self").exists() {
        let process = PathBuf::from(format!("/proc/{}", owner.process));
        if !process.exists() {
            return false;
        }
    }
    let path = path(folder, task, number);
    let written = match fs::metadata(&path).and_then(|file| file.modified()) {
        Ok(written) => written,
        // One that was removed meanwhile is nobody's; one that cannot be looked at may be somebody's.
        Err(e) => return e.kind() != IoErrorKind::NotFound,
    };
    // Where nothing can be written, this machine's clock must do.
    let now = now(folder).unwrap_or_else(SystemTime::now);
    now.duration_since(written).map_or_else(|_| is_new(path, written), |age| age < STALE)
}

/// Whether a claim with a date in the future, by which its age cannot be told, was written since this process
/// saw it first, or has not been seen for long.
fn is_new(path: PathBuf, written: SystemTime) -> bool {
    static SEEN: Mutex<BTreeMap<PathBuf, (SystemTime, Instant)>> = Mutex::new(BTreeMap::new());
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let first = seen.entry(path).or_insert((written, Instant::now()));
    if first.0 != written {
        *first = (written, Instant::now());
    }
    first.1.elapsed() < STALE
}

/// The time by the clock that dates the files: that of a file server may differ from ours.
fn now(folder: &Path) -> Option<SystemTime> {
    let probe = folder.join(format!("now-{}-{}", host(), std::process::id()));
    fs::write(&probe, b"now").ok()?;
    let now = fs::metadata(&probe).ok()?.modified().ok();
    fs::remove_file(&probe).ok()?;
    now
}

fn path(folder: &Path, task: usize, number: usize) -> PathBuf {
    folder.join(format!("{task:04}.{number}"))
}

fn read(path: &Path) -> Option<Owner> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// The name of this machine.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("COMPUTERNAME").ok()).unwrap_or_default();
    name.trim().to_string()
}
