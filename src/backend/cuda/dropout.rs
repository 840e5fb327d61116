//! Dropout.

use super::device::Cuda;
use super::executor::Executor;
use super::kernel::{Kernel, grid, real};
use crate::error::Result;
use crate::ops::{Checked, Dropout, DropoutOperands, Runs};

impl<E: Executor> Runs<Dropout> for Cuda<E> {
    fn execute(&self, s: &Dropout, a: DropoutOperands<Self>, _: Checked) -> Result<()> {
        let DropoutOperands { counters, x, out } = a;
        let arguments = kernel::Dropout {
            counters: counters.address(),
            x: x.address(),
            out: out.address(),
            len: s.len as u64,
            layer: u64::from(s.layer),
            threshold: u64::from(s.threshold()),
            scale: real(1.0 / (1.0 - s.rate)),
        };
        let kernel = Kernel::plain::<kernel::Dropout>();
        self.session.launch(&kernel, &arguments, grid(s.len.div_ceil(4), s.models), s.work())
    }
}

/// Every kernel of the operation.
pub(super) fn kernels() -> Vec<Kernel> {
    vec![Kernel::plain::<kernel::Dropout>()]
}

/// The kernels and their arguments.
mod kernel {
    super::super::kernel::kernels! {
        Dropout, "dropout", "dropout", [] {
            "const unsigned*": counters;
            "const float*": x;
            "float*": out;
            "size_t": len;
            "unsigned": layer threshold;
            "float": scale;
        }
    }
}
