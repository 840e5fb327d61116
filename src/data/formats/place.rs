//! The contents of a path: the first bytes of a file, or the names in a folder. Formats are recognized by
//! them.

use crate::data::demo;
use crate::data::foreign::{head, unreadable};
use crate::error::{Error, Result};
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The contents of a path that exists.
pub enum Place {
    /// No path, but the word for generated recordings.
    Generated,
    /// A file with its first bytes; empty for an empty file.
    File(PathBuf, Vec<u8>),
    /// A folder with its entries in the order of their names, without hidden ones.
    Folder(PathBuf, Vec<Entry>),
}

/// An entry of a folder.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name in the folder.
    pub name: String,
    /// The folder and the name.
    pub path: PathBuf,
    /// Whether it is a folder itself.
    pub is_folder: bool,
}

impl Place {
    /// Looks at a path. `None` if there is nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for `demo` beside a file of that name,
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) for a broken link, a pipe or a device,
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) for one that cannot be read.
    pub fn of(path: &Path) -> Result<Option<Place>> {
        if demo::is_generated(path) {
            return match demo::is_certain(path) || fs::symlink_metadata(path).is_err() {
                true => Ok(Some(Place::Generated)),
                false => Err(Error::config(format!(
                    "`{0}` means generated recordings, and there is a file or folder of that name",
                    path.display()
                ))
                .hint(format!(
                    "`path = {}` are the generated recordings, and `path = ./demo` is what has that name",
                    demo::CERTAIN
                ))),
            };
        }
        let Some(metadata) = metadata(path)? else { return Ok(None) };
        let path = path.to_path_buf();
        if metadata.is_dir() {
            let entries = entries(&path)?;
            return Ok(Some(Place::Folder(path, entries)));
        }
        if !metadata.is_file() {
            return Err(Error::data(format!(
                "{} is neither a file nor a folder, but a pipe, a socket or a device",
                path.display()
            ))
            .hint("write its contents into a file first, and give the file"));
        }
        let head = head(&path)?;
        Ok(Some(Place::File(path, head)))
    }

    /// The first bytes of a file; `None` for a folder.
    pub fn head(&self) -> Option<&[u8]> {
        match self {
            Place::File(_, head) => Some(head),
            Place::Generated | Place::Folder(..) => None,
        }
    }
}

/// Follows links. `None` if there is nothing.
fn metadata(path: &Path) -> Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            match fs::read_link(path) {
                Ok(target) => Err(Error::data(format!(
                    "{} is a symbolic link to {}, which does not exist",
                    path.display(),
                    target.display()
                ))
                .hint("mount or move the recordings there, or make the link again")),
                Err(_) => Ok(None),
            }
        }
        Err(error) => Err(unreadable("look at", path, error)),
    }
}

/// The entries of a folder in the order of their names, without hidden ones.
///
/// # Errors
///
/// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be listed.
pub fn entries(folder: &Path) -> Result<Vec<Entry>> {
    let failed = |error| unreadable("list", folder, error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if !name.starts_with('.') && name != "Thumbs.db" {
            entries.push(Entry { is_folder: path.is_dir(), name, path });
        }
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}
