//! A folder of DEAP files: finding the subjects, and checks of the subjects as a set.

use std::fs;
use std::path::{Path, PathBuf};

use super::channels::TRIALS;
use crate::{Error, Result};

/// Subjects in the original data set.
pub const SUBJECTS: u32 = 32;

/// The contents of a folder of DEAP files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The files `s01.dat` to `s32.dat` that exist, in order.
    pub files: Vec<PathBuf>,
    /// Names of all other files, which are not read, in order.
    pub ignored: Vec<String>,
    /// Missing subjects before the last existing one: `s11`.
    pub gaps: Vec<String>,
}

/// The name of subject `number`, counted from 1: `s01`.
pub fn subject_name(number: u32) -> String {
    format!("s{number:02}")
}

/// Finds the files of the subjects in `folder`.
///
/// # Errors
///
/// `ErrorKind::Data` if the folder does not exist or holds none of the files; `ErrorKind::Io` if it cannot be
/// listed.
pub fn subjects(folder: &Path) -> Result<Listing> {
    if !folder.is_dir() {
        let what = if folder.exists() { "is not a folder" } else { "does not exist" };
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
         without it, use generated recordings: `path = demo`",
    )
}

/// The number of ratings above 5 in the original data set, out of 1280 each.
const HIGH: [(&str, usize); 4] = [("valence", 708), ("arousal", 737), ("dominance", 780), ("liking", 851)];

/// Compares the ratings of all 32 subjects with those of the original data set. `None` if they agree or
/// subjects are missing. An altered copy, which stores 9 - r in place of the rating r, is in circulation.
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
