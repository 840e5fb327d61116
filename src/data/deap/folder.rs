//! A folder of DEAP files: finding the subjects, and checks of the subjects as a set.

use std::fs;
use std::path::{Path, PathBuf};

use super::channels::TRIALS;
use crate::{Error, Result};

/// Subjects in the original data set.
pub const SUBJECTS: u32 = 32;

/// Where recordings come from, for hints.
pub const SOURCE: &str = "DEAP (data_preprocessed_python) comes from Queen Mary University of London, \
                          https://www.eecs.qmul.ac.uk/mmv/datasets/deap/, after a signed agreement; \
                          without it, use generated recordings: `path = demo`";

/// The extensions of subjects' files. The others count only in folders without the first.
const EXTENSIONS: [&str; 3] = [".dat", ".pkl", ".pickle"];

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

/// The number of the subject whose file has this name, in any case: 1 for `s01.dat` and `S01.DAT`.
pub fn subject_number(name: &str) -> Option<u32> {
    let name = name.to_ascii_lowercase();
    let stem = EXTENSIONS.iter().find_map(|extension| name.strip_suffix(extension))?;
    (1..=SUBJECTS).find(|&number| subject_name(number) == stem)
}

/// Finds the files of the subjects in `folder`.
///
/// # Errors
///
/// `ErrorKind::Data` if the folder does not exist or holds none of the files, or two of one subject;
/// `ErrorKind::Io` if it cannot be listed.
pub fn subjects(folder: &Path) -> Result<Listing> {
    if !folder.is_dir() {
        let what = if folder.exists() { "is not a folder" } else { "does not exist" };
        return Err(no_data(folder, what));
    }
    let (mut found, mut ignored) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(|error| Error::io("list", folder, error))? {
        let entry = entry.map_err(|error| Error::io("list", folder, error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        match subject_number(&name) {
            Some(number) if entry.path().is_file() => found.push((number, name)),
            _ => ignored.push(name),
        }
    }
    let is_first = |name: &str| name.to_ascii_lowercase().ends_with(EXTENSIONS[0]);
    if found.iter().any(|(_, name)| is_first(name)) {
        ignored.extend(found.extract_if(.., |(_, name)| !is_first(name)).map(|(_, name)| name));
    }
    ignored.sort();
    found.sort();
    if let Some(pair) = found.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(Error::data(format!(
            "{} holds {} and {}, both of subject {}",
            folder.display(),
            pair[0].1,
            pair[1].1,
            subject_name(pair[0].0)
        ))
        .hint("move one of them into another folder"));
    }
    let Some(&(last, _)) = found.last() else {
        return Err(no_data(folder, "holds none of the files s01.dat to s32.dat"));
    };
    let is_there = |number: &u32| found.iter().any(|(found, _)| found == number);
    let gaps = (1..last).filter(|number| !is_there(number)).map(subject_name).collect();
    let files = found.iter().map(|(_, name)| folder.join(name)).collect();
    Ok(Listing { files, ignored, gaps })
}

fn no_data(folder: &Path, what: &str) -> Error {
    Error::data(format!("{} {what}", folder.display())).hint(SOURCE)
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
