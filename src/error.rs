//! The error type of this crate.
//!
//! A message names what happened, where, what was expected and what was found. A hint names a way out. Both
//! name settings by their keys in the configuration file, in backticks: `batch`, `split_by = subject`. The
//! command line prints them as its options: `--batch`, `--split subject`.

use rayon::prelude::*;
use std::error::Error as Source;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The kind of an [`Error`]. The program ends with [`ErrorKind::exit_code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// None of the other kinds.
    Other,
    /// A wrong setting, or settings that contradict each other.
    Config,
    /// Data that cannot be used as they are.
    Data,
    /// A backend that is not built into this program, or that finds no device.
    Backend,
    /// A device that failed while it was working.
    Device,
    /// A number that is not finite, or results that differ by more than their bound.
    Numerical,
    /// Reading or writing a file failed.
    Io,
    /// Stopped by the signal with this number; the state is saved.
    Interrupted(u8),
}

impl ErrorKind {
    /// The exit code of the program after an error of this kind.
    pub fn exit_code(self) -> u8 {
        match self {
            ErrorKind::Other => 1,
            ErrorKind::Config => 2,
            ErrorKind::Data => 3,
            ErrorKind::Backend => 4,
            ErrorKind::Device => 5,
            ErrorKind::Numerical => 6,
            ErrorKind::Io => 7,
            ErrorKind::Interrupted(signal) => 128 + signal,
        }
    }
}

/// A failure with its message and, where there is one, a way out.
///
/// `Display` prints the message and the hint. The message is complete: it repeats what
/// [`source`](std::error::Error::source) says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Error {
    /// The kind of the failure.
    pub kind: ErrorKind,
    /// The message: the place, the expected and the found value.
    pub message: String,
    /// A way out.
    pub hint: Option<String>,
    source: Option<Arc<dyn Source + Send + Sync>>,
}

/// `std::result::Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of any kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), hint: None, source: None }
    }

    /// An error of the kind [`ErrorKind::Config`].
    pub fn config(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Config, message)
    }

    /// An error of the kind [`ErrorKind::Data`].
    pub fn data(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Data, message)
    }

    /// An error of the kind [`ErrorKind::Backend`].
    pub fn backend(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Backend, message)
    }

    /// An error of the kind [`ErrorKind::Numerical`].
    pub fn numerical(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Numerical, message)
    }

    /// The operating system refused to do `what` (a verb: "read", "create") to `path`.
    pub fn io(what: &str, path: &Path, error: std::io::Error) -> Self {
        Error::new(ErrorKind::Io, format!("cannot {what} {}: {error}", path.display())).caused_by(error)
    }

    /// Adds a way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts the place (a file, a field) in front of the message.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Keeps the error that this one reports, for [`source`](std::error::Error::source).
    pub fn caused_by(mut self, source: impl Source + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }
}

/// Equal in kind, message and hint; the sources are not compared.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.message, &self.hint) == (other.kind, &other.message, &other.hint)
    }
}

impl Eq for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl Source for Error {
    fn source(&self) -> Option<&(dyn Source + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Source + 'static))
    }
}

/// The values of `work` for all items, or the error of the first item for which it fails: first in their
/// order, on any number of threads, and not in time. Items behind it need not be worked on.
pub(crate) fn in_order<I: Send, T: Send>(
    items: impl IndexedParallelIterator<Item = I>,
    work: impl Fn(I) -> Result<T> + Sync + Send,
) -> Result<Vec<T>> {
    let first_failed = AtomicUsize::new(usize::MAX);
    let one = |(number, item)| {
        let is_wanted = number < first_failed.load(Ordering::Relaxed);
        is_wanted.then(|| {
            work(item).inspect_err(|_| {
                first_failed.fetch_min(number, Ordering::Relaxed);
            })
        })
    };
    let results: Vec<Option<Result<T>>> = items.enumerate().map(one).collect();
    // Those that are left out are behind an error.
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn an_error_keeps_its_source_and_repeats_it_in_its_message() {
        let error = Error::io("read", Path::new("s01.dat"), io::ErrorKind::PermissionDenied.into());
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>()).unwrap();
        assert_eq!(source.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains(&source.to_string()));
        assert_eq!(error, error.clone().caused_by(fmt::Error), "sources are not compared");
    }

    #[test]
    fn the_first_error_in_order_is_told() {
        let late = |i: usize| match i {
            3 => {
                std::thread::sleep(std::time::Duration::from_millis(50));
                Err(Error::data("task 3"))
            }
            40.. => Err(Error::data(format!("task {i}"))),
            _ => Ok(i),
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        let error = pool.install(|| in_order((0..64).into_par_iter(), late)).unwrap_err();
        assert_eq!(error.message, "task 3");
        assert_eq!(in_order((4..8).into_par_iter(), late).unwrap(), [4, 5, 6, 7]);
    }
}
