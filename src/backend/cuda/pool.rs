//! Pooling over time.

use super::device::Cuda;
use super::executor::Executor;
use super::kernel::{Kernel, grid};
use crate::error::Result;
use crate::ops::{
    Checked, Pool, PoolBackward, PoolBackwardOperands, PoolForward, PoolForwardOperands, PoolKind, Runs,
};

impl<E: Executor> Runs<PoolForward> for Cuda<E> {
    fn execute(&self, s: &Pool, a: PoolForwardOperands<Self>, _: Checked) -> Result<()> {
        let arguments = kernel::PoolForward {
            lengths: a.lengths.address(),
            from: a.from.address(),
            out: a.out.address(),
            batch: s.batch as u64,
            steps: s.steps as u64,
            hidden: s.hidden as u64,
            dirs: s.dirs as u64,
            states: s.states as u64,
            is_mean: u64::from(s.kind == PoolKind::Mean),
        };
        let kernel = Kernel::plain::<kernel::PoolForward>();
        self.session.launch(&kernel, &arguments, grid(s.batch * s.dirs * s.hidden, s.models), s.work())
    }
}

impl<E: Executor> Runs<PoolBackward> for Cuda<E> {
    fn execute(&self, s: &Pool, a: PoolBackwardOperands<Self>, _: Checked) -> Result<()> {
        let is_mean = s.kind == PoolKind::Mean;
        let rows = if is_mean { s.steps } else { s.states };
        let arguments = kernel::PoolBackward {
            lengths: a.lengths.address(),
            d_out: a.d_out.address(),
            to: a.to.address(),
            batch: s.batch as u64,
            steps: s.steps as u64,
            hidden: s.hidden as u64,
            dirs: s.dirs as u64,
            states: s.states as u64,
            is_mean: u64::from(is_mean),
        };
        let kernel = Kernel::plain::<kernel::PoolBackward>();
        self.session.launch(&kernel, &arguments, grid(rows * s.batch * s.dirs * s.hidden, s.models), s.work())
    }
}

/// Every kernel of the operation.
pub(super) fn kernels() -> Vec<Kernel> {
    vec![Kernel::plain::<kernel::PoolForward>(), Kernel::plain::<kernel::PoolBackward>()]
}

/// The kernels and their arguments.
mod kernel {
    super::super::kernel::kernels! {
        PoolForward, "pool forward", "pool_forward", [] {
            "const unsigned*": lengths;
            "const float*": from;
            "float*": out;
            "unsigned": batch steps hidden dirs states is_mean;
        }
        PoolBackward, "pool backward", "pool_backward", [] {
            "const unsigned*": lengths;
            "const float*": d_out;
            "float*": to;
            "unsigned": batch steps hidden dirs states is_mean;
        }
    }
}
