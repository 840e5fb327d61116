//! Reading a data set of any format: a path names recordings, and recordings become frames.

use super::features::GsrUnit;
use super::formats::{self, Reader, Request, TrialExtent};
use super::frames::{FrameKind, FrameTable, SubjectFrames};
use super::recording::Recording;
use crate::error::Result;
use crate::progress::Progress;
use std::sync::{Mutex, PoisonError};

pub use super::formats::Facts;

/// The recordings of a data set.
pub struct Source(Box<dyn Reader>);

impl Source {
    /// Determines the format of the path, and reports ignored files and missing subjects to `progress`.
    ///
    /// # Errors
    ///
    /// Those of [`formats::open`].
    pub fn open(request: &Request, progress: &dyn Progress) -> Result<Self> {
        formats::open(request, progress).map(Source)
    }

    /// The default contents of frames.
    pub fn default_frames(&self) -> FrameKind {
        self.0.defaults().frames
    }

    /// The quantity of skin channels, if the format fixes it.
    pub fn gsr_unit(&self) -> Option<GsrUnit> {
        self.0.defaults().gsr_unit
    }

    /// The default length of a window in seconds; `None` for whole trials.
    pub fn default_window(&self) -> Option<f64> {
        self.0.defaults().window
    }

    /// The extent of each trial, if all have the same.
    pub fn trial(&self) -> Option<TrialExtent> {
        self.0.trial()
    }

    /// Whether trials start before their stimulus.
    pub fn has_baseline(&self) -> bool {
        self.trial().is_some_and(|trial| trial.baseline > 0)
    }

    /// Reads every recording, and returns the results of `each` in the order of the recordings, and the facts
    /// that the files state.
    ///
    /// # Errors
    ///
    /// Those of the readers and of `each`.
    pub fn read<T: Send>(
        &self,
        progress: &dyn Progress,
        each: impl Fn(Recording) -> Result<T> + Sync,
    ) -> Result<(Vec<T>, Facts)> {
        let made = Mutex::new(Vec::new());
        let facts = self.0.read(progress, &|number, recording| {
            let one = each(recording)?;
            made.lock().unwrap_or_else(PoisonError::into_inner).push((number, one));
            Ok(())
        })?;
        let mut made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
        made.sort_by_key(|(number, _)| *number);
        Ok((made.into_iter().map(|(_, one)| one).collect(), facts))
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
