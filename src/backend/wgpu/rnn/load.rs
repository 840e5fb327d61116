//! Packing the weights for both passes.

use super::super::blocks::{grid, model_blocks};
use super::super::device::Wgpu;
use super::super::gpu::Launch;
use super::kernels::{self, Pack};
use super::plan::{self, Part};
use super::view::View;
use crate::error::Result;
use crate::ops::{Checked, Rnn, RnnLoad, RnnLoadOperands, Runs};

impl Runs<RnnLoad> for Wgpu {
    fn execute(&self, s: &Rnn, a: RnnLoadOperands<Self>, _: Checked) -> Result<()> {
        let layer = &a.layer.memory;
        let packs = [(&layer.pack, plan::pack_len(s), 0)];
        let back = layer.training.iter().map(|training| (&training.back, plan::back_len(s), 1));
        for (to, len, is_backward) in packs.into_iter().chain(back) {
            let bytes = 4 * s.weights.stride.max(s.params()).max(layer.plan.format.words() * s.dirs * len);
            for models in model_blocks("the weights", s.models, bytes, self.binding())? {
                let part =
                    Part { models: models.clone(), bound: 0..s.steps, steps: [0..0, 0..0], dirs: 0..s.dirs };
                let view = View { s, part: &part, layer, saves: false };
                let end = s.weights.start(models.end - 1) + s.params();
                let start = models.start * s.weights.stride;
                let from = a.weights.part(start..end);
                let parameters = Pack {
                    input: s.input as u32,
                    hidden: s.hidden as u32,
                    dirs: s.dirs as u32,
                    gates: s.cell.gates() as u32,
                    joint: s.cell.joint_gates() as u32,
                    biases: s.biases as u32,
                    padded_input: plan::padded(s.input) as u32,
                    padded_hidden: plan::padded(s.hidden) as u32,
                    stride: s.weights.stride as u32,
                    weights_base: from.base() + s.weights.offset as u32,
                    len: len as u32,
                    is_backward,
                };
                let [x, y, _] = grid(len.div_ceil(64), 1);
                self.gpu.launch(Launch {
                    kernel: kernels::pack(layer.plan.format),
                    parameters: bytemuck::bytes_of(&parameters),
                    operands: &[from, view.packed(to, len)],
                    grid: [x, y, (models.len() * s.dirs) as u32],
                    work: s.load_work().share(models.len(), s.models),
                })?;
            }
        }
        Ok(())
    }
}
