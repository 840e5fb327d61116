//! From a path to the recordings at it, or to a message that says what is there instead.

use super::folder::no_data_set;
use super::format::{Format, Reader, Request};
use super::missing::missing;
use super::place::Place;
use super::table::{FORMATS, all};
use crate::data::foreign;
use crate::error::{Error, Result};
use crate::progress::Progress;
use std::path::Path;

/// Opens the recordings at a path, in whatever format they are.
///
/// # Errors
///
/// [`ErrorKind::Data`](crate::ErrorKind::Data) if there are none, with what is there and a way out;
/// [`ErrorKind::Config`](crate::ErrorKind::Config) for a wrong `demo`, or for a TEST file with a format that
/// has none; [`ErrorKind::Io`](crate::ErrorKind::Io) for a path that cannot be read.
pub fn open(request: &Request, progress: &dyn Progress) -> Result<Box<dyn Reader>> {
    let format = find(request.path)?;
    if let Some(test) = request.test {
        if !format.has_test_file() {
            return Err(Error::config(format!(
                "the TEST file {} needs a .ts TRAIN file beside it, and {} is of the format {}",
                test.display(),
                request.path.display(),
                format.name()
            ))
            .hint("give the TRAIN file as `path`, or leave `test_file` out"));
        }
        let of_test = find(test)?;
        if of_test.name() != format.name() {
            return Err(Error::config(format!(
                "the TEST file {} is of the format {}, expected {} as the TRAIN file",
                test.display(),
                of_test.name(),
                format.name()
            ))
            .hint("give the TRAIN and the TEST file of one data set"));
        }
    }
    if let Some(layout) = request.layout.filter(|_| !format.has_layout()) {
        return Err(Error::config(format!(
            "`layout = {}`: only .npz and .npy files have windows whose axes are in any order, and {} is of the \
             format {}",
            layout.name(),
            request.path.display(),
            format.name()
        ))
        .hint("leave `layout` out"));
    }
    format.open(request, progress)
}

/// The format of a path.
fn find(path: &Path) -> Result<&'static dyn Format> {
    let Some(place) = Place::of(path)? else { return Err(missing(path)) };
    match FORMATS.iter().find(|format| format.recognizes(&place)) {
        Some(format) => Ok(*format),
        None => match &place {
            Place::Folder(folder, entries) => Err(no_data_set(folder, entries)?),
            _ => no_format(path, place.head().unwrap_or_default()),
        },
    }
}

/// A file whose contents no format recognizes. If its name says that it is of one, the reader explains.
fn no_format(path: &Path, head: &[u8]) -> Result<&'static dyn Format> {
    if head.is_empty() {
        return Err(Error::data(format!("{} is empty: it has 0 bytes", path.display()))
            .hint("copy or download it again"));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let claiming = FORMATS.iter().find(|format| format.claims(&name));
    let kind = match (foreign::certain(head), claiming) {
        (Some(kind), _) => kind,
        (None, Some(format)) => return Ok(*format),
        (None, None) => foreign::kind(path, head),
    };
    Err(Error::data(format!("{} is {}, which is not read", path.display(), kind.name)).hint(format!(
        "{}\n  what is read: {}",
        kind.way(path),
        all()
    )))
}
