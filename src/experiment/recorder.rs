//! Records a training: logs, progress, the saved state.

use crate::backend::DeviceId;
use crate::error::Result;
use crate::progress::Progress;
use crate::run::{Bound, Epochs, MetricsLog, Resume, RunFolder};
use crate::train::{EpochRecord, Observer, State, StepRecord};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Shortest time between two saved states.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Records a training in its run folder.
pub struct Recorder<'a> {
    pub folder: &'a RunFolder,
    pub progress: &'a dyn Progress,
    pub interrupt: &'a AtomicUsize,
    pub metrics: &'a mut MetricsLog,
    pub epochs: &'a mut Epochs,
    pub fold_groups_done: usize,
    pub device: DeviceId,
    /// What the states belong to, but for the logs.
    pub bound: &'a Bound,
    pub saved: Option<Instant>,
    pub epoch_note: String,
}

impl Observer for Recorder<'_> {
    fn step(&mut self, records: &[StepRecord]) -> Result<()> {
        self.metrics.append(records)?;
        let rows: usize = records.iter().map(|record| record.rows).sum();
        let loss = records.iter().map(|record| record.loss).sum::<f64>() / records.len().max(1) as f64;
        let epoch = records.first().map_or(0, |record| record.epoch);
        self.progress.advance(rows as u64, &format!("epoch {epoch} loss {loss:.4}{}", self.epoch_note));
        Ok(())
    }

    fn epoch(&mut self, records: &[EpochRecord]) -> Result<()> {
        self.epochs.append(records)?;
        let losses: Vec<f64> = records.iter().filter_map(|r| r.validation_loss).collect();
        if !losses.is_empty() {
            let mean = losses.iter().sum::<f64>() / losses.len() as f64;
            self.epoch_note = format!(" (validation {mean:.4})");
        }
        Ok(())
    }

    fn checkpoint(&mut self, state: &dyn Fn() -> Result<State>) -> Result<()> {
        // Writing many folds takes a while. A run that is killed loses no more than this interval.
        let recent = self.saved.is_some_and(|saved| saved.elapsed() < SAVE_EVERY);
        if recent && self.interrupted().is_none() {
            return Ok(());
        }
        let log_lengths = [self.metrics.sync()?, self.epochs.sync()?];
        let resume = Resume {
            fold_groups_done: self.fold_groups_done,
            state: Some(state()?),
            log_lengths,
            device: self.device.clone(),
            bound: Some(Bound { logs: [self.metrics.hash(), self.epochs.hash()], ..self.bound.clone() }),
        };
        resume.write(self.folder)?;
        self.saved = Some(Instant::now());
        Ok(())
    }

    fn interrupted(&self) -> Option<u8> {
        match self.interrupt.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(signal as u8),
        }
    }
}
