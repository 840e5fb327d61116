//! Copies a mini-batch out of the frame table.

use super::device::Cuda;
use super::executor::Executor;
use super::kernel::{Kernel, grid};
use crate::error::Result;
use crate::ops::{Checked, Gather, GatherOperands, Runs};

impl<E: Executor> Runs<Gather> for Cuda<E> {
    fn execute(&self, s: &Gather, a: GatherOperands<Self>, _: Checked) -> Result<()> {
        let arguments = kernel::Gather {
            frames: a.frames.0.address(),
            stats: a.stats.address(),
            first: a.first.address(),
            lengths: a.lengths.address(),
            x: a.x.address(),
            features: s.features as u64,
            batch: s.batch as u64,
            steps: s.steps as u64,
            stat_steps: s.stat_steps as u64,
        };
        let kernel = Kernel::plain::<kernel::Gather>();
        // A warp of 32 threads per row.
        self.session.launch(&kernel, &arguments, grid(s.steps * s.batch * 32, s.models), s.work())
    }
}

/// Every kernel of the operation.
pub(super) fn kernels() -> Vec<Kernel> {
    vec![Kernel::plain::<kernel::Gather>()]
}

/// The kernels and their arguments.
mod kernel {
    super::super::kernel::kernels! {
        Gather, "gather", "gather", [] {
            "const float*": frames stats;
            "const unsigned*": first lengths;
            "float*": x;
            "unsigned": features batch steps stat_steps;
        }
    }
}
