//! Writing down what a training does: logs, progress, the saved state.

use crate::backend::DeviceId;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::run::{Log, Resume, RunFolder};
use crate::train::{EpochRecord, Observer, State, StepRecord};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Shortest time between two saved states.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// The head of epochs.csv.
pub const EPOCH_COLUMNS: &str =
    "fold,epoch,train_loss,validation_loss,validation_accuracy,learning_rate,clipped_steps,seconds";

/// Writes down what a training does.
pub struct Recorder<'a> {
    pub folder: &'a RunFolder,
    pub progress: &'a dyn Progress,
    pub interrupt: &'a AtomicUsize,
    pub metrics: &'a mut Log,
    pub epochs: &'a mut Log,
    pub fold_groups_done: usize,
    pub device: DeviceId,
    pub saved: Option<Instant>,
    pub epoch_note: String,
}

impl Observer for Recorder<'_> {
    fn step(&mut self, records: &[StepRecord]) -> Result<()> {
        for record in records {
            let line = serde_json::to_string(record).map_err(|e| Error::data(format!("metrics: {e}")))?;
            self.metrics.line(&line)?;
        }
        let rows: usize = records.iter().map(|record| record.rows).sum();
        let loss = records.iter().map(|record| record.loss).sum::<f64>() / records.len().max(1) as f64;
        let epoch = records.first().map_or(0, |record| record.epoch);
        self.progress.advance(rows as u64, &format!("epoch {epoch} loss {loss:.4}{}", self.epoch_note));
        Ok(())
    }

    fn epoch(&mut self, records: &[EpochRecord]) -> Result<()> {
        let cell = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        for r in records {
            self.epochs.line(&format!(
                "{},{},{},{},{},{},{},{:.3}",
                r.fold,
                r.epoch,
                r.train_loss,
                cell(r.validation_loss),
                cell(r.validation_accuracy),
                r.learning_rate,
                r.clipped,
                r.seconds
            ))?;
        }
        let losses: Vec<f64> = records.iter().filter_map(|r| r.validation_loss).collect();
        if !losses.is_empty() {
            let mean = losses.iter().sum::<f64>() / losses.len() as f64;
            self.epoch_note = format!(" (validation {mean:.4})");
        }
        Ok(())
    }

    fn checkpoint(&mut self, state: &dyn Fn() -> Result<State>) -> Result<()> {
        // A stack of many folds takes a while to write; a run that is killed loses no more than this interval.
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
        };
        self.folder.write("resume.safetensors", &resume.to_bytes()?)?;
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
