//! Backward: backpropagation through time, then the gradients by the weights and the input as GEMMs.

use super::super::address::nullable;
use super::super::device::Cuda;
use super::super::executor::Executor;
use super::super::gemm::{Format, Gemm, Major, Strided, padded_row, size};
use super::super::kernel::grid;
use super::super::memory::{Buf, Memory};
use super::kernels::kernel::{
    PackH, PersistentBackward, StepBackward, StepEnd, WeightGradient, WeightGradientSum,
};
use super::kernels::{Kernels, h_row, pack_work, step_blocks, step_grid, x_row};
use super::plan::{NO_STREAMED, persistent_rows};
use crate::backend::Algorithm;
use crate::error::Result;
use crate::ops::{Checked, Rnn, RnnBackward, RnnBackwardOperands, Runs, Work};

impl<E: Executor> Runs<RnnBackward> for Cuda<E> {
    fn execute(&self, s: &Rnn, a: RnnBackwardOperands<Self>, _: Checked) -> Result<()> {
        let kernels = Kernels::of(s, self.precision);
        let layer = &a.layer.memory;
        layer.check(self.precision);
        let training =
            layer.training.as_ref().expect("`Device::run` has checked that the layer was made for training");
        let [batch, steps, input, hidden, dirs] =
            [s.batch, s.steps, s.input, s.hidden, s.dirs].map(|n| n as u64);
        let d_initial = a.d_initial.as_deref().map(Buf::address);
        let multiprocessors = self.session.executor.multiprocessors();
        match layer.algorithm {
            Algorithm::Persistent | Algorithm::Cluster => {
                let arguments = PersistentBackward {
                    weights: training.backward.address,
                    gates: layer.gates.address,
                    lengths: a.lengths.address(),
                    initial: nullable(a.initial.map(Buf::address)),
                    cells: nullable(layer.cells()),
                    y: a.y.address(),
                    dy: nullable(a.dy.map(Buf::address)),
                    d_last: nullable(a.d_last.map(Buf::address)),
                    d_initial: nullable(d_initial),
                    batch,
                    steps,
                    hidden,
                    dirs,
                };
                let rows = self.tuning.rows.unwrap_or_else(|| persistent_rows(s, multiprocessors));
                let (kernel, blocks) = kernels.backward(layer.algorithm, s.batch, rows);
                self.session.launch(
                    &kernel,
                    &arguments,
                    [blocks, s.dirs, s.models],
                    s.backward_work(a.dy.is_some()),
                )?;
            }
            Algorithm::Streamed => unreachable!("{NO_STREAMED}"),
            Algorithm::PerStep => {
                let weights = training.backward.address;
                let carry = nullable(training.carry.as_ref().map(Memory::address));
                // The gradients by the gates of a time step and of the next.
                let deltas = training.deltas(s, self.precision);
                let blocks = step_blocks(s, multiprocessors);
                let kernel = kernels.step_backward(blocks);
                for step in (0..s.steps).rev() {
                    let is_first = step == s.steps - 1;
                    let arguments = StepBackward {
                        weights,
                        before: nullable((!is_first).then_some(deltas[(step + 1) % 2])),
                        after: deltas[step % 2],
                        gates: layer.gates.address,
                        lengths: a.lengths.address(),
                        initial: nullable(a.initial.map(Buf::address)),
                        cells: nullable(layer.cells()),
                        y: a.y.address(),
                        dy: nullable(a.dy.map(Buf::address)),
                        from: if is_first { nullable(a.d_last.map(Buf::address)) } else { carry },
                        carry,
                        batch,
                        steps,
                        hidden,
                        dirs,
                        step: step as u64,
                    };
                    self.session.launch(
                        &kernel,
                        &arguments,
                        step_grid(s),
                        s.backward_work(a.dy.is_some()).share(1, s.steps),
                    )?;
                }
                if let Some(d_initial) = d_initial {
                    let arguments =
                        StepEnd { weights, before: deltas[0], carry, d_initial, batch, hidden, dirs };
                    self.session.launch(
                        &kernels.step_end(blocks),
                        &arguments,
                        step_grid(s),
                        Work::default(),
                    )?;
                }
            }
        }

        let (x_row, h_row) = (x_row(s.input, self.precision), h_row(s.hidden, self.precision));
        let (depth, loops) = (s.steps * s.batch, s.models * s.dirs);
        let pack = PackH {
            y: a.y.address(),
            initial: nullable(a.initial.map(Buf::address)),
            lengths: a.lengths.address(),
            to: training.h.address,
            batch,
            steps,
            hidden,
            dirs,
            h_row: h_row as u64,
        };
        let groups = depth * h_row * size(self.precision) / 16;
        let work = pack_work(self.precision, s.y_len(), loops * depth * h_row);
        self.session.launch(&kernels.pack_h(), &pack, grid(groups, loops), work)?;
        let splits = training.splits;
        let tiles = kernels.gradient_tile().count(4 * s.hidden, x_row + h_row);
        let [x_row, h_row] = [x_row, h_row].map(|n| n as u64);
        for model in (0..s.models).step_by(splits.models) {
            let models = splits.models.min(s.models - model);
            let arguments = WeightGradient {
                deltas: layer.gates.address,
                x: layer.x.address,
                h: training.h.address,
                partial: training.partial.address,
                model: model as u64,
                depth: depth as u64,
                hidden,
                dirs,
                share: splits.share as u64,
                x_row,
                h_row,
            };
            let work = s.weight_gradient_work().share(models, s.models);
            self.session.launch(
                &kernels.weight_gradient(),
                &arguments,
                [tiles, splits.count, models * s.dirs],
                work,
            )?;
            let arguments = WeightGradientSum {
                partial: training.partial.address,
                d_weights: a.d_weights.at(s.weights.offset),
                stride: s.weights.stride as u64,
                model: model as u64,
                input,
                hidden,
                biases: s.biases as u64,
                dirs,
                splits: splits.count as u64,
                x_row,
                h_row,
            };
            let sums = 4 * s.hidden * kernels.gradient_columns();
            self.session.launch(
                &kernels.weight_gradient_sum(),
                &arguments,
                grid(sums, models * s.dirs),
                Work::default(),
            )?;
        }

        let Some(dx) = a.dx else { return Ok(()) };
        let (row, input_row) = (s.dirs * 4 * s.hidden, padded_row(s.input, self.precision));
        self.gemm(&Gemm {
            label: "input gradient",
            precision: self.precision,
            models: s.models,
            dirs: 1,
            rows: s.steps * s.batch,
            columns: s.input,
            depth: row,
            a: Strided { address: layer.gates.address, row, model: s.steps * s.batch * row, dir: 0 },
            b: Strided { address: layer.inputs.address, row: input_row, model: row * input_row, dir: 0 },
            b_major: Major::N,
            c: Strided { address: dx.address(), row: s.input, model: s.steps * s.batch * s.input, dir: 0 },
            c_format: Format::F32,
            bias: None,
            work: s.input_gradient_work(),
        })
    }
}
