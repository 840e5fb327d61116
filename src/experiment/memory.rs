//! The memory that a run needs.

use super::candidate::Candidate;
use super::prepare::Experiment;
use crate::backend::{Backend, DeviceId, on_device};
use crate::error::Result;
use crate::memory;
use crate::model::{Extent, Trainer};
use crate::ops::Network;

/// Memory that runs which train together may take on the device.
const BYTES: usize = 1 << 30;

/// Folds of several runs or permutations that train at once by default. More are no faster on a CPU, and a
/// stop loses more work.
const FOLDS: usize = 32;

impl Experiment {
    /// The bytes that the training of these folds takes, frames included. So many runs train at once.
    ///
    /// # Errors
    /// If the device refuses.
    pub fn memory(&self, selection: &[usize], runs: usize) -> Result<usize> {
        let device = self.config.run.device()?;
        let kept = |extent: Extent| match device.id() {
            DeviceId::Cpu { .. } => self.kept_steps(extent.batch),
            _ => extent.steps,
        };
        let mut most = 0;
        for (network, batch, models) in self.loads(selection, runs)? {
            let extent = self.extent(models, batch);
            let bytes = on_device!(&device, backend => {
                Trainer::bytes_of_rows(backend, network, extent, kept(extent))?
            });
            most = most.max(bytes);
        }
        Ok(most + self.dataset.frames.bytes())
    }

    /// The networks that are trained, each with its batch and with how many of it train at once.
    fn loads(&self, selection: &[usize], runs: usize) -> Result<Vec<(&Network, usize, usize)>> {
        if !self.is_tuned() {
            return Ok(vec![(&self.network, self.spec.batch, self.models_at_once(selection, runs)?)]);
        }
        let device = self.config.run.device()?;
        let folds = self.fold_group_size(selection.len());
        let mut loads = Vec::new();
        for Candidate { network, spec, .. } in &self.candidates {
            let inner = on_device!(&device, backend => self.sets_at_once(backend, network, spec.batch, 1)?);
            loads.push((network, spec.batch, inner.max(folds)));
        }
        Ok(loads)
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
        let tuned = self.is_tuned() || other.is_tuned();
        !tuned
            && self.has_device_of(other)
            && self.network == other.network
            && self.spec.trains_with(&other.spec)
            && folds(self) == folds(other)
            && self.fold_group_size(folds(self)) == other.fold_group_size(folds(other))
            && self.dataset.frames.shares_rows(&other.dataset.frames)
            && self.dataset.steps() == other.dataset.steps()
    }

    /// Whether both ask for the same device, and for the same computations on it.
    pub(super) fn has_device_of(&self, other: &Experiment) -> bool {
        let (a, b) = (&self.config.run, &other.config.run);
        a.backend == b.backend && a.choice == b.choice
    }

    /// How many folds of one network train at once: whole sets of so many folds if they are small, of at most
    /// 32 folds together unless `folds_at_once` gives a number.
    pub(super) fn sets_at_once<B: Backend>(
        &self,
        backend: &B,
        network: &Network,
        batch: usize,
        folds: usize,
    ) -> Result<usize> {
        match self.config.run.folds_at_once {
            Some(wanted) if wanted < folds => Ok(wanted),
            Some(wanted) => Ok(wanted / folds * folds),
            None => {
                let one = Trainer::bytes(backend, network, self.extent(folds, batch))?;
                Ok(folds * (BYTES / one.max(1)).clamp(1, (FOLDS / folds).max(1)))
            }
        }
    }

    /// As [`Experiment::runs_at_once`], of runs of so many folds.
    fn runs_at_once_on<B: Backend>(&self, backend: &B, folds: usize, runs: usize) -> Result<usize> {
        let at_once = match self.config.run.folds_at_once {
            Some(wanted) => wanted / folds.max(1),
            None => {
                BYTES / Trainer::bytes(backend, &self.network, self.extent(folds, self.spec.batch))?.max(1)
            }
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
