//! The folder of a sweep, which is all that a sweep is: its settings, its tasks, who works at them, and a run
//! folder for each.

use super::claim::{self, Owner};
use super::grid::{Settings, Task};
use crate::backend::{DeviceId, Kind};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::run::{self, Manifest, Resume, RunFolder, Status};
use crate::shell::quoted;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const SETTINGS: &str = "sweep.toml";
const TASKS: &str = "tasks.json";
const CLAIMS: &str = "claims";
const RUNS: &str = "runs";
/// In the folder of a run.
const TASK: &str = "task.json";

/// A sweep on disk.
pub struct Sweep {
    path: PathBuf,
    /// Its settings.
    pub settings: Settings,
    /// Every task, in order.
    pub tasks: Vec<Task>,
}

/// A line of `tasks.json`; in a run's folder, the task that the run is of.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct TaskEntry {
    number: usize,
    name: String,
    /// Of the configuration.
    hash: String,
}

/// How far a task has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody began it.
    Waiting,
    /// A process works at it.
    Running(Owner),
    /// Somebody began it, and nobody works at it now: a signal, or the end of its process.
    Stopped,
    /// An error ended it.
    Failed(String),
    /// It has scores.
    Finished,
}

impl State {
    /// In a word or two.
    pub fn word(&self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Running(_) => "running",
            State::Stopped => "stopped",
            State::Failed(_) => "failed",
            State::Finished => "finished",
        }
    }
}

impl Sweep {
    /// Makes the folder `parent/name`, or `name-2`, `name-3`, ... if there is one already.
    ///
    /// # Errors
    ///
    /// Those of [`Settings::tasks`], and if a file cannot be written.
    pub fn create(parent: &Path, name: &str, settings: Settings) -> Result<Self> {
        let tasks = settings.tasks()?;
        let path = run::new_folder(parent, name)?;
        for folder in [CLAIMS, RUNS] {
            let folder = path.join(folder);
            fs::create_dir(&folder).map_err(|e| Error::io("create", &folder, e))?;
        }
        let text = serde_json::to_string_pretty(&entries(&tasks)).expect("entries are plain");
        run::write_file(&path.join(TASKS), format!("{text}\n").as_bytes())?;
        // The settings come last: a folder with them is whole.
        run::write_file(&path.join(SETTINGS), settings.to_toml().as_bytes())?;
        Ok(Sweep { path, settings, tasks })
    }

    /// Opens a sweep.
    ///
    /// # Errors
    ///
    /// For a folder that is none, and if its settings no longer make its tasks: somebody changed them, or
    /// another version has other defaults.
    pub fn open(path: &Path) -> Result<Self> {
        let file = path.join(SETTINGS);
        if !file.is_file() {
            return Err(Error::config(format!("{} is not a sweep: it has no {SETTINGS}", path.display()))
                .hint("`engine sweep run --grid cell=lstm,gru` begins one"));
        }
        let text = fs::read_to_string(&file).map_err(|e| Error::io("read", &file, e))?;
        let settings = Settings::from_toml(&text).map_err(|e| e.at(file.display()))?;
        let tasks = settings.tasks().map_err(|e| e.at(file.display()))?;
        let list = path.join(TASKS);
        let text = fs::read_to_string(&list).map_err(|e| Error::io("read", &list, e))?;
        let listed: Vec<TaskEntry> = serde_json::from_str(&text)
            .map_err(|e| Error::data(format!("{}: {e}", list.display())).caused_by(e))?;
        if listed != entries(&tasks) {
            return Err(Error::data(format!(
                "{} makes other tasks than those of {}",
                file.display(),
                list.display()
            ))
            .hint("put the sweep's own file back, or begin a new sweep"));
        }
        Ok(Sweep { path: path.to_path_buf(), settings, tasks })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The task with this number, from 1.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn task(&self, number: usize) -> Result<&Task> {
        let index = number.checked_sub(1);
        index.and_then(|index| self.tasks.get(index)).ok_or_else(|| {
            Error::config(format!("task {number}: the sweep has tasks 1 to {}", self.tasks.len()))
        })
    }

    /// The folder of claims.
    pub(super) fn claims(&self) -> PathBuf {
        self.path.join(CLAIMS)
    }

    /// The folder of a task's run.
    pub fn run(&self, task: &Task) -> PathBuf {
        self.path.join(RUNS).join(task.name())
    }

    /// Opens the folder of a task's run, or makes it.
    pub(super) fn run_folder(&self, task: &Task) -> Result<RunFolder> {
        RunFolder::open_or_create(&self.run(task))
    }

    /// Writes into the folder of a run which task it is of.
    ///
    /// # Errors
    ///
    /// For the folder of another task.
    pub(super) fn mark(&self, task: &Task, folder: &RunFolder) -> Result<()> {
        if folder.file(TASK).exists() {
            return self.check_mark(task);
        }
        // A run that began without the mark was begun by somebody else.
        if folder.file(Manifest::FILE).exists() {
            return Err(foreign(folder.path(), task));
        }
        let text = serde_json::to_string(&TaskEntry::of(task)).expect("an entry is plain");
        folder.write(TASK, format!("{text}\n").as_bytes())
    }

    /// Refuses a run folder that is not of its task.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) with the folder.
    pub(super) fn check_mark(&self, task: &Task) -> Result<()> {
        let run = self.run(task);
        let text = fs::read_to_string(run.join(TASK)).map_err(|e| foreign(&run, task).caused_by(e))?;
        match serde_json::from_str::<TaskEntry>(&text) {
            Ok(entry) if entry == TaskEntry::of(task) => Ok(()),
            _ => Err(foreign(&run, task)),
        }
    }

    /// The process that works at a task.
    ///
    /// # Errors
    ///
    /// If the claims cannot be read.
    pub(super) fn owner(&self, task: &Task) -> Result<Option<Owner>> {
        claim::owner(&self.claims(), task.number)
    }

    /// The saved state of a task, if it was begun.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn begun(&self, task: &Task) -> Result<Option<Resume>> {
        let run = self.run(task);
        run.join(Resume::FILE).exists().then(|| Resume::read(&run)).transpose()
    }

