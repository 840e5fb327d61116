//! Forward: the input's part of the gates as one product, then the time loop.

use super::super::device::Cuda;
use super::super::executor::Executor;
use super::super::memory::address;
use super::super::product::{Product, Strided};
use super::kernels::kernel::{SoloForward, StepForward};
use super::kernels::{Kernels, step_grid};
use super::layer::SOLO_ROWS;
use super::plan::Regime;
use crate::error::Result;
use crate::ops::{Checked, Rnn, RnnForward, RnnForwardOperands, Runs, Work};

impl<E: Executor> Runs<RnnForward> for Cuda<E> {
    fn execute(&self, s: &Rnn, a: RnnForwardOperands<Self>, _: Checked) -> Result<()> {
        let kernels = Kernels::of(s, self.precision);
        let layer = &a.layer.memory;
        layer.check(self.precision);
        let row = s.dirs * 4 * s.hidden;
        self.product(&Product {
            label: "input projection",
            precision: self.precision,
            models: s.models,
            dirs: 1,
            rows: s.steps * s.batch,
            columns: row,
            depth: s.input,
            a: Strided { address: a.x.address(), row: s.input, model: s.steps * s.batch * s.input, dir: 0 },
            a_is_kept: false,
            b: Strided { address: layer.inputs.address, row: s.input, model: row * s.input, dir: 0 },
            b_is_deep: true,
            c: Strided { address: layer.gates.address, row, model: s.steps * s.batch * row, dir: 0 },
            c_is_kept: true,
            bias: (layer.bias.address, row),
            work: s.projection_work(),
        })?;
        let cells = layer.cells();
        let [batch, steps, hidden, dirs] = [s.batch, s.steps, s.hidden, s.dirs].map(|n| n as u64);
        match layer.regime {
            Regime::Solo => {
                let arguments = SoloForward {
                    weights: layer.recurrents.address,
                    gates: layer.gates.address,
                    lengths: a.lengths.address(),
                    initial: address(a.initial),
                    y: a.y.address(),
                    cells,
                    last: a.last.address(),
                    batch,
                    steps,
                    hidden,
                    dirs,
                    keep: u64::from(a.keep),
                };
                let grid = [s.batch.div_ceil(SOLO_ROWS), s.dirs, s.models];
                self.session.launch(&kernels.solo_forward(), &arguments, grid, s.walk_work(a.keep))?;
            }
            Regime::PerStep => {
                let product = layer.step_product();
                for step in 0..s.steps {
                    // Before the first step the state is given, or nothing flows back.
                    let state = if step == 0 { address(a.initial) } else { a.last.address() };
                    if state != 0 {
                        self.product(&Product {
                            label: "recurrent product",
                            precision: self.precision,
                            models: s.models,
                            dirs: s.dirs,
                            rows: s.batch,
                            columns: 4 * s.hidden,
                            depth: s.hidden,
                            a: Strided {
                                address: state,
                                row: s.hidden,
                                model: s.cell.states() * s.dirs * s.batch * s.hidden,
                                dir: (s.batch * s.hidden) as isize,
                            },
                            a_is_kept: false,
                            b: layer.step_weights(s),
                            b_is_deep: true,
                            c: Strided {
                                address: product,
                                row: 4 * s.hidden,
                                model: s.dirs * s.batch * 4 * s.hidden,
                                dir: (s.batch * 4 * s.hidden) as isize,
                            },
                            c_is_kept: false,
                            bias: (0, 0),
                            work: s.walk_work(a.keep).share(1, s.steps),
                        })?;
                    }
                    let arguments = StepForward {
                        gates: layer.gates.address,
                        lengths: a.lengths.address(),
                        initial: address(a.initial),
                        recurrent: if state == 0 { 0 } else { product },
                        y: a.y.address(),
                        cells,
                        last: a.last.address(),
                        batch,
                        steps,
                        hidden,
                        dirs,
                        keep: u64::from(a.keep),
                        step: step as u64,
                    };
                    self.session.launch(
                        &kernels.step_forward(),
                        &arguments,
                        step_grid(s),
                        Work::default(),
                    )?;
                }
            }
        }
        Ok(())
    }
}
