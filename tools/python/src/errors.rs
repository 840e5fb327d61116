//! Errors of the library as exceptions.

use engine::{Error, ErrorKind};
use pyo3::prelude::*;

/// The exception for an error. Its class is of `fused_rnn._errors`.
pub fn exception(error: Error) -> PyErr {
    let class = match error.kind {
        ErrorKind::Config => "ConfigError",
        ErrorKind::Data => "DataError",
        ErrorKind::Backend => "BackendError",
        ErrorKind::Device => "DeviceError",
        ErrorKind::Numerical => "NumericalError",
        ErrorKind::Io => "FileError",
        _ => "Error",
    };
    Python::attach(|py| {
        let made = py
            .import("fused_rnn._errors")
            .and_then(|module| module.getattr(class)?.call1((error.message, error.hint)));
        made.map_or_else(|failed| failed, PyErr::from_value)
    })
}

/// An exception in place of the library's error.
pub trait OrRaise<T> {
    /// Raises the error.
    fn or_raise(self) -> PyResult<T>;
}

impl<T> OrRaise<T> for engine::Result<T> {
    fn or_raise(self) -> PyResult<T> {
        self.map_err(exception)
    }
}
