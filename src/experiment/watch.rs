//! The progress of a training that leaves no records.

use super::recorder::asked_to_stop;
use crate::error::Result;
use crate::progress::Progress;
use crate::train::{Observer, StepRecord};
use std::sync::atomic::AtomicUsize;

/// Shows the progress of a training that leaves no records.
pub(super) struct Watch<'a> {
    pub(super) progress: &'a dyn Progress,
    pub(super) interrupt: &'a AtomicUsize,
    /// Trained on so far.
    pub(super) windows: u64,
    pub(super) note: String,
}

impl Observer for Watch<'_> {
    fn step(&mut self, records: &[StepRecord]) -> Result<()> {
        let rows = records.iter().map(|record| record.rows as u64).sum();
        self.windows += rows;
        self.progress.advance(rows, &self.note);
        Ok(())
    }

    fn interrupted(&self) -> Option<u8> {
        asked_to_stop(self.interrupt)
    }
}
