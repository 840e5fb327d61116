//! Results on stdout.

use crate::error::{Error, ErrorKind, Result};
use std::io::{self, Write};

/// The text without control characters: names in files may hold some that would steer the terminal.
pub fn printable(text: &str) -> String {
    let escape = |c: char| match c {
        '\n' | '\t' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// Prints a result. If the reader has closed the pipe (`| head`), the program exits without an error.
pub fn out(text: &str) -> Result<()> {
    match writeln!(io::stdout(), "{}", printable(text)).and_then(|()| io::stdout().flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => {
            result.map_err(|e| Error::new(ErrorKind::Io, format!("cannot write to stdout: {e}")).caused_by(e))
        }
    }
}

/// Prints a result as JSON of several lines.
pub fn out_json(value: &impl serde::Serialize) -> Result<()> {
    out(&serde_json::to_string_pretty(value).map_err(not_json)?)
}

/// Prints a result as a line of JSON.
pub fn out_json_line(value: &impl serde::Serialize) -> Result<()> {
    out(&serde_json::to_string(value).map_err(not_json)?)
}

fn not_json(error: serde_json::Error) -> Error {
    Error::data(format!("cannot write the result as JSON: {error}")).caused_by(error)
}
