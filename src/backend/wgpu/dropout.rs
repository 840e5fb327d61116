//! Dropout.

use super::blocks::{blocks, groups};
use super::device::Wgpu;
use super::gpu::Launch;
use super::kernel::{Kernel, parameters};
use crate::error::Result;
use crate::ops::{Checked, Dropout, DropoutOperands, Runs};
use bytemuck::bytes_of;

parameters! {
    DropoutParameters { blocks, first_block, len, layer, threshold, scale, base, counters_base }
}

impl Runs<Dropout> for Wgpu {
    fn execute(&self, s: &Dropout, a: DropoutOperands<Self>, _: Checked) -> Result<()> {
        let DropoutOperands { counters, x, out } = a;
        let fits = 4 * s.len <= self.binding();
        // Whole models together, or one model's numbers in blocks of four.
        let together = if fits { self.binding() / (4 * s.len).max(1) } else { 1 };
        let at_once = if fits { s.len.div_ceil(4) } else { self.binding() / 16 - 16 };
        for models in blocks(s.models, together) {
            for fours in blocks(s.len.div_ceil(4), at_once) {
                let start = models.start * s.len + 4 * fours.start;
                let end = (models.end - 1) * s.len + (4 * fours.end).min(s.len);
                let (from, to) = (x.part(start..end), out.part(start..end));
                let parameters = DropoutParameters {
                    blocks: fours.len() as u32,
                    first_block: fours.start as u32,
                    len: s.len as u32,
                    layer: s.layer,
                    threshold: s.threshold(),
                    scale: ((1.0 / (1.0 - s.rate)) as f32).to_bits(),
                    base: from.base(),
                    counters_base: 4 * models.start as u32,
                };
                self.gpu.launch(Launch {
                    kernel: kernel::dropout::<DropoutParameters>(&[]),
                    parameters: bytes_of(&parameters),
                    operands: &[counters.all(), from, to],
                    grid: groups(fours.len(), models.len()),
                    work: s.work().share(models.len() * fours.len(), s.models * s.len.div_ceil(4)),
                })?;
            }
        }
        Ok(())
    }
}

/// Every kernel of the operation.
pub fn kernels() -> Vec<Kernel> {
    vec![kernel::dropout::<DropoutParameters>(&[])]
}

/// The kernels.
mod kernel {
    super::super::kernel::kernels! {
        dropout, "dropout", "dropout", [];
    }
}
