//! A folder of subjects: which files are taken, and what is wrong with them as a set.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::channels::TRIALS;
use crate::{Error, Result};

/// Subjects in the original data set.
pub const SUBJECTS: u32 = 32;

/// What a folder of DEAP files holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// `s01.dat` to `s32.dat`, in order, as far as they are there.
    pub files: Vec<PathBuf>,
    /// Names of everything else in the folder, in order: not read.
    pub ignored: Vec<String>,
    /// Subjects that are missing, among those before the last one that is there: `s11`.
    pub gaps: Vec<String>,
}

/// The name of subject `number`, counted from 1: `s01`.
pub fn subject_name(number: u32) -> String {
    format!("s{number:02}")
}

/// Finds the subjects' files in `folder`.
///
/// # Errors
///
/// `ErrorKind::Data` when the folder is not there or holds none of the files, with what to do about it; `ErrorKind::Io` when it
/// cannot be listed.
pub fn subjects(folder: &Path) -> Result<Listing> {
    if !folder.is_dir() {
        let what = if folder.exists() { "is not a folder" } else { "is not there" };
        return Err(no_data(folder, what));
    }
    let expected: Vec<String> = (1..=SUBJECTS).map(|number| subject_name(number) + ".dat").collect();
    let mut ignored = Vec::new();
    let mut present = [false; SUBJECTS as usize];
    for entry in fs::read_dir(folder).map_err(|error| Error::io("list", folder, error))? {
        let entry = entry.map_err(|error| Error::io("list", folder, error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        match expected.iter().position(|expected| *expected == name) {
            Some(index) if entry.path().is_file() => present[index] = true,
            _ => ignored.push(name),
        }
    }
    ignored.sort();
    let Some(last) = present.iter().rposition(|&present| present) else {
        return Err(no_data(folder, "holds none of the files s01.dat to s32.dat"));
    };
    let (mut files, mut gaps) = (Vec::new(), Vec::new());
    for (index, name) in expected.iter().enumerate().take(last + 1) {
        match present[index] {
            true => files.push(folder.join(name)),
            false => gaps.push(subject_name(index as u32 + 1)),
        }
    }
    Ok(Listing { files, ignored, gaps })
}

fn no_data(folder: &Path, what: &str) -> Error {
    Error::data(format!("{} {what}", folder.display())).hint(
        "DEAP (data_preprocessed_python) comes from Queen Mary University of London, \
         https://www.eecs.qmul.ac.uk/mmv/datasets/deap/, after a signed agreement; \
         without it, go on with generated recordings: --data demo",
    )
}

/// Refuses two subjects with the same bytes, given as (subject, hash): one person would stand on both sides of a split.
pub fn check_copies<'a>(recordings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<()> {
    let mut seen = HashMap::new();
    for (subject, hash) in recordings {
        if let Some(first) = seen.insert(hash, subject) {
            return Err(Error::data(format!("{first} and {subject} are the same recording, byte for byte"))
                .hint("remove the copy: one person must not count as two"));
        }
    }
    Ok(())
}

/// Ratings above 5 in the original data set, of 1280 each.
const HIGH: [(&str, usize); 4] = [("valence", 708), ("arousal", 737), ("dominance", 780), ("liking", 851)];

/// Compares the ratings of all 32 subjects with the original data set's; `None` also when subjects are missing.
/// An altered copy, in which ratings are stored as 9 - r, is in circulation.
pub fn rating_counts_warning(ratings: &[[f32; 4]]) -> Option<String> {
    if ratings.len() != SUBJECTS as usize * TRIALS {
        return None;
    }
    let mut differences = Vec::new();
    for (index, (name, expected)) in HIGH.into_iter().enumerate() {
        let found = ratings.iter().filter(|rating| rating[index] > 5.0).count();
        if found != expected {
            differences.push(format!("{name} {found} instead of {expected}"));
        }
    }
    (!differences.is_empty()).then(|| {
        format!(
            "these are not DEAP's original ratings: of {} trials, the number rated above 5 is {}; \
             results cannot be compared with published ones",
            ratings.len(),
            differences.join(", ")
        )
    })
}
