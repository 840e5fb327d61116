//! The file or folder that holds the arrays.

use super::fields::{Field, KNOWN, WINDOWS};
use crate::data::npy::{self, Array};
use crate::error::{Error, Result};
use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// The most bytes that DEFLATE can make of one.
const MOST_INFLATED: u64 = 1032;

/// An `.npz` archive, a folder of `.npy` files, a `.npy` file with windows only, or arrays in memory.
pub struct Files {
    path: PathBuf,
    kind: Kind,
}

enum Kind {
    Archive(ZipArchive<FileReader>, BTreeMap<String, Member>),
    Folder,
    File,
    /// Each array is taken once.
    Memory(RefCell<BTreeMap<&'static str, Array>>),
}

/// One file of an archive.
struct Member {
    at: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    is_encrypted: bool,
}

impl Files {
    /// Arrays in memory, each with the field that it is.
    pub fn in_memory(arrays: impl IntoIterator<Item = (&'static Field, Array)>) -> Files {
        let named = arrays.into_iter().map(|(field, array)| (field.names[0], array));
        Files { path: PathBuf::new(), kind: Kind::Memory(RefCell::new(named.collect())) }
    }

    /// Opens `path`, and refuses unknown names of arrays, and two names of one array.
    pub fn open(path: &Path) -> Result<Files> {
        let kind = if path.is_dir() {
            Kind::Folder
        } else if is_array(path)? {
            Kind::File
        } else {
            let (archive, members) = archive(path).map_err(|e| e.at(path.display()))?;
            Kind::Archive(archive, members)
        };
        let files = Files { path: path.to_path_buf(), kind };
        files.check_names()?;
        Ok(files)
    }

    /// The file and the array, for messages. No backticks: some arrays are called like a setting.
    pub fn place(&self, field: &Field) -> String {
        if let Kind::Memory(_) = self.kind {
            return format!("array \"{}\"", field.names[0]);
        }
        format!("{}: array \"{}\"", self.path.display(), field.names.join("\" or \""))
    }

    /// Reads the array of a field, if there is one.
    pub fn array(&self, field: &Field) -> Result<Option<Array>> {
        for name in field.names {
            let array = match &self.kind {
                Kind::File if field.names == WINDOWS.names => file(&self.path),
                Kind::File => return Ok(None),
                Kind::Folder => match self.path.join(format!("{name}.npy")) {
                    path if path.is_file() => file(&path),
                    _ => continue,
                },
                Kind::Archive(archive, members) => match members.get(*name) {
                    Some(member) => self::member(archive, member),
                    None => continue,
                },
                Kind::Memory(arrays) => match arrays.borrow_mut().remove(name) {
                    Some(array) => Ok(array),
                    None => continue,
                },
            };
            return array.map(Some).map_err(|e| e.at(self.place(field)));
        }
        Ok(None)
    }

    fn names(&self) -> Result<Vec<String>> {
        match &self.kind {
            Kind::Archive(_, members) => Ok(members.keys().cloned().collect()),
            Kind::Memory(arrays) => Ok(arrays.borrow().keys().map(|name| name.to_string()).collect()),
            Kind::File => Ok(vec![WINDOWS.names[0].to_string()]),
            Kind::Folder => {
                let unreadable = |e| Error::io("read", &self.path, e);
                let mut names = Vec::new();
                for entry in self.path.read_dir().map_err(unreadable)? {
                    let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
                    names.extend(name.strip_suffix(".npy").map(str::to_string));
                }
                names.sort();
                Ok(names)
            }
        }
    }

    fn check_names(&self) -> Result<()> {
        let found = self.names()?;
        let known: Vec<&str> = KNOWN.iter().flat_map(|field| field.names).copied().collect();
        if let Some(name) = found.iter().find(|name| !known.contains(&name.as_str())) {
            let message = format!("unknown array {name:?}, expected some of {}", known.join(", "));
            return Err(Error::data(message).hint("rename it or leave it out").at(self.path.display()));
        }
        let twice = |field: &&Field| {
            field.names.iter().filter(|name| found.iter().any(|found| found == *name)).count() > 1
        };
        match KNOWN.iter().find(twice) {
            Some(field) => Err(Error::data(format!("more than one array of {}", field.names.join(", ")))
                .hint("these names mean the same array: keep one of them")
                .at(self.path.display())),
            None => Ok(()),
        }
    }
}

/// Whether the file is one array. Contents decide; the name does where they are neither array nor archive, so
/// that the message is about what the user meant.
fn is_array(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
    file.take(npy::MAGIC.len() as u64).read_to_end(&mut start).map_err(|e| Error::io("read", path, e))?;
    let is_named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"));
    Ok(start == npy::MAGIC || (is_named && !start.starts_with(b"PK")))
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| Error::io("open", path, e))
}

fn file(path: &Path) -> Result<Array> {
    let file = open(path)?;
    let length = file.metadata().map_err(|e| Error::io("read", path, e))?.len();
    npy::read(BufReader::new(file), length)
}

/// Reads the table of contents of an archive.
fn archive(path: &Path) -> Result<(ZipArchive<FileReader>, BTreeMap<String, Member>)> {
    let file = open(path)?;
    let length = file.metadata().map_err(|e| Error::io("read", path, e))?.len();
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(|e| {
        Error::data(format!("this is not an .npz archive: {e}"))
            .hint("save it with np.savez or np.savez_compressed")
            .caused_by(e)
    })?;
    let mut members = BTreeMap::new();
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(damaged)? {
        let name = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
        let Some(array) = name.strip_suffix(".npy") else {
            return Err(Error::data(format!("holds {name:?}, expected .npy arrays only"))
                .hint("save it with np.savez or np.savez_compressed"));
        };
        let is_encrypted = entry.flags().is_encrypted();
        if entry.compressed_size_hint() > length {
            return Err(Error::data(format!("ends too early for array {array:?}: the file is truncated")));
        }
        let member = Member { at: entry.wayfinder(), method: entry.compression_method(), is_encrypted };
        if members.insert(array.to_string(), member).is_some() {
            return Err(Error::data(format!("holds two arrays called {array:?}"))
                .hint("save it again with np.savez: the names must differ"));
        }
    }
    match archive.entries_hint() == members.len() as u64 {
        true => Ok((archive, members)),
        false => Err(Error::data(format!(
            "is damaged: it says that it holds {} arrays, and lists {}",
            archive.entries_hint(),
            members.len()
        ))),
    }
}

/// Reads one array of an archive. Its length and checksum are verified.
fn member(archive: &ZipArchive<FileReader>, member: &Member) -> Result<Array> {
    let resave = "save it with np.savez or np.savez_compressed";
    if member.is_encrypted {
        return Err(Error::data("is encrypted").hint(resave));
    }
    let (packed, length) = (member.at.compressed_size_hint(), member.at.uncompressed_size_hint());
    let entry = archive.get_entry(member.at).map_err(damaged)?;
    match member.method {
        CompressionMethod::STORE if packed == length => {
            let reader = entry.reader();
            npy::read(BufReader::new(entry.verifying_reader(reader)), length)
        }
        CompressionMethod::DEFLATE if length <= packed.saturating_mul(MOST_INFLATED) => {
            let inflated = DeflateDecoder::new(entry.reader());
            npy::read(BufReader::new(entry.verifying_reader(inflated)), length)
        }
        CompressionMethod::STORE | CompressionMethod::DEFLATE => Err(Error::data(format!(
            "is damaged: the archive says that {packed} bytes hold {length}, which is impossible"
        ))),
        other => {
            Err(Error::data(format!("is compressed by method {}, expected 0 or 8", other.as_u16()))
                .hint(resave))
        }
    }
}

fn damaged(error: rawzip::Error) -> Error {
    Error::data(format!("is damaged: {error}")).caused_by(error)
}
