//! The facts that a format states about itself, and the promises of its reader.

use super::place::Place;
use crate::data::demo::DemoSpec;
use crate::data::features::GsrUnit;
use crate::data::frames::{Baseline, FrameKind};
use crate::data::grouping::Grouping;
use crate::data::labels::RatingScale;
use crate::data::npz::Layout;
use crate::data::recording::Recording;
use crate::error::Result;
use crate::progress::Progress;
use std::path::Path;

/// A format that is read. Each has a file of its own and a line in the table of formats.
pub trait Format: Sync {
    /// Its name in messages and in the documentation.
    fn name(&self) -> &'static str;

    /// The files that are read, for lists: "one .ts file".
    fn reads(&self) -> &'static str;

    /// Whether the contents of the place are of this format. Names decide nothing here.
    fn recognizes(&self, place: &Place) -> bool;

    /// Whether a file of this name says that it is of this format. Then the reader explains why it is not.
    fn claims(&self, _name: &str) -> bool {
        false
    }

    /// Whether a data set may have its TEST part in a file of its own.
    fn has_test_file(&self) -> bool {
        false
    }

    /// Whether its windows may have their axes in several orders.
    fn has_layout(&self) -> bool {
        false
    }

    /// Opens the recordings, and reports ignored files and missing subjects to `progress`.
    ///
    /// # Errors
    ///
    /// Those of the reader.
    fn open(&self, request: &Request, progress: &dyn Progress) -> Result<Box<dyn Reader>>;
}

/// The data set that the user asks for.
pub struct Request<'a> {
    /// The file or folder.
    pub path: &'a Path,
    /// The TEST file of a format that has one.
    pub test: Option<&'a Path>,
    /// The settings of generated recordings.
    pub demo: &'a DemoSpec,
    /// The order of the axes of windows, for a format that has none of its own.
    pub layout: Option<Layout>,
}

/// Takes the recordings of a data set, each with its number among them.
pub type Each<'a> = dyn Fn(usize, Recording) -> Result<()> + Sync + 'a;

/// The recordings of one data set.
pub trait Reader: Send + Sync {
    /// The choices where the user makes none.
    fn defaults(&self) -> Defaults {
        Defaults::SERIES
    }

    /// The extent of each trial, if all have the same.
    fn trial(&self) -> Option<TrialExtent> {
        None
    }

    /// Reads every recording and gives it to `each`, in any order and from any thread.
    ///
    /// # Errors
    ///
    /// Those of the files and of `each`.
    fn read(&self, progress: &dyn Progress, each: &Each) -> Result<Facts>;
}

/// The choices of a format where the user makes none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Defaults {
    /// The contents of frames.
    pub frames: FrameKind,
    /// The length of a window in seconds; `None` for whole trials.
    pub window: Option<f64>,
    /// The quantity of skin channels, if the format fixes it.
    pub gsr_unit: Option<GsrUnit>,
}

impl Defaults {
    /// Series of samples: as they are, and whole.
    pub const SERIES: Defaults = Defaults { frames: FrameKind::Raw, window: None, gsr_unit: None };
    /// Recordings in DEAP's format.
    pub const DEAP: Defaults =
        Defaults { frames: FrameKind::Bandpower, window: Some(4.0), gsr_unit: Some(GsrUnit::Ohm) };
}

/// The extent of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialExtent {
    /// Samples of a channel.
    pub samples: usize,
    /// Of these, the samples before the stimulus.
    pub baseline: usize,
    /// Sampling rate in Hz.
    pub rate: f64,
}

impl TrialExtent {
    /// The length in seconds of the part that is cut into frames.
    pub fn seconds(&self, baseline: Baseline) -> f64 {
        let skipped = if baseline == Baseline::Include { 0 } else { self.baseline };
        (self.samples - skipped) as f64 / self.rate
    }
}

/// The facts that files state about all their recordings.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The names of the classes; empty for ratings and without labels.
    pub class_names: Vec<String>,
    /// The knowledge of people, trials and stimuli.
    pub grouping: Grouping,
    /// The scale of the ratings, if the format or the file states it.
    pub rating_scale: Option<RatingScale>,
}
