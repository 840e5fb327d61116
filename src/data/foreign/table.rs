//! The formats that are told apart, by their contents.

use super::python::{self, way};
use super::signature::{
    begins, companion, contains, first_member, has, is_arff, is_hdf5, is_table, is_wfdb, text,
};
use crate::data::deap::pickle::head::{has_subject, is_pickle};
use std::path::Path;

/// A format that is not read.
pub struct Foreign {
    /// One file of it, for messages: "an EDF recording".
    pub name: &'static str,
    is_one: fn(&[u8]) -> bool,
    way: Way,
}

/// The way from a file to one that is read.
enum Way {
    /// Lines of Python.
    Python(&'static str),
    /// Lines of Python for MATLAB's files; of DEAP there is a Python version.
    Matlab(&'static str),
    /// The programs that unpack it.
    Unpack(&'static [&'static str]),
    /// Advice.
    Say(&'static str),
}

use Way::{Matlab, Python, Say, Unpack};

/// A saved page in place of the file.
const PAGE: Way = Say("perhaps it is the page of a login that failed: sign in, and download the file again");
const OTHER: Way = Python(python::ANY);

/// Formats with a signature.
#[rustfmt::skip]
static KINDS: [Foreign; 41] = [
    Foreign { name: "a Git LFS pointer instead of the file", is_one: |h| h.starts_with(b"version https://git-lfs"), way: Say("fetch the file itself with `git lfs pull`") },
    Foreign { name: "a git-annex pointer instead of the file", is_one: |h| h.starts_with(b"/annex/objects/"), way: Say("fetch the file itself with `git annex get`") },
    Foreign { name: "a Windows shortcut", is_one: |h| has(h, 0, b"L\0\0\0\x01\x14\x02\0"), way: Say("give the file or folder that it points to") },
    Foreign { name: "an internet shortcut", is_one: |h| begins(h, &["[InternetShortcut]"]), way: Say("open it, download the file, and give that") },
    Foreign { name: "an HTML page", is_one: |h| begins(h, &["<!doctype html", "<html", "<head"]), way: PAGE },
    Foreign { name: "an XML file", is_one: |h| begins(h, &["<?xml", "<"]), way: OTHER },
    Foreign { name: "a PyTorch file", is_one: |h| first_member(h).is_some_and(|name| name.ends_with("/data.pkl")), way: Python(python::TORCH) },
    Foreign { name: "a PyTorch file", is_one: |h| has(h, 2, b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"), way: Python(python::TORCH) },
    Foreign { name: "an Excel workbook", is_one: |h| first_member(h).is_some_and(|name| name == "[Content_Types].xml"), way: Say("save its table as .csv, and follow the hint for that") },
    Foreign { name: "an empty zip archive", is_one: |h| h.starts_with(b"PK\x05\x06"), way: Say("nothing was saved in it: save it again") },
    Foreign { name: "a zip archive", is_one: |h| h.starts_with(b"PK\x03\x04"), way: Unpack(&["unzip"]) },
    Foreign { name: "a gzip archive", is_one: |h| h.starts_with(b"\x1f\x8b"), way: Unpack(&["tar -xzf", "gunzip"]) },
    Foreign { name: "a bzip2 archive", is_one: |h| h.starts_with(b"BZh"), way: Unpack(&["tar -xjf", "bunzip2"]) },
    Foreign { name: "an xz archive", is_one: |h| h.starts_with(b"\xfd7zXZ\0"), way: Unpack(&["tar -xJf", "unxz"]) },
    Foreign { name: "a Zstandard archive", is_one: |h| h.starts_with(b"\x28\xb5\x2f\xfd"), way: Unpack(&["unzstd"]) },
    Foreign { name: "a 7-Zip archive", is_one: |h| h.starts_with(b"7z\xbc\xaf\x27\x1c"), way: Unpack(&["7z x"]) },
    Foreign { name: "a RAR archive", is_one: |h| h.starts_with(b"Rar!\x1a\x07"), way: Unpack(&["unrar x"]) },
    Foreign { name: "a tar archive", is_one: |h| has(h, 257, b"ustar"), way: Unpack(&["tar -xf"]) },
    Foreign { name: "a MATLAB 7.3 file (HDF5)", is_one: |h| h.starts_with(b"MATLAB 7.3 MAT-file"), way: Matlab(python::MATLAB_73) },
    Foreign { name: "a MATLAB file", is_one: |h| h.starts_with(b"MATLAB"), way: Matlab(python::MATLAB) },
    Foreign { name: "an HDF5 file", is_one: is_hdf5, way: Python(python::HDF5) },
    Foreign { name: "a BDF recording", is_one: |h| h.starts_with(b"\xffBIOSEMI"), way: Python(python::MNE) },
    Foreign { name: "an EDF recording", is_one: |h| h.starts_with(b"0       ") && h.len() >= 256 && h[..256].is_ascii(), way: Python(python::MNE) },
    Foreign { name: "a GDF recording", is_one: |h| h.starts_with(b"GDF 1.") || h.starts_with(b"GDF 2."), way: Python(python::MNE) },
    Foreign { name: "a BrainVision marker file", is_one: |h| begins(h, &["Brain Vision Data Exchange Marker", "BrainVision Data Exchange Marker"]), way: Say("its header is the .vhdr file: give that, and follow its hint") },
    Foreign { name: "a part of a BrainVision recording", is_one: |h| begins(h, &["Brain Vision", "BrainVision"]), way: Python(python::MNE) },
    Foreign { name: "a FIF recording", is_one: |h| has(h, 0, b"\0\0\0\x64\0\0\0\x1f\0\0\0\x14"), way: Python(python::FIF) },
    Foreign { name: "a Neuroscan recording", is_one: |h| h.starts_with(b"Version 3.0"), way: Python(python::MNE) },
    Foreign { name: "an XDF recording", is_one: |h| h.starts_with(b"XDF:"), way: OTHER },
    Foreign { name: "a Parquet table", is_one: |h| h.starts_with(b"PAR1"), way: Python(python::PARQUET) },
    Foreign { name: "an Arrow or Feather table", is_one: |h| h.starts_with(b"ARROW1") || h.starts_with(b"FEA1"), way: OTHER },
    Foreign { name: "an SQLite database", is_one: |h| h.starts_with(b"SQLite format 3\0"), way: OTHER },
    Foreign { name: "a sound file", is_one: |h| h.starts_with(b"RIFF") && has(h, 8, b"WAVE"), way: OTHER },
    Foreign { name: "a NumPy .npy file", is_one: |h| h.starts_with(b"\x93NUMPY"), way: Say("give this file by itself as the data set") },
    Foreign { name: "a PDF document", is_one: |h| h.starts_with(b"%PDF"), way: Say("give the recordings, not their description") },
    Foreign { name: "an image", is_one: |h| h.starts_with(b"\x89PNG") || h.starts_with(b"\xff\xd8\xff") || h.starts_with(b"GIF8"), way: OTHER },
    Foreign { name: "a part of a WFDB record", is_one: is_wfdb, way: Python(python::WFDB) },
    Foreign { name: "an ARFF file", is_one: is_arff, way: Python(python::ARFF) },
    Foreign { name: "a pickle of WESAD", is_one: |h| is_pickle(h) && contains(h, b"signal") && (contains(h, b"chest") || contains(h, b"wrist")), way: Python(python::WESAD) },
    Foreign { name: "a Python pickle of other things than DEAP's \"data\" and \"labels\"", is_one: |h| is_pickle(h) && !has_subject(h), way: Python(python::PICKLE) },
    Foreign { name: "a JSON file", is_one: |h| begins(h, &["{", "["]), way: Python(python::JSON) },
];

/// Formats without a signature; each file is of one.
#[rustfmt::skip]
static OTHERS: [Foreign; 3] = [
    Foreign { name: "a table as text (CSV or TSV)", is_one: is_table, way: Python(python::TABLE) },
    Foreign { name: "a text", is_one: |h| text(h).is_some(), way: Say("give the recordings") },
    Foreign { name: "a binary file of an unknown format", is_one: |_| true, way: OTHER },
];

/// The format of a file that has the format's signature.
pub fn certain(head: &[u8]) -> Option<&'static Foreign> {
    KINDS.iter().find(|kind| (kind.is_one)(head))
}

/// The format of a file. A file of raw samples is of the format of its header beside it.
pub fn kind(path: &Path, head: &[u8]) -> &'static Foreign {
    let of_companion = || {
        let companion = ["hea", "vhdr"].iter().find_map(|extension| companion(path, extension))?;
        certain(&super::head(&companion).ok()?)
    };
    let other = || OTHERS.iter().find(|kind| (kind.is_one)(head)).expect("the last kind is any file");
    certain(head).or_else(of_companion).unwrap_or_else(other)
}

impl Foreign {
    /// The way from this file to one that is read, for a hint.
    pub fn way(&self, file: &Path) -> String {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        match self.way {
            Say(advice) => advice.into(),
            Python(template) => way(template, file),
            Unpack(programs) => {
                let calls: Vec<String> =
                    programs.iter().map(|program| format!("`{program} {}`", file.display())).collect();
                format!("unpack it with {}, and give what comes out", calls.join(" or "))
            }
            Matlab(_) if subject_of_deap(&name) => format!(
                "DEAP has a Python version, data_preprocessed_python; or save this file as one of it, and give that:{}",
                python::lines(python::DEAP, file)
            ),
            Matlab(template) => way(template, file),
        }
    }
}

/// Whether DEAP has a subject of this name: `s01.mat`.
fn subject_of_deap(name: &str) -> bool {
    let digits = name.to_ascii_lowercase();
    let digits = digits.strip_prefix('s').and_then(|rest| rest.strip_suffix(".mat")).unwrap_or_default();
    digits.len() == 2 && digits.parse().is_ok_and(|number: u32| (1..=32).contains(&number))
}
