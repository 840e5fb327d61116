//! Backward: the time loop back through the plan's parts, then the gradients by weights and input.

use super::super::blocks::grid;
use super::super::device::Wgpu;
use super::super::gpu::Launch;
use super::kernels::{self, Kernels};
use super::plan::{self, Part};
use super::view::{TimeLoop, View};
use crate::backend::Algorithm;
use crate::error::Result;
use crate::ops::{Checked, Rnn, RnnBackward, RnnBackwardOperands, Runs, Work};

impl Runs<RnnBackward> for Wgpu {
    fn execute(&self, s: &Rnn, a: RnnBackwardOperands<Self>, _: Checked) -> Result<()> {
        let RnnBackwardOperands { layer, x, lengths, initial, y, dy, d_last, dx, d_initial, d_weights } = a;
        let layer = &layer.memory;
        let training = layer.training.as_ref().expect("saved by a forward pass");
        let carry = training.carry.all();
        match d_last {
            Some(d_last) => self.gpu.copy(d_last.part(0..s.state_len()), carry.clone()),
            None => self.gpu.clear(carry.clone()),
        }
        let kernels = Kernels::of(s, &layer.plan, &self.gpu.limits);
        for part in layer.plan.time_loop.iter().rev() {
            let view = View { s, part, layer, saves: true };
            let parameters = TimeLoop {
                has_dy: u32::from(dy.is_some()),
                has_initial: u32::from(initial.is_some()),
                ..view.parameters()
            };
            let operands = [
                view.packed(&training.back, plan::back_len(s)),
                view.lengths(lengths),
                view.gates(),
                view.output(training.cells.as_ref().unwrap_or(y)),
                initial.map_or_else(|| layer.nothing[0].all(), |initial| view.state(initial)),
                dy.map_or_else(|| layer.nothing[0].all(), |dy| view.output(dy)),
                view.state(&training.carry),
            ];
            let [rows, units] = kernels.time_loop_tiles(true);
            let launch = |part: &Part, parameters: &TimeLoop| {
                self.gpu.launch(Launch {
                    kernel: kernels.backward(),
                    parameters: bytemuck::bytes_of(parameters),
                    operands: &operands,
                    grid: grid(rows, view.sequences() * units),
                    work: View { part, ..view }.share(s.backward_work(dy.is_some())),
                })
            };
            if layer.plan.algorithm != Algorithm::PerStep {
                launch(part, &parameters)?;
                continue;
            }
            for step in part.each_step().rev() {
                launch(&step, &parameters.only(&step))?;
            }
            if part.steps[0].start == 0 {
                let end = part.before();
                launch(&end, &TimeLoop { is_end: 1, ..parameters.only(&end) })?;
            }
        }
        if let Some(d_initial) = d_initial {
            self.gpu.copy(carry, d_initial.part(0..s.state_len()));
        }
        let mut dx = dx;
        for (i, part) in layer.plan.gradient.iter().enumerate() {
            let view = View { s, part, layer, saves: true };
            let is_first = i == 0 || layer.plan.gradient[i - 1].models != part.models;
            let is_last = layer.plan.gradient.get(i + 1).is_none_or(|next| next.models != part.models);
            let splits = layer.plan.splits;
            let parameters = TimeLoop {
                has_initial: u32::from(initial.is_some()),
                splits: splits as u32,
                adds: u32::from(!is_first),
                ..view.parameters()
            };
            let [columns, units] = kernels.weight_tiles();
            self.gpu.launch(Launch {
                kernel: kernels.weight_gradient(),
                parameters: bytemuck::bytes_of(&parameters),
                operands: &[
                    view.lengths(lengths),
                    view.gates(),
                    view.input(x),
                    view.output(y),
                    initial.map_or_else(|| layer.nothing[0].all(), |initial| view.state(initial)),
                    training.partial.all(),
                ],
                grid: [columns as u32, splits as u32, (view.sequences() * units) as u32],
                work: view.share(s.weight_gradient_work()),
            })?;
            if let Some(dx) = dx.as_deref_mut() {
                let [rows, features] = kernels.input_tiles(part.len() * s.batch);
                self.gpu.launch(Launch {
                    kernel: kernels.input_gradient(),
                    parameters: bytemuck::bytes_of(&parameters),
                    operands: &[view.packed(&training.back, plan::back_len(s)), view.gates(), view.input(dx)],
                    grid: grid(rows, part.models.len() * features),
                    work: view.share(s.input_gradient_work()),
                })?;
            }
            if is_last {
                let from = part.models.start * s.weights.stride;
                let to = s.weights.start(part.models.end - 1) + s.params();
                self.gpu.launch(Launch {
                    kernel: kernels::weight_gradient_sum(),
                    parameters: bytemuck::bytes_of(&parameters),
                    operands: &[training.partial.all(), d_weights.part(from..to)],
                    grid: grid(((s.input + s.hidden + 1) * s.hidden).div_ceil(64), view.sequences()),
                    work: Work::default(),
                })?;
            }
        }
        Ok(())
    }
}
