//! The first bytes of a file, by which formats are recognized.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Bytes of a file that are looked at. Headers of `.ts` files may begin with pages of comments.
pub const HEAD: usize = 64 << 10;

/// The first bytes of a file.
///
/// # Errors
///
/// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be read.
pub fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let file = File::open(path).map_err(|error| unreadable("open", path, error))?;
    file.take(HEAD as u64).read_to_end(&mut head).map_err(|error| unreadable("read", path, error))?;
    Ok(head)
}

/// The operating system refused to do `what` to `path`; for a lack of permission with a way out.
pub fn unreadable(what: &str, path: &Path, error: std::io::Error) -> Error {
    let refused = error.kind() == ErrorKind::PermissionDenied;
    let error = Error::io(what, path, error);
    match refused {
        true => error.hint("you lack the permission: ask its owner, or change it with `chmod u+rX`"),
        false => error,
    }
}
