//! Cutting a mini-batch out of the frame table.

use super::blocks::{blocks, groups};
use super::device::Wgpu;
use super::gpu::Launch;
use super::kernel::{Kernel, parameters};
use crate::error::Result;
use crate::ops::{Checked, Gather, GatherOperands, Runs, Work};
use bytemuck::bytes_of;

parameters! {
    GatherParameters {
        rows, first_row, features, batch, steps, stat_steps, first_frame, end_frame, is_first, x_base,
    }
}

/// Rows of an invocation.
const ROWS: usize = 4;

impl Runs<Gather> for Wgpu {
    fn execute(&self, s: &Gather, a: GatherOperands<Self>, _: Checked) -> Result<()> {
        let rows = s.models * s.steps * s.batch;
        for block in blocks(rows, self.binding() / (4 * s.features).max(1)) {
            let x = a.x.part(block.start * s.features..block.end * s.features);
            for (i, part) in a.frames.parts.iter().enumerate() {
                let parameters = GatherParameters {
                    rows: block.len() as u32,
                    first_row: block.start as u32,
                    features: s.features as u32,
                    batch: s.batch as u32,
                    steps: s.steps as u32,
                    stat_steps: s.stat_steps as u32,
                    first_frame: part.first as u32,
                    end_frame: part.end as u32,
                    is_first: u32::from(i == 0),
                    x_base: x.base(),
                };
                self.gpu.launch(Launch {
                    kernel: kernel::gather::<GatherParameters>(&[]),
                    parameters: bytes_of(&parameters),
                    operands: &[part.frames.all(), a.first.all(), a.lengths.all(), a.stats.all(), x.clone()],
                    grid: groups(block.len().div_ceil(ROWS) * s.features, 1),
                    work: if i == 0 { s.work().share(block.len(), rows) } else { Work::default() },
                })?;
            }
        }
        Ok(())
    }
}

/// Every kernel of the operation.
pub fn kernels() -> Vec<Kernel> {
    vec![kernel::gather::<GatherParameters>(&[])]
}

/// The kernels.
mod kernel {
    super::super::kernel::kernels! {
        gather, "gather", "gather", [];
    }
}
