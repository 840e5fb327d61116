//! Clipping and the parameter update.

use super::blocks::{grid, groups, model_blocks};
use super::device::Wgpu;
use super::gpu::Launch;
use super::kernel::{Kernel, parameters};
use crate::error::Result;
use crate::ops::{Checked, Optimizer, OptimizerKind, OptimizerOperands, Runs, Work};
use bytemuck::bytes_of;

parameters! {
    OptimizeParameters {
        params, chunks, models, model, row, base,
        beta1, beta2, rest1, rest2, weight_decay, clip, clips, decoupled,
    }
}

/// Gradients that one workgroup of optimizer_squares.wgsl adds up.
const CHUNK: usize = 64 * 32;

impl Runs<Optimizer> for Wgpu {
    fn execute(&self, s: &Optimizer, a: OptimizerOperands<Self>, _: Checked) -> Result<()> {
        let chunks = s.params.div_ceil(CHUNK);
        let real = |value: f64| (value as f32).to_bits();
        let parameters = OptimizeParameters {
            params: s.params as u32,
            chunks: chunks as u32,
            models: s.models as u32,
            row: (a.row * s.models) as u32,
            beta1: real(s.beta1),
            beta2: real(s.beta2),
            rest1: real(1.0 - s.beta1),
            rest2: real(1.0 - s.beta2),
            weight_decay: real(s.weight_decay),
            clip: real(s.clip),
            clips: u32::from(s.clip.is_finite()),
            decoupled: u32::from(s.kind == OptimizerKind::Adamw),
            ..OptimizeParameters::default()
        };
        let squares = self.scratch(s.models * chunks)?;
        let parts: Vec<_> = model_blocks("the parameters", s.models, 4 * s.params, self.binding())?.collect();
        for models in &parts {
            let gradients = a.gradients.part(models.start * s.params..models.end * s.params);
            let own = OptimizeParameters { model: models.start as u32, base: gradients.base(), ..parameters };
            let [x, y, _] = grid(chunks, 1);
            self.gpu.launch(Launch {
                kernel: kernel::squares::<OptimizeParameters>(&[]),
                parameters: bytes_of(&own),
                operands: &[gradients, squares.all()],
                grid: [x, y, models.len() as u32],
                work: Work {
                    flops: 2 * (models.len() * s.params) as u64,
                    bytes: 4 * (models.len() * s.params) as u64,
                },
            })?;
        }
        self.gpu.launch(Launch {
            kernel: kernel::norms::<OptimizeParameters>(&[]),
            parameters: bytes_of(&parameters),
            operands: &[squares.all(), a.scalars.all(), a.norms.all()],
            grid: groups(s.models, 1),
            work: Work::default(),
        })?;
        for models in &parts {
            let range = models.start * s.params..models.end * s.params;
            let weights = a.weights.part(range.clone());
            let own = OptimizeParameters { model: models.start as u32, base: weights.base(), ..parameters };
            self.gpu.launch(Launch {
                kernel: kernel::optimize::<OptimizeParameters>(&[]),
                parameters: bytes_of(&own),
                operands: &[
                    weights,
                    a.gradients.part(range.clone()),
                    a.first_moment.part(range.clone()),
                    a.second_moment.part(range),
                    a.scalars.all(),
                    a.norms.all(),
                ],
                grid: groups(s.params, models.len()),
                work: s.work().share(models.len(), s.models),
            })?;
        }
        Ok(())
    }
}

/// Every kernel of the operation.
pub fn kernels() -> Vec<Kernel> {
    vec![
        kernel::squares::<OptimizeParameters>(&[]),
        kernel::norms::<OptimizeParameters>(&[]),
        kernel::optimize::<OptimizeParameters>(&[]),
    ]
}

/// The kernels.
mod kernel {
    super::super::kernel::kernels! {
        squares, "squares", "optimizer_squares", [];
        norms, "norms", "optimizer_norms", ["maths"];
        optimize, "optimize", "optimizer_update", ["maths"];
    }
}
