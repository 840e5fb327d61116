//! Generated recordings in DEAP's file format. They make the program usable without DEAP. A setting controls
//! each source of variation, so tests can prove what an evaluation measures.
//!
//! The signals of a trial have up to three sources of variation: the effect of the class (`effect`), slow
//! differences between trials, the fingerprint of a trial (`trial_sd`), and differences between subjects
//! (`subject_sd`). A split with windows of one trial in both the training and the test part rewards
//! recognizing the fingerprint. If `effect` is 0, there is nothing else to recognize.
//!
//! The bytes of a subject depend only on the settings and on its number, not on threads or other subjects.
//! Samples are rounded to 2^-10 of their unit, which hides the last-bit differences between the Fourier
//! transforms of processors.

mod counters;
mod drive;
mod eeg;
mod peripheral;
mod python2;
mod ratings;
mod spec;
mod subject;

pub use spec::DemoSpec;

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::staged::StagedFile;
use rayon::prelude::*;

use super::deap::{self, channels::TRIALS};
use super::recording::Recording;
use crate::progress::Progress;
use crate::{Error, ErrorKind, Result};
use subject::Subject;

/// The word that means generated recordings where nothing else has that name.
pub const WORD: &str = "demo";

/// The word that always means generated recordings.
pub const CERTAIN: &str = "demo:";

/// Whether a path is a word for generated recordings.
pub fn is_generated(path: &Path) -> bool {
    path.as_os_str() == WORD || is_certain(path)
}

/// Whether a path means generated recordings, even where a file is called `demo`.
pub fn is_certain(path: &Path) -> bool {
    path.as_os_str() == CERTAIN
}

/// Writes subject `index` (from 0) as the file that Python 2 would write, about 103 MB.
///
/// # Errors
///
/// Those of [`DemoSpec::check`]; `ErrorKind::Config` for an index that is not below `spec.subjects`;
/// `ErrorKind::Io` if `out` fails.
pub fn write_subject(spec: &DemoSpec, index: u32, out: &mut impl Write) -> Result<()> {
    /// Trials in memory at the same time, 2.6 MB each.
    const BATCH: u32 = 8;
    spec.check()?;
    if index >= spec.subjects {
        return Err(Error::config(format!(
            "the index of a demo subject must be below {}, and is {index}",
            spec.subjects
        )));
    }
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("cannot write a demo subject: {error}")).caused_by(error)
    };
    let subject = Subject::new(spec, index);
    python2::write_head(out, &subject.ratings).map_err(failed)?;
    for start in (0..TRIALS as u32).step_by(BATCH as usize) {
        let trials: Vec<Vec<f64>> =
            (start..start + BATCH).into_par_iter().map(|trial| subject.trial(trial)).collect();
        for trial in trials {
            python2::write_elements(out, &trial).map_err(failed)?;
        }
    }
    python2::write_tail(out).map_err(failed)
}

/// Generates subject `index` (from 0) in memory and reads it with DEAP's reader.
///
/// # Errors
///
/// Those of [`write_subject`] and [`deap::read_from`].
pub fn read_subject(spec: &DemoSpec, index: u32) -> Result<Recording> {
    let mut file = Vec::with_capacity(python2::FILE_BYTES);
    write_subject(spec, index, &mut file)?;
    deap::read_from(file.as_slice(), Some(file.len() as u64), &deap::subject_name(index + 1))
}

/// Writes all subjects to the folder `out` as `s01.dat`, `s02.dat`, and so on. No file is ever incomplete.
///
/// # Errors
///
/// Those of [`DemoSpec::check`]; `ErrorKind::Io` if a file exists already, before anything is written, or if
/// writing fails.
pub fn write_folder(spec: &DemoSpec, out: &Path, progress: &dyn Progress) -> Result<()> {
    spec.check()?;
    fs::create_dir_all(out).map_err(|error| Error::io("create", out, error))?;
    let files: Vec<_> = (1..=spec.subjects).map(|n| out.join(deap::subject_name(n) + ".dat")).collect();
    if let Some(file) = files.iter().find(|file| file.exists()) {
        return Err(Error::new(ErrorKind::Io, format!("{} exists already", file.display()))
            .hint("choose another folder, or remove the file; this command overwrites nothing"));
    }
    progress.start("writing demo recordings", files.len() as u64, "subjects");
    for (index, file) in files.iter().enumerate() {
        let failed = |error| Error::io("write", file, error);
        let mut staged = StagedFile::open(file).map_err(failed)?;
        write_subject(spec, index as u32, &mut staged).map_err(|error| error.at(file.display()))?;
        staged.commit().map_err(failed)?;
        progress.advance(1, &file.display().to_string());
    }
    progress.finish();
    Ok(())
}
