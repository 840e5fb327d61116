//! One error type. Its [`Fault`] decides the exit code, its text names what, where, expected and found, its hint the way out.

use std::fmt;
use std::path::Path;

/// The kind of a failure; [`Fault::exit_code`] is what the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A failure that is none of the others.
    Other,
    /// A wrong flag, configuration value or combination of them.
    Config,
    /// Data that cannot be used as they are.
    Data,
    /// A backend that is not built into this program or finds no device.
    Backend,
    /// A device that failed while it was working.
    Device,
    /// A number that is not finite, or results that differ by more than their bound.
    Numerical,
    /// Reading or writing a file.
    Io,
    /// Stopped by this signal number, with the state saved.
    Interrupted(u8),
}

impl Fault {
    pub fn exit_code(self) -> u8 {
        match self {
            Fault::Other => 1,
            Fault::Config => 2,
            Fault::Data => 3,
            Fault::Backend => 4,
            Fault::Device => 5,
            Fault::Numerical => 6,
            Fault::Io => 7,
            Fault::Interrupted(signal) => 128 + signal,
        }
    }
}

/// A failure: what happened, and, where there is one, what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub fault: Fault,
    pub message: String,
    pub hint: Option<String>,
}

/// `std::result::Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Error { fault, message: message.into(), hint: None }
    }

    pub fn config(message: impl Into<String>) -> Self {
        Error::new(Fault::Config, message)
    }

    pub fn data(message: impl Into<String>) -> Self {
        Error::new(Fault::Data, message)
    }

    pub fn backend(message: impl Into<String>) -> Self {
        Error::new(Fault::Backend, message)
    }

    pub fn numerical(message: impl Into<String>) -> Self {
        Error::new(Fault::Numerical, message)
    }

    /// An operating-system error while doing `what` (a verb: "read", "create") to `path`.
    pub fn io(what: &str, path: &Path, error: std::io::Error) -> Self {
        Error::new(Fault::Io, format!("cannot {what} {}: {error}", path.display()))
    }

    /// Adds the way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts the place (a file, a field) in front of the message.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
