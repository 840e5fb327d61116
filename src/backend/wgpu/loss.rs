//! The loss.

use super::device::Wgpu;
use super::gpu::Launch;
use super::kernel::{Kernel, parameters};
use crate::error::Result;
use crate::ops::{Checked, Loss, LossOperands, Runs};
use bytemuck::bytes_of;

parameters! {
    LossParameters { batch, classes, smoothing, row }
}

impl Runs<Loss> for Wgpu {
    fn execute(&self, s: &Loss, a: LossOperands<Self>, _: Checked) -> Result<()> {
        let parameters = LossParameters {
            batch: s.batch as u32,
            classes: s.classes as u32,
            smoothing: (s.smoothing as f32).to_bits(),
            row: (a.row * s.models) as u32,
        };
        self.gpu.launch(Launch {
            kernel: kernel::loss::<LossParameters>(&[]),
            parameters: bytes_of(&parameters),
            operands: &[
                a.logits.all(),
                a.labels.all(),
                a.lengths.all(),
                a.class_weights.all(),
                a.losses.all(),
                a.d_logits.all(),
            ],
            grid: [s.models as u32, 1, 1],
            work: s.work(),
        })
    }
}

/// Every kernel of the operation.
pub fn kernels() -> Vec<Kernel> {
    vec![kernel::loss::<LossParameters>(&[])]
}

/// The kernels.
mod kernel {
    super::super::kernel::kernels! {
        loss, "loss", "loss", ["maths"];
    }
}
