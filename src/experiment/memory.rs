//! The memory that a run needs.

use super::prepare::Experiment;
use crate::backend::{Backend, DeviceId, on_device};
use crate::error::Result;
use crate::memory;
use crate::model::Trainer;

/// Memory that runs which train together may take on the device.
const BYTES: usize = 1 << 30;

/// Folds of several runs or permutations that train at once by default. More are no faster on a CPU, and a
/// stop loses more work.
pub(super) const FOLDS: usize = 32;

impl Experiment {
    /// The bytes that the training of these folds takes, frames included. So many runs train at once.
    ///
    /// # Errors
    /// If the device refuses.
    pub fn memory(&self, selection: &[usize], runs: usize) -> Result<usize> {
        let device = self.config.run.device()?;
        let extent = self.extent(self.models_at_once(selection, runs)?);
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

    /// How many of `runs` equal runs train at once: as many as one GiB holds but at least one, unless
    /// `folds_at_once` gives a number of folds.
    ///
    /// # Errors
    /// If the device refuses.
    pub fn runs_at_once(&self, selection: &[usize], runs: usize) -> Result<usize> {
        let device = self.config.run.device()?;
        on_device!(&device, backend => self.runs_at_once_on(backend, selection.len(), runs))
    }

    /// As [`Experiment::runs_at_once`], of at most 32 folds together: others may take the rest of the runs.
    ///
    /// # Errors
    /// If the device refuses.
    pub fn few_runs_at_once(&self, selection: &[usize], runs: usize) -> Result<usize> {
        self.runs_at_once(selection, runs.min(FOLDS / selection.len().max(1)))
    }

    /// Whether all folds of both runs can be members of one fold group.
    pub fn trains_with(&self, other: &Experiment) -> bool {
        let folds = |experiment: &Experiment| experiment.split.folds().len();
        self.network == other.network
            && self.spec.trains_with(&other.spec)
            && folds(self) == folds(other)
            && self.fold_group_size(folds(self)) == other.fold_group_size(folds(other))
            && self.dataset.frames.shares_rows(&other.dataset.frames)
    }

    /// As [`Experiment::runs_at_once`], of runs of so many folds.
    pub(super) fn runs_at_once_on<B: Backend>(
        &self,
        backend: &B,
        folds: usize,
        runs: usize,
    ) -> Result<usize> {
        let at_once = match self.config.run.folds_at_once {
            Some(wanted) => wanted / folds.max(1),
            None => BYTES / Trainer::bytes(backend, &self.network, self.extent(folds))?.max(1),
        };
        Ok(at_once.clamp(1, runs.max(1)))
    }

    /// How many models train at once: the folds of so many runs, or the permutations of one.
    pub(super) fn models_at_once(&self, selection: &[usize], runs: usize) -> Result<usize> {
        let device = self.config.run.device()?;
        let permuted = match self.permutations() {
            0 => 0,
            _ => on_device!(&device, backend => self.permuted_at_once(backend)?),
        };
        Ok((self.fold_group_size(selection.len()) * runs).max(permuted))
    }

    /// Refuses a training on the processor that does not fit into its free memory: the operating system would
    /// kill it. The frames are there already. So many runs train at once.
    ///
    /// # Errors
    /// [`ErrorKind::Device`](crate::ErrorKind::Device) with the memory that is needed and the memory that is
    /// free.
    pub fn check_memory(&self, selection: &[usize], runs: usize) -> Result<()> {
        if !matches!(self.config.run.device()?.id(), DeviceId::Cpu { .. }) {
            return Ok(());
        }
        let needed = self.memory(selection, runs)? - self.dataset.frames.bytes();
        memory::require(needed, "the training").map_err(|e| {
            e.hint("train fewer folds at once with `folds_at_once`, or use smaller `hidden`, `batch` or `window`")
        })
    }
}
