//! DEAP's files, and re-saves of them without the baseline.

use super::format::{Defaults, Each, Facts, Format, Reader, Request, TrialExtent};
use super::parallel::in_parallel;
use super::place::Place;
use crate::data::deap::{self, channels};
use crate::data::foreign::head;
use crate::data::grouping::Grouping;
use crate::data::labels::RatingScale;
use crate::data::recording::Recording;
use crate::error::{Error, Result};
use crate::progress::Progress;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The format.
pub struct Deap;

impl Format for Deap {
    fn name(&self) -> &'static str {
        "DEAP"
    }

    fn reads(&self) -> &'static str {
        "a folder with DEAP's files s01.dat to s32.dat, or one of them"
    }

    fn recognizes(&self, place: &Place) -> bool {
        match place {
            Place::Generated => false,
            Place::File(_, head) => deap::is_subject(head),
            Place::Folder(_, entries) => entries.iter().filter(|entry| !entry.is_folder).any(|entry| {
                // A pickle of another data set may have such a name, too.
                let holds_subject = || head(&entry.path).is_ok_and(|head| deap::is_subject(&head));
                self.claims(&entry.name)
                    && (entry.name.to_ascii_lowercase().ends_with(".dat") || holds_subject())
            }),
        }
    }

    fn claims(&self, name: &str) -> bool {
        deap::subject_number(name).is_some()
    }

    fn open(&self, request: &Request, progress: &dyn Progress) -> Result<Box<dyn Reader>> {
        let path = request.path;
        let mut files = vec![path.to_path_buf()];
        if path.is_dir() {
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
            files = listing.files;
        }
        // Only the contents tell whether the baseline is still there.
        let first = deap::read(&files[0])?;
        let extent = extent(&first);
        Ok(Box::new(Subjects { files, extent, first: Mutex::new(Some(first)) }))
    }
}

/// The extent of the recording's trials, which DEAP's reader has checked.
fn extent(recording: &Recording) -> TrialExtent {
    let trial = &recording.trials[0];
    TrialExtent { samples: trial.length, baseline: trial.baseline, rate: channels::RATE }
}

struct Subjects {
    files: Vec<PathBuf>,
    extent: TrialExtent,
    /// The recording of the first file, until it is asked for.
    first: Mutex<Option<Recording>>,
}

impl Subjects {
    fn recording(&self, number: usize, file: &Path) -> Result<Recording> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recording) = first.take_if(|_| number == 0) {
            return Ok(recording);
        }
        drop(first);
        let recording = deap::read(file)?;
        let (found, expected) = (extent(&recording).samples, self.extent.samples);
        match found == expected {
            true => Ok(recording),
            false => Err(Error::data(format!(
                "{}: \"data\" has trials of {found} samples, expected {expected} as in {}",
                file.display(),
                self.files[0].display()
            ))
            .hint(
                "trials of 7680 samples are without the baseline; put those files into a folder of their own",
            )),
        }
    }
}

impl Reader for Subjects {
    fn defaults(&self) -> Defaults {
        Defaults::DEAP
    }

    fn trial(&self) -> Option<TrialExtent> {
        Some(self.extent)
    }

    /// Warns of ratings that differ from those of the original DEAP.
    fn read(&self, progress: &dyn Progress, each: &Each) -> Result<Facts> {
        let ratings = Mutex::new(Vec::new());
        let keep = |number, recording: Recording| {
            let rated = recording.trials.iter().filter_map(|trial| trial.target.ratings());
            ratings.lock().unwrap_or_else(PoisonError::into_inner).extend(rated);
            each(number, recording)
        };
        let read = |number, file: &PathBuf| self.recording(number, file);
        in_parallel(&self.files, "reading recordings", progress, read, &keep)?;
        let ratings = ratings.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(warning) = deap::rating_counts_warning(&ratings) {
            progress.warn(&warning);
        }
        Ok(Facts {
            class_names: Vec::new(),
            grouping: Grouping::KNOWN,
            rating_scale: Some(RatingScale::NINE),
        })
    }
}
