//! Made-up subjects in DEAP's own file format: the main job runs on them without DEAP, and because every cause in them
//! has a knob, tests can prove what an evaluation measures.
//!
//! A trial's signals carry up to three things: what the class does (`effect`), a slow fingerprint of the trial
//! (`trial_sd`) and the subject's own way (`subject_sd`). A split that puts windows of one trial on both sides rewards
//! recognizing the fingerprint; with `effect` 0 there is nothing else to recognize.
//!
//! A subject's bytes depend on the knobs and its number alone, not on threads or on other subjects. Samples are rounded
//! to 2^-10 of their unit, far coarser than the last-bit differences between processors' Fourier transforms.

mod drive;
mod eeg;
mod peripheral;
mod place;
mod python2;
mod ratings;
mod spec;
mod subject;

pub use spec::DemoSpec;

use std::fs;
use std::io::Write;
use std::path::Path;

use atomic_write_file::AtomicWriteFile;
use rayon::prelude::*;

use super::deap::{self, channels::TRIALS};
use super::recording::Recording;
use crate::progress::Progress;
use crate::{Error, ErrorKind, Result};
use subject::Subject;

/// Writes subject `index` (from 0) as the file that Python 2 would have written: some 103 MB.
///
/// # Errors
///
/// `ErrorKind::Config` as [`DemoSpec::check`] and for an index that is not below `spec.subjects`; `ErrorKind::Io` when `out`
/// fails.
pub fn write_subject(spec: &DemoSpec, index: u32, out: &mut impl Write) -> Result<()> {
    /// Trials that are held at a time, 2.6 MB each.
    const BATCH: u32 = 8;
    spec.check()?;
    if index >= spec.subjects {
        return Err(Error::config(format!("demo subject {index}, expected below {}", spec.subjects)));
    }
    let failed =
        |error: std::io::Error| Error::new(ErrorKind::Io, format!("cannot write demo subject: {error}"));
    let subject = Subject::new(spec, index);
    python2::write_head(out, &subject.ratings).map_err(failed)?;
    for start in (0..TRIALS as u32).step_by(BATCH as usize) {
        let trials: Vec<Vec<f64>> =
            (start..start + BATCH).into_par_iter().map(|trial| subject.trial(trial)).collect();
        for trial in trials {
            python2::write_numbers(out, &trial).map_err(failed)?;
        }
    }
    python2::write_tail(out).map_err(failed)
}

/// Generates subject `index` (from 0) and reads it as a file would be read, without a file.
///
/// # Errors
///
/// As [`write_subject`] and [`deap::read_from`].
pub fn read_subject(spec: &DemoSpec, index: u32) -> Result<Recording> {
    let mut file = Vec::with_capacity(python2::FILE_BYTES);
    write_subject(spec, index, &mut file)?;
    deap::read_from(file.as_slice(), Some(file.len() as u64), &deap::subject_name(index + 1))
}

/// Writes all subjects to `out` as `s01.dat`, `s02.dat`, ..., each complete or not at all.
///
/// # Errors
///
/// `ErrorKind::Config` as [`DemoSpec::check`]; `ErrorKind::Io` when a file exists already (none is written then) or writing
/// fails.
pub fn write_folder(spec: &DemoSpec, out: &Path, progress: &dyn Progress) -> Result<()> {
    spec.check()?;
    fs::create_dir_all(out).map_err(|error| Error::io("create", out, error))?;
    let files: Vec<_> = (1..=spec.subjects).map(|n| out.join(deap::subject_name(n) + ".dat")).collect();
    if let Some(file) = files.iter().find(|file| file.exists()) {
        return Err(Error::new(ErrorKind::Io, format!("{} exists already", file.display()))
            .hint("choose another folder, or remove the file: nothing is overwritten"));
    }
    progress.start("writing demo recordings", files.len() as u64, "subjects");
    for (index, file) in files.iter().enumerate() {
        let failed = |error| Error::io("write", file, error);
        let mut staged = AtomicWriteFile::open(file).map_err(failed)?;
        write_subject(spec, index as u32, &mut staged).map_err(|error| error.at(file.display()))?;
        staged.commit().map_err(failed)?;
        progress.advance(1, &file.display().to_string());
    }
    progress.finish();
    Ok(())
}
