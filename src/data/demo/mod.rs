//! Made-up subjects in DEAP's own file format: the main job runs on them without DEAP, and because every cause in them
//! has a knob, tests can prove what an evaluation measures.
//!
//! A trial's signals carry up to three things: what the class does (`effect`), a slow fingerprint of the trial
//! (`trial_sd`) and the subject's own way (`subject_sd`). A split that puts windows of one trial on both sides rewards
//! recognising the fingerprint; with `effect` 0 there is nothing else to recognise.
//!
//! A subject's bytes depend on the knobs and its number alone, not on threads or on other subjects. Samples are rounded
//! to 2^-10 of their unit, far coarser than the last-bit differences between processors' Fourier transforms.

mod eeg;
mod peripheral;
mod python2;
mod ratings;
mod subject;

use std::fs;
use std::io::Write;
use std::path::Path;

use atomic_write_file::AtomicWriteFile;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::deap::{self, SUBJECTS, channels::TRIALS};
use super::recording::Recording;
use crate::progress::Progress;
use crate::{Error, Fault, Result};
use subject::Subject;

/// The knobs of the generator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemoSpec {
    /// How many subjects, 1 to 32.
    pub subjects: u32,
    pub seed: u64,
    /// By how much the highest ratings differ from the lowest in the natural log of the power of the band that moves
    /// most, and as a share of it everywhere else; 0 leaves no class information anywhere.
    pub effect: f64,
    /// Standard deviation of the subjects' own effects, as a share of `effect`.
    pub effect_sd: f64,
    /// Standard deviation of a trial's fingerprint per channel and band, in natural-log units of band power; 0 leaves no
    /// slow difference between trials in any channel.
    pub trial_sd: f64,
    /// The same between subjects.
    pub subject_sd: f64,
    /// Standard deviation, in log-odds, of the subjects' own share of high ratings.
    pub prior_sd: f64,
}

impl Default for DemoSpec {
    fn default() -> Self {
        DemoSpec {
            subjects: 8,
            seed: 1,
            effect: 0.16,
            effect_sd: 0.3,
            trial_sd: 0.18,
            subject_sd: 0.5,
            prior_sd: 0.4,
        }
    }
}

impl DemoSpec {
    /// # Errors
    ///
    /// `Fault::Config` for a number of subjects that DEAP's file names cannot hold and for a knob below 0 or above 10.
    pub fn check(&self) -> Result<()> {
        /// Keeps the exponentials of all knobs finite; a few tenths are usual.
        const LARGEST: f64 = 10.0;
        if !(1..=SUBJECTS).contains(&self.subjects) {
            return Err(Error::config(format!("{} demo subjects, expected 1 to {SUBJECTS}", self.subjects)));
        }
        let knobs = [
            ("effect", self.effect),
            ("effect_sd", self.effect_sd),
            ("trial_sd", self.trial_sd),
            ("subject_sd", self.subject_sd),
            ("prior_sd", self.prior_sd),
        ];
        match knobs.into_iter().find(|(_, value)| !(0.0..=LARGEST).contains(value)) {
            Some((name, value)) => {
                Err(Error::config(format!("demo {name} is {value}, expected 0 to {LARGEST}")))
            }
            None => Ok(()),
        }
    }

    /// What subject `index` says of each video: valence, arousal, dominance, liking.
    pub fn ratings(&self, index: u32) -> [[f64; 4]; TRIALS] {
        ratings::ratings(self, index)
    }
}

/// Writes subject `index` (from 0) as the file that Python 2 would have written: some 103 MB.
///
/// # Errors
///
/// `Fault::Config` as [`DemoSpec::check`] and for an index that is not below `spec.subjects`; `Fault::Io` when `out`
/// fails.
pub fn write_subject(spec: &DemoSpec, index: u32, out: &mut impl Write) -> Result<()> {
    /// Trials that are held at a time, 2.6 MB each.
    const BATCH: u32 = 8;
    spec.check()?;
    if index >= spec.subjects {
        return Err(Error::config(format!("demo subject {index}, expected below {}", spec.subjects)));
    }
    let failed = |error: std::io::Error| Error::new(Fault::Io, format!("cannot write demo subject: {error}"));
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
/// `Fault::Config` as [`DemoSpec::check`]; `Fault::Io` when a file exists already (none is written then) or writing
/// fails.
pub fn write_folder(spec: &DemoSpec, out: &Path, progress: &dyn Progress) -> Result<()> {
    spec.check()?;
    fs::create_dir_all(out).map_err(|error| Error::io("create", out, error))?;
    let files: Vec<_> = (1..=spec.subjects).map(|n| out.join(deap::subject_name(n) + ".dat")).collect();
    if let Some(file) = files.iter().find(|file| file.exists()) {
        return Err(Error::new(Fault::Io, format!("{} exists already", file.display()))
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
