//! DEAP (Koelstra et al., "DEAP: a database for emotion analysis using physiological signals", IEEE Transactions on
//! Affective Computing 3(1), 2012): the preprocessed files for Python, and re-saves of them.

pub mod channels;
mod folder;
pub mod pickle;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ndarray::ArrayD;

use super::recording::{Recording, Target, Trial};
use crate::{Error, Result};
use channels::{BASELINE, CHANNELS, EEG, RATE, SAMPLES, TRIALS};

pub use folder::{Listing, SUBJECTS, check_copies, rating_counts_warning, subject_name, subjects};

/// What the columns of `labels` are.
pub const RATINGS: [&str; 4] = ["valence", "arousal", "dominance", "liking"];

/// Reads one subject; the file's name without its extension names the subject.
///
/// # Errors
///
/// As [`read_from`], with the file's name; `ErrorKind::Io` when it cannot be opened.
pub fn read(file: &Path) -> Result<Recording> {
    let reader = File::open(file).map_err(|error| Error::io("open", file, error))?;
    let metadata = reader.metadata().map_err(|error| Error::io("read", file, error))?;
    // A pipe has no length before it ends.
    let length = metadata.is_file().then_some(metadata.len());
    let subject = file.file_stem().unwrap_or_default().to_string_lossy();
    read_from(reader, length, &subject).map_err(|error| error.at(file.display()))
}

/// Reads one subject from `reader`, which holds `total` bytes where that is known. Samples that are not finite are kept.
///
/// # Errors
///
/// `ErrorKind::Data` for what [`pickle::read_arrays`] refuses, for arrays of other shapes than DEAP's and for ratings
/// outside 1 to 9; `ErrorKind::Io` when `reader` fails.
pub fn read_from(reader: impl Read, total: Option<u64>, subject: &str) -> Result<Recording> {
    let ([labels, data], hash) = pickle::read_arrays(reader, total, ["labels", "data"])?;
    check_shape("labels", &labels, &[TRIALS, RATINGS.len()])?;
    check_shape("data", &data, &[TRIALS, CHANNELS, SAMPLES])?;
    let trials = labels.rows().into_iter().enumerate().map(|(index, row)| {
        for (name, &rating) in RATINGS.iter().zip(row) {
            if !(1.0..=9.0).contains(&rating) {
                return Err(Error::data(format!("trial {index}: {name} is rated {rating}, expected 1 to 9"))
                    .hint("trials count from 0; the file is damaged or altered"));
            }
        }
        Ok(Trial {
            trial: index as u32,
            offset: index * CHANNELS * SAMPLES,
            length: SAMPLES,
            baseline: BASELINE,
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
             with --channels eeg",
        ),
        _ => error,
    })
}
