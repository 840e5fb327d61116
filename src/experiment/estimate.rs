//! How long a training will take.

use super::prepare::Experiment;
use crate::backend::{Backend, on_device};
use crate::error::Result;
use crate::model::TrainingStep;
use std::time::{Duration, Instant};

/// Steps are measured for so long, after one that is not.
const ENOUGH: Duration = Duration::from_millis(500);

impl Experiment {
    /// How long the training of all folds will take on the run's device if none stops early, from a few steps
    /// of it.
    ///
    /// # Errors
    /// If the device refuses.
    pub fn estimate(&self) -> Result<Duration> {
        let device = self.config.run.device()?;
        let seconds = on_device!(&device, backend => self.seconds_per_window(backend)?);
        let folds = self.split.folds().iter();
        let windows: usize = folds.map(|fold| fold.train().sequences().len()).sum();
        Ok(Duration::from_secs_f64(seconds * (windows * self.spec.epochs) as f64))
    }

    fn seconds_per_window<B: Backend>(&self, backend: &B) -> Result<f64> {
        let batch = self.spec.batch;
        let models = self.fold_group_size(self.split.folds().len());
        let mut step = TrainingStep::new(backend, &self.network, models, batch, self.dataset.steps())?;
        step.run()?;
        backend.wait()?;
        let (start, mut steps) = (Instant::now(), 0);
        while steps == 0 || start.elapsed() < ENOUGH {
            step.run()?;
            backend.wait()?;
            steps += 1;
        }
        Ok(start.elapsed().as_secs_f64() / (steps * models * batch) as f64)
    }
}
