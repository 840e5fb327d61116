//! Linear layers.

use super::blocks::{groups, model_blocks};
use super::device::Wgpu;
use super::gpu::Launch;
use super::kernel::{Kernel, parameters};
use super::memory::Buf;
use super::slice::Slice;
use crate::error::Result;
use crate::ops::{
    Checked, Linear, LinearBackward, LinearBackwardOperands, LinearForward, LinearForwardOperands, Runs,
};
use bytemuck::bytes_of;

parameters! {
    LinearParameters { model, batch, inputs, outputs, relu, stride, weights_base }
}

/// Models whose weights or weight gradients can be bound together, and the parameters of their kernels.
fn linear_blocks<'a>(
    wgpu: &Wgpu,
    s: &Linear,
    weights: &'a Buf<f32>,
) -> Result<impl Iterator<Item = (usize, Slice<'a>, LinearParameters)>> {
    let s = *s;
    let blocks =
        model_blocks("the parameters", s.models, 4 * s.weights.stride.max(s.params()), wgpu.binding())?;
    Ok(blocks.map(move |models| {
        let end = s.weights.start(models.end - 1) + s.params();
        let weights = weights.part(models.start * s.weights.stride..end);
        let parameters = LinearParameters {
            model: models.start as u32,
            batch: s.batch as u32,
            inputs: s.input as u32,
            outputs: s.output as u32,
            relu: u32::from(s.relu),
            stride: s.weights.stride as u32,
            weights_base: weights.base() + s.weights.offset as u32,
        };
        (models.len(), weights, parameters)
    }))
}

impl Runs<LinearForward> for Wgpu {
    fn execute(&self, s: &Linear, a: LinearForwardOperands<Self>, _: Checked) -> Result<()> {
        for (models, weights, parameters) in linear_blocks(self, s, a.weights)? {
            self.gpu.launch(Launch {
                kernel: kernel::linear_forward::<LinearParameters>(&[]),
                parameters: bytes_of(&parameters),
                operands: &[weights, a.x.all(), a.y.all()],
                grid: groups(s.batch * s.output, models),
                work: s.forward_work().share(models, s.models),
            })?;
        }
        Ok(())
    }
}

impl Runs<LinearBackward> for Wgpu {
    fn execute(&self, s: &Linear, a: LinearBackwardOperands<Self>, _: Checked) -> Result<()> {
        if let Some(dx) = a.dx {
            for (models, weights, parameters) in linear_blocks(self, s, a.weights)? {
                self.gpu.launch(Launch {
                    kernel: kernel::linear_input_gradient::<LinearParameters>(&[]),
                    parameters: bytes_of(&parameters),
                    operands: &[weights, a.y.all(), a.dy.all(), dx.all()],
                    grid: groups(s.batch * s.input, models),
                    work: s.backward_work().share(models, 2 * s.models),
                })?;
            }
        }
        for (models, d_weights, parameters) in linear_blocks(self, s, a.d_weights)? {
            self.gpu.launch(Launch {
                kernel: kernel::linear_weight_gradient::<LinearParameters>(&[]),
                parameters: bytes_of(&parameters),
                operands: &[a.x.all(), a.y.all(), a.dy.all(), d_weights],
                grid: groups(s.params(), models),
                work: s.backward_work().share(models, 2 * s.models),
            })?;
        }
        Ok(())
    }
}

/// Every kernel of the operation.
pub fn kernels() -> Vec<Kernel> {
    vec![
        kernel::linear_forward::<LinearParameters>(&[]),
        kernel::linear_input_gradient::<LinearParameters>(&[]),
        kernel::linear_weight_gradient::<LinearParameters>(&[]),
    ]
}

/// The kernels.
mod kernel {
    super::super::kernel::kernels! {
        linear_forward, "linear forward", "linear_forward", [];
        linear_input_gradient, "linear input gradient", "linear_input_gradient", [];
        linear_weight_gradient, "linear weight gradient", "linear_weight_gradient", [];
    }
}
