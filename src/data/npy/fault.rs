//! The errors of both the header and the elements.

use crate::error::Error;
use std::io;

/// The refusal of a type or of a header.
pub fn unusable(found: &str) -> Error {
    Error::data(format!("holds {found}, expected floating point to 64 bits, integers, bool or text"))
        .hint("convert it with `.astype(...)`, texts with `.astype(str)`; arrays of objects are pickles and are not read")
}

/// A file that cannot be read to its end.
pub fn broken(error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => "ends too early: the file is truncated".into(),
        _ => format!("is damaged: {error}"),
    };
    Error::data(message).caused_by(error)
}
