//! The memory that a run needs, beside the memory that is free.

use super::prepare::Experiment;
use crate::backend::{DeviceId, on_device};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Trainer;

impl Experiment {
    /// The bytes that the training of these folds takes, frames included, with so many models at once.
    pub(super) fn memory(&self, models: usize) -> Result<usize> {
        let device = self.config.run.device()?;
        let extent = self.extent(models);
        let trainer = on_device!(&device, backend => Trainer::bytes(backend, &self.network, extent)?);
        Ok(trainer + self.dataset.frames.bytes())
    }

    /// Refuses a training on the processor that does not fit into its free memory: the operating system would
    /// kill it. The frames are there already.
    ///
    /// # Errors
    /// [`ErrorKind::Device`] with the memory that is needed and the memory that is free.
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
        let megabytes = |bytes: usize| bytes.div_ceil(1 << 20);
        match free() {
            Some(free) if needed > free => Err(Error::new(
                ErrorKind::Device,
                format!("the training needs {} MiB of memory, and {} MiB are free", megabytes(needed), megabytes(free)),
            )
            .hint("train fewer folds at once with `folds_at_once`, or use smaller `hidden`, `batch` or `window`")),
            _ => Ok(()),
        }
    }
}

/// The bytes of memory that are free, by the estimate of Linux and the limit of the container; `None` where
/// nobody says.
fn free() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let entry = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse::<usize>().ok()
    };
    let machine = (entry("MemAvailable:")? + entry("SwapFree:").unwrap_or(0)) << 10;
    let number = |name: &str| {
        let text = std::fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?;
        text.trim().parse::<usize>().ok()
    };
    // Files that are kept in memory make room when it is needed.
    let statistics = std::fs::read_to_string("/sys/fs/cgroup/memory.stat").unwrap_or_default();
    let files = statistics.lines().find_map(|line| line.strip_prefix("file ")?.trim().parse::<usize>().ok());
    let taken = number("memory.current").map(|taken| taken.saturating_sub(files.unwrap_or(0)));
    let container = number("memory.max").zip(taken);
    Some(container.map_or(machine, |(most, taken)| machine.min(most.saturating_sub(taken))))
}
