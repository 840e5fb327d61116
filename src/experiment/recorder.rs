//! Records a training: logs, progress, the saved state.

use super::running::Running;
use crate::backend::DeviceId;
use crate::error::Result;
use crate::progress::Progress;
use crate::train::{EpochRecord, Observer, State, StepRecord};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Saving takes no more than one part in so many of the time.
const SHARE: u32 = 50;

/// Records a training of folds of one or more runs in their folders.
pub struct Recorder<'a, 'b, 'c> {
    /// The runs, whose folds are the members of the fold group in this order, equally many each.
    pub(super) runs: &'a mut [&'b mut Running<'c>],
    /// How many folds each has.
    pub folds: usize,
    pub progress: &'a dyn Progress,
    pub interrupt: &'a AtomicUsize,
    pub fold_groups_done: usize,
    pub device: DeviceId,
    /// Shortest time between two saved states.
    pub save_every: Duration,
    /// The last save, or else the start; and how long the last save took.
    pub saved: (Instant, Duration),
    pub has_saved: bool,
    pub epoch_note: String,
}

impl Observer for Recorder<'_, '_, '_> {
    fn step(&mut self, records: &[StepRecord]) -> Result<()> {
        let run = |record: &StepRecord| record.member / self.folds;
        for of_run in records.chunk_by(|a, b| run(a) == run(b)) {
            self.runs[run(&of_run[0])].metrics.append(of_run)?;
        }
        let rows: usize = records.iter().map(|record| record.rows).sum();
        let loss = records.iter().map(|record| record.loss).sum::<f64>() / records.len().max(1) as f64;
        let epoch = records.first().map_or(0, |record| record.epoch);
        self.progress.advance(rows as u64, &format!("epoch {epoch} loss {loss:.4}{}", self.epoch_note));
        Ok(())
    }

    fn epoch(&mut self, records: &[EpochRecord]) -> Result<()> {
        let run = |record: &EpochRecord| record.member / self.folds;
        for of_run in records.chunk_by(|a, b| run(a) == run(b)) {
            self.runs[run(&of_run[0])].epochs.append(of_run)?;
        }
        let losses: Vec<f64> = records.iter().filter_map(|r| r.validation_loss).collect();
        if !losses.is_empty() {
            let mean = losses.iter().sum::<f64>() / losses.len() as f64;
            self.epoch_note = format!(" (validation {mean:.4})");
        }
        Ok(())
    }

    fn is_due(&self) -> bool {
        let (saved, took) = self.saved;
        saved.elapsed() >= self.save_every.max(SHARE * took)
    }

    fn checkpoint(&mut self, state: &dyn Fn() -> Result<State>) -> Result<()> {
        // Before the first state, a run that is killed would lose its first epoch.
        if self.has_saved && !self.is_due() && self.interrupted().is_none() {
            return Ok(());
        }
        let begun = Instant::now();
        for (run, state) in self.runs.iter_mut().zip(state()?.split(self.folds)) {
            run.save(self.fold_groups_done, Some(state), self.device.clone())?;
        }
        self.saved = (Instant::now(), begun.elapsed());
        self.has_saved = true;
        Ok(())
    }

    fn interrupted(&self) -> Option<u8> {
        asked_to_stop(self.interrupt)
    }
}

/// The number of the signal that asks to stop, if there was one: the number is 0 before.
pub(super) fn asked_to_stop(interrupt: &AtomicUsize) -> Option<u8> {
    let signal = interrupt.load(Ordering::Relaxed);
    (signal != 0).then_some(signal as u8)
}
