//! Reading a data set of any format: a path names recordings, and recordings become frames.

use super::demo::{self, DemoSpec};
use super::features::GsrUnit;
use super::frames::{Baseline, FrameKind, FrameTable, SubjectFrames};
use super::grouping::Grouping;
use super::labels::RatingScale;
use super::recording::{Recording, Target, Trial};
use super::{deap, npz, ts};
use crate::error::{Error, Result};
use crate::progress::Progress;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// The format and the files of a data set.
#[derive(Clone, Debug)]
pub enum Source {
    /// Generated recordings, in DEAP's format and read by its reader.
    Demo(DemoSpec),
    /// Files in DEAP's format.
    Deap(Vec<PathBuf>),
    /// A `.ts` file of the UEA archive, or its TRAIN and TEST parts.
    Ts(PathBuf, Option<PathBuf>),
    /// Windows cut by another program: `.npz`, `.npy`, or a folder of `.npy` files.
    Npz(PathBuf),
}

/// The facts that files state about all their recordings.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The names of the classes; empty for ratings and without labels.
    pub class_names: Vec<String>,
    /// The knowledge of people, trials and stimuli.
    pub grouping: Grouping,
}

impl Source {
    /// Determines the format of `path`, and reports ignored files and missing subjects to `progress`. `test`
    /// is the TEST file of a `.ts` data set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) if there are no recordings,
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a wrong `demo`, or for `test` with another format.
    pub fn open(path: &Path, test: Option<&Path>, demo: &DemoSpec, progress: &dyn Progress) -> Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        let source = if path.as_os_str() == "demo" {
            demo.check()?;
            Source::Demo(*demo)
        } else if extension == "ts" {
            return Ok(Source::Ts(path.to_path_buf(), test.map(Path::to_path_buf)));
        } else if extension == "npz" || extension == "npy" || holds_npy(path) {
            Source::Npz(path.to_path_buf())
        } else if extension == "dat" && path.is_file() {
            Source::Deap(vec![path.to_path_buf()])
        } else {
            let listing = deap::subjects(path)?;
            if !listing.ignored.is_empty() {
                progress.detail(&format!("ignored in {}: {}", path.display(), listing.ignored.join(", ")));
            }
            let (found, all) = (listing.files.len(), deap::SUBJECTS);
            if found < all as usize {
                let gaps = match listing.gaps.is_empty() {
                    true => String::new(),
                    false => format!("; there is no {}", listing.gaps.join(", ")),
                };
                progress.warn(&format!("{} has {found} of DEAP's {all} subjects{gaps}", path.display()));
            }
            Source::Deap(listing.files)
        };
        match test {
            None => Ok(source),
            Some(test) => Err(Error::config(format!(
                "the TEST file {} needs a .ts TRAIN file beside it",
                test.display()
            ))
            .hint("give the TRAIN file as `path`, or leave `test_file` out")),
        }
    }

    /// The default contents of frames.
    pub fn default_frames(&self) -> FrameKind {
        match self {
            Source::Demo(_) | Source::Deap(_) => FrameKind::Bandpower,
            Source::Ts(..) | Source::Npz(_) => FrameKind::Raw,
        }
    }

    /// The quantity of skin channels, if the format fixes it.
    pub fn gsr_unit(&self) -> Option<GsrUnit> {
        match self {
            Source::Demo(_) | Source::Deap(_) => Some(GsrUnit::Ohm),
            Source::Ts(..) | Source::Npz(_) => None,
        }
    }

    /// The default length of a window in seconds; `None` for whole trials.
    pub fn default_window(&self) -> Option<f64> {
        match self {
            Source::Demo(_) | Source::Deap(_) => Some(4.0),
            Source::Ts(..) | Source::Npz(_) => None,
        }
    }

    /// The length in seconds of the part of a trial that is cut into frames, if the format fixes it.
    pub fn trial_seconds(&self, baseline: Baseline) -> Option<f64> {
        let skipped = if baseline == Baseline::Include { 0 } else { deap::channels::BASELINE };
        match self {
            Source::Demo(_) | Source::Deap(_) => {
                Some((deap::channels::SAMPLES - skipped) as f64 / deap::channels::RATE)
            }
            Source::Ts(..) | Source::Npz(_) => None,
        }
    }

    /// The scale of the ratings, if the format fixes it.
    pub fn rating_scale(&self) -> Option<RatingScale> {
        match self {
            Source::Demo(_) | Source::Deap(_) => Some(RatingScale::NINE),
            Source::Ts(..) | Source::Npz(_) => None,
        }
    }

    /// Whether trials start before their stimulus.
    pub fn has_baseline(&self) -> bool {
        matches!(self, Source::Demo(_) | Source::Deap(_))
    }

    /// Reads every recording, in parallel, and returns the results of `each`, and the facts that the files
    /// state.
    ///
    /// Warns of ratings that differ from those of the original DEAP.
    ///
    /// # Errors
    ///
    /// Those of the readers and of `each`.
    pub fn read<T: Send>(
        &self,
        progress: &dyn Progress,
        each: impl Fn(Recording) -> Result<T> + Sync,
    ) -> Result<(Vec<T>, Facts)> {
        let (read, facts) = self.read_each(progress, |recording| {
            let rating = |trial: &Trial| match trial.target {
                Target::Ratings(ratings) => Some(ratings),
                _ => None,
            };
            let ratings: Vec<[f32; 4]> = recording.trials.iter().filter_map(rating).collect();
            Ok((ratings, each(recording)?))
        })?;
        if matches!(self, Source::Deap(_)) {
            let ratings: Vec<[f32; 4]> =
                read.iter().flat_map(|(ratings, _)| ratings.iter().copied()).collect();
            if let Some(warning) = deap::rating_counts_warning(&ratings) {
                progress.warn(&warning);
            }
        }
        Ok((read.into_iter().map(|(_, made)| made).collect(), facts))
    }

    fn read_each<T: Send>(
        &self,
        progress: &dyn Progress,
        each: impl Fn(Recording) -> Result<T> + Sync,
    ) -> Result<(Vec<T>, Facts)> {
        let named = Facts { class_names: Vec::new(), grouping: Grouping::KNOWN };
        match self {
            Source::Demo(spec) => {
                let subjects: Vec<u32> = (0..spec.subjects).collect();
                let read = |&index: &u32| demo::read_subject(spec, index);
                Ok((in_parallel(&subjects, "generating recordings", progress, read, each)?, named))
            }
            Source::Deap(files) => {
                let read = |file: &PathBuf| deap::read(file);
                Ok((in_parallel(files, "reading recordings", progress, read, each)?, named))
            }
            Source::Ts(train, test) => {
                let archive = match test {
                    None => ts::read(train)?,
                    Some(test) => ts::read_pair(train, test)?,
                };
                let facts = Facts { class_names: archive.class_names, grouping: Grouping::CASES };
                Ok((vec![each(archive.recording)?], facts))
            }
            Source::Npz(path) => {
                let windows = npz::read(path)?;
                let facts = Facts { class_names: windows.class_names, grouping: windows.grouping };
                Ok((windows.recordings.into_iter().map(each).collect::<Result<_>>()?, facts))
            }
        }
    }

    /// The frame table of all recordings, and the facts that the files state. `build` makes the frames of one
    /// subject.
    ///
    /// # Errors
    ///
    /// Those of [`Source::read`] and [`FrameTable::assemble`].
    pub fn frames(
        &self,
        progress: &dyn Progress,
        build: impl Fn(&Recording) -> Result<SubjectFrames> + Sync,
    ) -> Result<(FrameTable, Facts)> {
        let (parts, facts) = self.read(progress, |recording| build(&recording))?;
        Ok((FrameTable::assemble(parts)?, facts))
    }
}

/// Whether the folder holds `.npy` files instead of DEAP's subjects.
fn holds_npy(path: &Path) -> bool {
    path.join("windows.npy").is_file() || path.join("X.npy").is_file()
}

fn in_parallel<I: Sync, T: Send>(
    items: &[I],
    what: &str,
    progress: &dyn Progress,
    read: impl Fn(&I) -> Result<Recording> + Sync,
    each: impl Fn(Recording) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    progress.start(what, items.len() as u64, "subjects");
    let results = items
        .par_iter()
        .map(|item| {
            let recording = read(item)?;
            let subject = recording.subject.clone();
            let result = each(recording)?;
            progress.advance(1, &subject);
            Ok(result)
        })
        .collect();
    progress.finish();
    results
}
