//! Launches that were asked for and not yet issued.

use super::executor::Launch;
use super::kernel::Kernel;
use crate::ops::Work;
use std::ops::Range;

/// Launches in their order, with their arguments.
#[derive(Default)]
pub(super) struct Launches {
    launches: Vec<Recorded>,
    /// The arguments of all launches.
    arguments: Vec<u8>,
}

/// A [`Launch`] that owns its kernel.
struct Recorded {
    label: &'static str,
    kernel: Kernel,
    /// Its place in the arguments of all launches.
    arguments: Range<usize>,
    grid: [u32; 3],
    work: Work,
}

impl Launches {
    /// Adds a launch.
    pub fn add(&mut self, launch: &Launch) {
        let Launch { label, kernel, arguments, grid, work } = *launch;
        let start = self.arguments.len();
        self.arguments.extend_from_slice(arguments);
        let arguments = start..self.arguments.len();
        self.launches.push(Recorded { label, kernel: kernel.clone(), arguments, grid, work });
    }

    /// Each launch.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Launch<'_>> + ExactSizeIterator {
        self.launches.iter().map(|Recorded { label, kernel, arguments, grid, work }| Launch {
            label,
            kernel,
            arguments: &self.arguments[arguments.clone()],
            grid: *grid,
            work: *work,
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.launches.is_empty()
    }

    /// Whether both have the same kernels and grids. Their arguments may differ.
    pub fn is_like(&self, other: &Self) -> bool {
        self.launches.len() == other.launches.len()
            && self.iter().zip(other.iter()).all(|(a, b)| a.grid == b.grid && a.kernel == b.kernel)
    }
}
