//! Forward: by part of the plan the input's part of the gates, then the time loop.

use super::super::blocks::grid;
use super::super::device::Wgpu;
use super::super::gpu::Launch;
use super::super::slice::Slice;
use super::kernels::Kernels;
use super::plan::{self, Part};
use super::view::{TimeLoop, View};
use crate::error::Result;
use crate::ops::{Checked, Rnn, RnnForward, RnnForwardOperands, Runs};

impl Runs<RnnForward> for Wgpu {
    fn execute(&self, s: &Rnn, a: RnnForwardOperands<Self>, _: Checked) -> Result<()> {
        let RnnForwardOperands { layer, save, x, lengths, initial, y, last } = a;
        let layer = &layer.memory;
        let state = last.part(0..s.state_len());
        match initial {
            Some(initial) => self.gpu.copy(initial.part(0..s.state_len()), state.clone()),
            None => self.gpu.clear(state.clone()),
        }
        if let Some([before, _]) = &layer.hidden {
            self.gpu.copy(state, before.all());
        }
        let kernels = Kernels::of(s, &layer.plan, &self.gpu.limits);
        // The values saved for backward overwrite the gates. A layer for inference saves nothing.
        let saves = layer.training.is_some();
        for part in &layer.plan.time_loop {
            let view = View { s, part, layer, saves };
            let parameters = view.parameters();
            let [rows, units] = kernels.projection_tiles(part.len() * s.batch);
            self.gpu.launch(Launch {
                kernel: kernels.project(),
                parameters: bytemuck::bytes_of(&parameters),
                operands: &[view.packed(&layer.pack, plan::pack_len(s)), view.input(x), view.gates()],
                grid: grid(rows, view.sequences() * units),
                work: view.share(s.projection_work()),
            })?;
            let operands = [
                view.packed(&layer.pack, plan::pack_len(s)),
                view.lengths(lengths),
                view.gates(),
                view.output(y),
                view.state(last),
                view.cells(),
            ];
            let [rows, units] = kernels.time_loop_tiles(false);
            let launch = |part: &Part, parameters: &TimeLoop, operands: &[Slice]| {
                self.gpu.launch(Launch {
                    kernel: kernels.forward(save),
                    parameters: bytemuck::bytes_of(parameters),
                    operands,
                    grid: grid(rows, view.sequences() * units),
                    work: View { part, ..view }.share(s.time_loop_work(save)),
                })
            };
            let Some([before, after]) = &layer.hidden else {
                launch(part, &parameters, &operands)?;
                continue;
            };
            for (i, step) in part.each_step().enumerate() {
                let hidden = if (part.steps[0].start + i).is_multiple_of(2) {
                    [before, after]
                } else {
                    [after, before]
                };
                let hidden = hidden.map(|hidden| view.state(hidden));
                launch(&step, &parameters.only(&step), &[&operands[..], &hidden[..]].concat())?;
            }
        }
        Ok(())
    }
}
