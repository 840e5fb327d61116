//! The memory that a run needs.

use super::prepare::Experiment;
use crate::backend::{DeviceId, on_device};
use crate::error::Result;
use crate::memory;
use crate::model::Trainer;

impl Experiment {
    /// The bytes that the training of these folds takes, frames included, with so many models at once.
    pub(super) fn memory(&self, models: usize) -> Result<usize> {
        let device = self.config.run.device()?;
        let extent = self.extent(models);
        let kept = match device.id() {
            DeviceId::Cpu { .. } => self.kept_steps(extent.batch),
            _ => extent.steps,
        };
        let trainer =
            on_device!(&device, backend => Trainer::bytes_of_rows(backend, &self.network, extent, kept)?);
        Ok(trainer + self.dataset.frames.bytes())
    }

    /// The most time steps of a row that a layer keeps, on average over a batch. The system gives memory when
    /// it is first written, and the recurrent layers of the processor keep nothing beyond a row's length.
    fn kept_steps(&self, batch: usize) -> usize {
        let mut lengths: Vec<usize> = self.dataset.sequences.iter().map(|s| s.length as usize).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.truncate(batch);
        lengths.iter().sum::<usize>().div_ceil(lengths.len().max(1))
    }

    /// Refuses a training on the processor that does not fit into its free memory: the operating system would
    /// kill it. The frames are there already.
    ///
    /// # Errors
    /// [`ErrorKind::Device`](crate::ErrorKind::Device) with the memory that is needed and the memory that is
    /// free.
    pub fn check_memory(&self, selection: &[usize]) -> Result<()> {
        let device = self.config.run.device()?;
        if !matches!(device.id(), DeviceId::Cpu { .. }) {
            return Ok(());
        }
        let permuted = match self.permutations() {
            0 => 0,
            _ => on_device!(&device, backend => self.permuted_at_once(backend)?),
        };
        let models = self.fold_group_size(selection.len()).max(permuted);
        let needed = self.memory(models)? - self.dataset.frames.bytes();
        memory::require(needed, "the training").map_err(|e| {
            e.hint("train fewer folds at once with `folds_at_once`, or use smaller `hidden`, `batch` or `window`")
        })
    }
}
