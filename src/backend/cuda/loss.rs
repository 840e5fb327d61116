//! The loss.

use super::device::Cuda;
use super::executor::Executor;
use super::kernel::{Kernel, real};
use crate::error::Result;
use crate::ops::{Checked, Loss, LossOperands, Runs};

impl<E: Executor> Runs<Loss> for Cuda<E> {
    fn execute(&self, s: &Loss, a: LossOperands<Self>, _: Checked) -> Result<()> {
        let arguments = kernel::Loss {
            logits: a.logits.address(),
            class_weights: a.class_weights.address(),
            labels: a.labels.address(),
            lengths: a.lengths.address(),
            losses: a.losses.at(a.row * s.models),
            d_logits: a.d_logits.address(),
            batch: s.batch as u64,
            classes: s.classes as u64,
            smoothing: real(s.smoothing),
        };
        self.session.launch(&Kernel::plain::<kernel::Loss>(), &arguments, [s.models, 1, 1], s.work())
    }
}

/// Every kernel of the operation.
pub(super) fn kernels() -> Vec<Kernel> {
    vec![Kernel::plain::<kernel::Loss>()]
}

/// The kernels and their arguments.
mod kernel {
    super::super::kernel::kernels! {
        Loss, "loss", "loss", [] {
            "const float*": logits class_weights;
            "const unsigned*": labels lengths;
            "float*": losses d_logits;
            "unsigned": batch classes;
            "float": smoothing;
        }
    }
}
