//! Forward: the input part of the gates as one GEMM over all time steps, then the time loop.

use super::super::address::nullable;
use super::super::device::Cuda;
use super::super::executor::Executor;
use super::super::gemm::{Bias, Format, Gemm, Major, Strided, padded_row, size};
use super::super::kernel::{THREADS, grid};
use super::super::memory::Buf;
use super::kernels::kernel::{PackX, PersistentForward, StepBegin, StepForward};
use super::kernels::{Kernels, pack_work, step_blocks, step_grid, x_row};
use super::plan::{NO_STREAMED, persistent_rows};
use crate::backend::Algorithm;
use crate::error::Result;
use crate::ops::{Checked, Rnn, RnnForward, RnnForwardOperands, Runs, Work};

impl<E: Executor> Runs<RnnForward> for Cuda<E> {
    fn execute(&self, s: &Rnn, a: RnnForwardOperands<Self>, _: Checked) -> Result<()> {
        let kernels = Kernels::of(s, self.precision);
        let layer = &a.layer.memory;
        layer.check(self.precision);
        let [batch, steps, input, hidden, dirs] =
            [s.batch, s.steps, s.input, s.hidden, s.dirs].map(|n| n as u64);
        let x_row = x_row(s.input, self.precision);
        let pack = PackX {
            x: a.x.address(),
            lengths: a.lengths.address(),
            to: layer.x.address,
            batch,
            steps,
            input,
            x_row: x_row as u64,
        };
        let groups = s.steps * s.batch * x_row * size(self.precision) / 16;
        let work = pack_work(self.precision, s.x_len(), s.models * s.steps * s.batch * x_row);
        self.session.launch(&kernels.pack_x(), &pack, grid(groups, s.models), work)?;
        let (row, input_row) = (s.dirs * 4 * s.hidden, padded_row(s.input, self.precision));
        self.gemm(&Gemm {
            label: "input projection",
            precision: self.precision,
            models: s.models,
            dirs: 1,
            rows: s.steps * s.batch,
            columns: row,
            depth: s.input,
            a: Strided { address: layer.x.address, row: x_row, model: s.steps * s.batch * x_row, dir: 0 },
            b: Strided { address: layer.inputs.address, row: input_row, model: row * input_row, dir: 0 },
            b_major: Major::K,
            c: Strided { address: layer.gates.address, row, model: s.steps * s.batch * row, dir: 0 },
            c_format: Format::Saved,
            bias: Some(Bias { address: layer.bias.address, model: row }),
            work: s.projection_work(),
        })?;
        let cells = nullable(layer.cells());
        let initial = nullable(a.initial.map(Buf::address));
        let multiprocessors = self.session.executor.multiprocessors();
        match layer.algorithm {
            Algorithm::Persistent | Algorithm::Cluster => {
                let arguments = PersistentForward {
                    weights: layer.recurrents.address,
                    gates: layer.gates.address,
                    lengths: a.lengths.address(),
                    initial,
                    y: a.y.address(),
                    cells,
                    last: a.last.address(),
                    batch,
                    steps,
                    hidden,
                    dirs,
                    save: u64::from(a.save),
                };
                let rows = self.tuning.rows.unwrap_or_else(|| persistent_rows(s, multiprocessors));
                let (kernel, blocks) = kernels.forward(layer.algorithm, s.batch, rows);
                self.session.launch(
                    &kernel,
                    &arguments,
                    [blocks, s.dirs, s.models],
                    s.time_loop_work(a.save),
                )?;
            }
            Algorithm::Streamed => unreachable!("{NO_STREAMED}"),
            Algorithm::PerStep => {
                // `h` before and after a time step.
                let h = layer.states(s);
                if a.initial.is_some() {
                    let arguments = StepBegin { initial, after: h[0], batch, hidden, dirs };
                    let grid = [(s.batch * s.hidden).div_ceil(THREADS as usize), 1, s.models * s.dirs];
                    self.session.launch(&kernels.step_begin(), &arguments, grid, Work::default())?;
                }
                let kernel = kernels.step_forward(step_blocks(s, multiprocessors));
                for step in 0..s.steps {
                    // Without an initial state the first time step has no recurrent part.
                    let has_before = step > 0 || a.initial.is_some();
                    let arguments = StepForward {
                        weights: layer.recurrents.address,
                        before: nullable(has_before.then_some(h[step % 2])),
                        after: h[(step + 1) % 2],
                        gates: layer.gates.address,
                        lengths: a.lengths.address(),
                        from: if step > 0 { a.last.address() } else { initial },
                        y: a.y.address(),
                        cells,
                        last: a.last.address(),
                        batch,
                        steps,
                        hidden,
                        dirs,
                        save: u64::from(a.save),
                        step: step as u64,
                    };
                    self.session.launch(
                        &kernel,
                        &arguments,
                        step_grid(s),
                        s.time_loop_work(a.save).share(1, s.steps),
                    )?;
                }
            }
        }
        Ok(())
    }
}
