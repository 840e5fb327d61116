//! Pooling over time.

use super::blocks::{blocks, groups};
use super::device::Wgpu;
use super::gpu::Launch;
use super::kernel::{Kernel, parameters};
use crate::error::Result;
use crate::ops::{
    Checked, Pool, PoolBackward, PoolBackwardOperands, PoolForward, PoolForwardOperands, PoolKind, Runs,
};
use bytemuck::bytes_of;

parameters! {
    ForwardParameters { model, batch, steps, hidden, dirs, states, start, end, is_mean, is_end, base }
}

impl Runs<PoolForward> for Wgpu {
    fn execute(&self, s: &Pool, a: PoolForwardOperands<Self>, _: Checked) -> Result<()> {
        let PoolForwardOperands { lengths, from, out } = a;
        let width = s.batch * s.dirs * s.hidden;
        let model = 4 * s.steps * width;
        let is_mean = s.kind == PoolKind::Mean;
        // Final states are bound whole; hidden states some models together, or some steps of one.
        let (together, at_once) = match model <= self.binding() {
            _ if !is_mean => (s.models, s.steps),
            true => (self.binding() / model.max(1), s.steps),
            false => (1, (self.binding() / (4 * width)).max(1)),
        };
        for models in blocks(s.models, together) {
            for steps in blocks(s.steps, at_once) {
                let start = (models.start * s.steps + steps.start) * width;
                let end = ((models.end - 1) * s.steps + steps.end) * width;
                let from = if is_mean { from.part(start..end) } else { from.all() };
                let parameters = ForwardParameters {
                    model: models.start as u32,
                    batch: s.batch as u32,
                    steps: s.steps as u32,
                    hidden: s.hidden as u32,
                    dirs: s.dirs as u32,
                    states: s.states as u32,
                    start: steps.start as u32,
                    end: steps.end as u32,
                    is_mean: u32::from(is_mean),
                    is_end: u32::from(steps.end == s.steps),
                    base: from.base(),
                };
                self.gpu.launch(Launch {
                    kernel: kernel::pool_forward::<ForwardParameters>(&[]),
                    parameters: bytes_of(&parameters),
                    operands: &[lengths.all(), from, out.all()],
                    grid: groups(width, models.len()),
                    work: s.work().share(models.len() * steps.len(), s.models * s.steps),
                })?;
            }
        }
        Ok(())
    }
}

parameters! {
    BackwardParameters { len, first_row, batch, steps, hidden, dirs, states, is_mean, base }
}

impl Runs<PoolBackward> for Wgpu {
    fn execute(&self, s: &Pool, a: PoolBackwardOperands<Self>, _: Checked) -> Result<()> {
        let PoolBackwardOperands { lengths, d_out, to } = a;
        let is_mean = s.kind == PoolKind::Mean;
        let width = s.dirs * s.hidden;
        let rows = s.models * s.batch * if is_mean { s.steps } else { s.states };
        let each = if is_mean { (self.binding() / (4 * width)).max(1) } else { rows };
        for block in blocks(rows, each) {
            let part = to.part(block.start * width..block.end * width);
            let parameters = BackwardParameters {
                len: (block.len() * width) as u32,
                first_row: block.start as u32,
                batch: s.batch as u32,
                steps: s.steps as u32,
                hidden: s.hidden as u32,
                dirs: s.dirs as u32,
                states: s.states as u32,
                is_mean: u32::from(is_mean),
                base: part.base(),
            };
            self.gpu.launch(Launch {
                kernel: kernel::pool_backward::<BackwardParameters>(&[]),
                parameters: bytes_of(&parameters),
                operands: &[lengths.all(), d_out.all(), part],
                grid: groups(block.len() * width, 1),
                work: s.work().share(block.len(), rows),
            })?;
        }
        Ok(())
    }
}

/// Every kernel of the operation.
pub fn kernels() -> Vec<Kernel> {
    vec![kernel::pool_forward::<ForwardParameters>(&[]), kernel::pool_backward::<BackwardParameters>(&[])]
}

/// The kernels.
mod kernel {
    super::super::kernel::kernels! {
        pool_forward, "pool forward", "pool_forward", [];
        pool_backward, "pool backward", "pool_backward", [];
    }
}
