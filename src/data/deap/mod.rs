//! The preprocessed Python files of DEAP, and re-saves of them. DEAP: Koelstra et al., "DEAP: a database for
//! emotion analysis using physiological signals", IEEE Transactions on Affective Computing 3(1), 2012.

pub mod channels;
mod folder;
pub mod pickle;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ndarray::ArrayD;

use super::foreign;
use super::recording::{Recording, Target, Trial};
use crate::memory;
use crate::{Error, Result};
use channels::{CHANNELS, EEG, RATE, SAMPLES, STIMULUS, TRIALS};

pub use folder::{Listing, SOURCE, SUBJECTS, rating_counts_warning, subject_name, subject_number, subjects};
pub use pickle::head::has_subject as is_subject;

/// The columns of `labels`.
pub const RATINGS: [&str; 4] = ["valence", "arousal", "dominance", "liking"];

/// Reads one subject. The file name without its extension is the name of the subject.
///
/// # Errors
///
/// Those of [`read_from`], with the file's name; `ErrorKind::Io` if it cannot be opened.
pub fn read(file: &Path) -> Result<Recording> {
    let reader = File::open(file).map_err(|error| Error::io("open", file, error))?;
    let metadata = reader.metadata().map_err(|error| Error::io("read", file, error))?;
    // The length of a pipe is unknown.
    let length = metadata.is_file().then_some(metadata.len());
    // A subject takes its file's size.
    memory::require(length.unwrap_or(0) as usize, "a recording").map_err(|error| error.at(file.display()))?;
    let subject = file.file_stem().unwrap_or_default().to_string_lossy();
    read_from(reader, length, &subject).map_err(|error| {
        let error = error.at(file.display());
        let kind = length.and_then(|_| foreign::certain(&foreign::head(file).ok()?));
        match kind.filter(|_| error.hint.is_none()) {
            Some(kind) => error.hint(kind.way(file)),
            None => error,
        }
    })
}

/// Reads one subject from `reader`, which holds `total` bytes, if known. Accepts samples that are not finite,
/// and trials whose baseline was cut away.
///
/// # Errors
///
/// Those of [`pickle::read_arrays`]; `ErrorKind::Data` for arrays of other shapes than DEAP's, and for
/// ratings outside 1 to 9.
pub fn read_from(reader: impl Read, total: Option<u64>, subject: &str) -> Result<Recording> {
    let ([labels, data], hash) = pickle::read_arrays(reader, total, ["labels", "data"])?;
    check_shape("labels", &labels, &[TRIALS, RATINGS.len()])?;
    let length = match data.shape() {
        [.., STIMULUS] => STIMULUS,
        _ => SAMPLES,
    };
    check_shape("data", &data, &[TRIALS, CHANNELS, length])?;
    let trials = labels.rows().into_iter().enumerate().map(|(index, row)| {
        for (name, &rating) in RATINGS.iter().zip(row) {
            if !(1.0..=9.0).contains(&rating) {
                return Err(Error::data(format!("trial {index}: {name} is rated {rating}, expected 1 to 9"))
                    .hint("trials count from 0; the file is damaged or altered"));
            }
        }
        Ok(Trial {
            trial: index as u32,
            stimulus: index as u32,
            offset: index * CHANNELS * length,
            length,
            baseline: length - STIMULUS,
            target: Target::Ratings(std::array::from_fn(|rating| row[rating] as f32)),
            predefined_test: false,
        })
    });
    Ok(Recording {
        subject: subject.into(),
        rate: Some(RATE),
        channels: channels::channels(),
        trials: trials.collect::<Result<_>>()?,
        samples: data.into_raw_vec_and_offset().0,
        hash,
    })
}

fn check_shape(name: &str, array: &ArrayD<f64>, expected: &[usize]) -> Result<()> {
    if array.shape() == expected {
        return Ok(());
    }
    let error = Error::data(format!("{name:?} has the shape {:?}, expected {expected:?}", array.shape()));
    Err(match array.shape() {
        [TRIALS, EEG, _] => error.hint(
            "this looks like a re-save of the 32 EEG channels alone; give the original file and choose the channels \
             with `channels = eeg`",
        ),
        _ => error,
    })
}
