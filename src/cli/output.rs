//! What goes to stdout: results.

use crate::error::{Error, ErrorKind, Result};
use std::io::{self, Write};

/// Prints a result. A reader that has gone (`| head`) ends the program quietly.
pub fn out(text: &str) -> Result<()> {
    match writeln!(io::stdout(), "{text}").and_then(|()| io::stdout().flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => result.map_err(|e| Error::new(ErrorKind::Io, format!("cannot write to stdout: {e}"))),
    }
}

/// Prints a result for programs.
pub fn out_json(value: &impl serde::Serialize) -> Result<()> {
    out(&serde_json::to_string_pretty(value).map_err(|e| Error::data(format!("JSON: {e}")))?)
}

/// Prints one of many results for programs.
pub fn out_json_line(value: &impl serde::Serialize) -> Result<()> {
    out(&serde_json::to_string(value).map_err(|e| Error::data(format!("JSON: {e}")))?)
}