    /// The device on which a task trains; `None` of one that has not begun.
    ///
    /// # Errors
    ///
    /// Those of [`Manifest::read`].
    pub fn device(&self, task: &Task) -> Result<Option<DeviceId>> {
        let run = self.run(task);
        let begun = run.join(Manifest::FILE).exists();
        let manifest = begun.then(|| Manifest::read(&run)).transpose()?;
        Ok(manifest.and_then(|manifest| manifest.devices().last().cloned()))
    }

    /// The command that goes on with the sweep, and whether it may need an adapter besides: that of a process
    /// is none of the sweep's settings.
    pub fn next(&self, retry: bool) -> (String, bool) {
        let path = quoted(&self.path.to_string_lossy());
        let has_own_gpu =
            |task: &Task| task.config.run.backend != Kind::Cpu && task.config.run.choice.adapter.is_none();
        let command = match retry {
            true => format!("engine sweep run --resume {path} --retry"),
            false => format!("engine sweep run --resume {path}"),
        };
        (command, self.tasks.iter().any(has_own_gpu))
    }

    /// How far a task has come. One whose state cannot be read has failed.
    ///
    /// # Errors
    ///
    /// If the claims cannot be read.
    pub fn state(&self, task: &Task) -> Result<State> {
        let run = self.run(task);
        let status = match run.join(Status::FILE).exists() {
            true => Some(Status::read(&run).unwrap_or_else(|e| Status::Failed { message: e.message })),
            false => None,
        };
        if status == Some(Status::Finished) {
            return Ok(State::Finished);
        }
        if let Some(owner) = self.owner(task)? {
            return Ok(State::Running(owner));
        }
        Ok(match status {
            Some(Status::Failed { message }) => State::Failed(message),
            Some(_) => State::Stopped,
            None if run.exists() => State::Stopped,
            None => State::Waiting,
        })
    }

    /// Opens the tasks that ended with an error again: as if each had been stopped. One whose run is in use
    /// or foreign stays as it is, with a warning.
    ///
    /// # Errors
    ///
    /// If the claims cannot be read.
    pub fn reopen_failed(&self, progress: &dyn Progress) -> Result<()> {
        for task in &self.tasks {
            if let State::Failed(_) = self.state(task)? {
                let reopened = self
                    .check_mark(task)
                    .and_then(|()| self.run_folder(task))
                    .and_then(|folder| Status::Running.write(&folder));
                if let Err(error) = reopened {
                    progress.warn(&format!("{} is not tried again: {}", task.name(), error.message));
                }
            }
        }
        Ok(())
    }

    /// Refuses folders among the runs that belong to no task: of two results nobody could say which counts.
    ///
    /// # Errors
    ///
    /// With the first of them.
    pub(super) fn check_runs(&self) -> Result<()> {
        let folder = self.path.join(RUNS);
        let known: BTreeSet<String> = self.tasks.iter().map(Task::name).collect();
        for entry in fs::read_dir(&folder).map_err(|e| Error::io("list", &folder, e))? {
            let entry = entry.map_err(|e| Error::io("list", &folder, e))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // The ledger of looks is a file beside the runs.
            if entry.path().is_dir() && !known.contains(&*name) {
                return Err(Error::data(format!("{} belongs to no task", folder.join(&*name).display()))
                    .hint("a task has one result: move the other folder away"));
            }
        }
        Ok(())
    }
}

fn entries(tasks: &[Task]) -> Vec<TaskEntry> {
    tasks.iter().map(TaskEntry::of).collect()
}

impl TaskEntry {
    fn of(task: &Task) -> Self {
        TaskEntry { number: task.number, name: task.name(), hash: task.hash() }
    }
}

fn foreign(run: &Path, task: &Task) -> Error {
    Error::data(format!("{} is not a run of task {} of this sweep", run.display(), task.number))
        .hint("put the sweep's own run back, or move this one away and run the task again")
}
