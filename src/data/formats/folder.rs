//! A folder that is no data set itself.

use super::place::{Entry, Place};
use super::table::{FORMATS, all};
use crate::data::deap;
use crate::data::foreign::{self, Foreign};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Levels of folders in which data sets are looked for.
const DEPTH: usize = 2;

/// The most entries of a folder that are looked at.
const ENTRIES: usize = 200;

/// The most data sets in a message.
const SHOWN: usize = 5;

/// Says what the folder holds instead, and which of it can be given.
///
/// # Errors
///
/// [`ErrorKind::Io`](crate::ErrorKind::Io) if something in it cannot be read.
pub fn no_data_set(folder: &Path, entries: &[Entry]) -> Result<Error> {
    let shown = folder.display();
    if entries.is_empty() {
        return Ok(Error::data(format!("the folder {shown} is empty")).hint(deap::SOURCE));
    }
    let found = data_sets(entries, DEPTH);
    if let [first, ..] = &found[..] {
        let names: Vec<String> =
            found.iter().take(SHOWN).map(|(path, format)| format!("{} ({format})", path.display())).collect();
        let more =
            if found.len() > SHOWN { format!(" and {} more", found.len() - SHOWN) } else { String::new() };
        return Ok(Error::data(format!(
            "{shown} is no data set itself, and holds {}: {}{more}",
            if found.len() == 1 { "one" } else { "some" },
            names.join(", ")
        ))
        .hint(give(&found, &first.0)));
    }
    other_files(folder, entries)
}

/// The paths below that are data sets, with the names of their formats.
fn data_sets(entries: &[Entry], depth: usize) -> Vec<(PathBuf, &'static str)> {
    let mut found = Vec::new();
    for entry in entries.iter().take(ENTRIES) {
        // An entry that cannot be read is no data set to offer; the message is about the folder.
        let Ok(Some(place)) = Place::of(&entry.path) else { continue };
        match (FORMATS.iter().find(|format| format.recognizes(&place)), &place) {
            (Some(format), _) => found.push((entry.path.clone(), format.name())),
            (None, Place::Folder(_, entries)) if depth > 1 => found.extend(data_sets(entries, depth - 1)),
            (None, _) => {}
        }
    }
    found
}

/// The settings that read the first data set; the TRAIN and the TEST file of a pair belong together.
fn give(found: &[(PathBuf, &str)], first: &Path) -> String {
    let is_part = |part: &str| {
        let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().to_uppercase();
        found.iter().map(|(path, _)| path).find(|path| name(path).ends_with(part))
    };
    match (is_part("_TRAIN"), is_part("_TEST"), found.len()) {
        (Some(train), Some(test), _) => {
            format!("give `path = {}` with `test_file = {}`", train.display(), test.display())
        }
        (_, _, 1) => format!("give `path = {}`", first.display()),
        _ => format!("give one of them, such as `path = {}`", first.display()),
    }
}

/// The most frequent kind of file in a folder without data sets, and the way from its first file.
fn other_files(folder: &Path, entries: &[Entry]) -> Result<Error> {
    let mut kinds: BTreeMap<&str, (usize, &Foreign, &Path)> = BTreeMap::new();
    let mut files = 0;
    for entry in entries.iter().filter(|entry| entry.path.is_file()).take(ENTRIES) {
        let head = foreign::head(&entry.path)?;
        if head.is_empty() {
            continue;
        }
        files += 1;
        let kind = foreign::kind(&entry.path, &head);
        kinds.entry(kind.name).or_insert((0, kind, &entry.path)).0 += 1;
    }
    let shown = folder.display();
    let of_deap = format!("{}; what is read: {}", deap::SOURCE, all());
    Ok(match kinds.values().max_by_key(|(count, ..)| *count) {
        None => {
            Error::data(format!("{shown} holds only folders or empty files, and no recordings")).hint(of_deap)
        }
        Some((count, kind, first)) => Error::data(format!(
            "{shown} holds nothing that is read: {count} of {files} files are each {}, the first is {}",
            kind.name,
            first.display()
        ))
        .hint(format!("{}\n  what is read: {}", kind.way(first), all())),
    })
}
