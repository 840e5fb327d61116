//! status.json: how far a run has come.

use super::RunFolder;
use super::format::{FORMAT, read_json, to_json};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Entry", into = "Entry")]
pub enum Status {
    /// Its folder exists; nothing is trained.
    Created,
    /// A process trains it, or did and was killed.
    Running,
    /// It has scores.
    Finished,
    /// A signal stopped it; the state is saved.
    Interrupted {
        /// The signal's number.
        signal: u8,
    },
    /// An error ended it.
    Failed {
        /// The error's message.
        message: String,
    },
}

/// The fields of the file.
#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(default)]
    format: u32,
    state: State,
    reason: Option<String>,
    /// The process that wrote it.
    pid: u32,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Created,
    Running,
    Finished,
    Interrupted,
    Failed,
}

/// The reason of an interrupted run is this and the signal's number.
const SIGNAL: &str = "signal ";

impl From<Status> for Entry {
    fn from(status: Status) -> Self {
        let (state, reason) = match status {
            Status::Created => (State::Created, None),
            Status::Running => (State::Running, None),
            Status::Finished => (State::Finished, None),
            Status::Interrupted { signal } => (State::Interrupted, Some(format!("{SIGNAL}{signal}"))),
            Status::Failed { message } => (State::Failed, Some(message)),
        };
        Entry { format: FORMAT, state, reason, pid: std::process::id() }
    }
}

impl TryFrom<Entry> for Status {
    type Error = String;

    fn try_from(entry: Entry) -> Result<Self, String> {
        let reason = entry.reason.unwrap_or_default();
        Ok(match entry.state {
            State::Created => Status::Created,
            State::Running => Status::Running,
            State::Finished => Status::Finished,
            State::Interrupted => {
                let signal = reason.strip_prefix(SIGNAL).and_then(|number| number.parse().ok());
                Status::Interrupted { signal: signal.ok_or(format!("no signal in the reason `{reason}`"))? }
            }
            State::Failed => Status::Failed { message: reason },
        })
    }
}

impl Status {
    /// Its name in a run folder.
    pub const FILE: &str = "status.json";

    /// Reads the status of the run in `folder`.
    ///
    /// # Errors
    /// If it cannot be read, is none, or is of a newer version.
    pub fn read(folder: &Path) -> Result<Self> {
        read_json(&folder.join(Status::FILE))
    }

    /// The way on from the run in `folder`, which has no results.
    pub fn way_on(folder: &Path) -> &'static str {
        match Status::read(folder) {
            Ok(Status::Failed { .. }) => {
                "it failed, and status.json says why: start a new run; if the reason is gone, go on with `engine crossval \
                 --resume RUN` or `engine train --resume RUN`"
            }
            _ => "finish the run first: `engine train --resume RUN` or `engine crossval --resume RUN`",
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &RunFolder) -> Result<()> {
        folder.write(Status::FILE, to_json(self).as_bytes())
    }
}
