//! The kernels of a recurrent layer.

use super::super::kernel::{Kernel, parameters};
use super::format::Format;
use super::plan::{self, Plan, ROWS, STEP_TILE, Target, Tile, Tuning};
use super::view::TimeLoop;
use crate::backend::Algorithm;
use crate::error::Result;
use crate::ops::{Cell, Rnn, RnnSize};

parameters! {
    /// Of the packing.
    Pack {
        input, hidden, dirs, gates, joint, biases, padded_input, padded_hidden, stride, weights_base, len, is_backward,
    }
}

/// Features and units that the GEMMs over all time steps stage at a time, and features of a workgroup of the
/// input gradient.
const DEPTH: usize = 8;
const GRADIENT_DEPTH: usize = 2;
const FEATURES: usize = 64;

/// The kernels of a layer, as its plan and the device's limits specialize them.
pub struct Kernels<'a> {
    pub s: &'a Rnn,
    pub plan: &'a Plan,
    pub limits: &'a wgpu::Limits,
}

impl<'a> Kernels<'a> {
    pub fn of(s: &'a Rnn, plan: &'a Plan, limits: &'a wgpu::Limits) -> Self {
        Kernels { s, plan, limits }
    }

    /// All that a training step launches, in that order.
    pub fn all(&self) -> Vec<Kernel> {
        vec![
            pack(self.plan.format),
            self.project(),
            self.forward(true),
            self.backward(),
            self.weight_gradient(),
            weight_gradient_sum(),
            self.input_gradient(),
        ]
    }

    pub fn project(&self) -> Kernel {
        self.plan.format.of_kernel(kernel::project::<TimeLoop>(&tiled("ROWS", self.plan.tile)))
    }

    pub fn forward(&self, save: bool) -> Kernel {
        let (cell, save) = (self.s.cell, ("SAVE", u32::from(save)));
        let format = self.plan.format;
        match self.plan.algorithm {
            Algorithm::Persistent => {
                let constants = self.persistent(plan::persistent_parts(self.s, self.limits));
                let kernel =
                    kernel::persistent_forward::<TimeLoop>(cell, &[&constants[..], &[save]].concat());
                format.of_persistent_kernel(self.s.hidden, kernel)
            }
            Algorithm::Streamed => {
                let constants = [&self.streamed(ROWS)[..], &[save]].concat();
                format.of_kernel(kernel::streamed_forward::<TimeLoop>(cell, &constants))
            }
            Algorithm::Cluster => unreachable!("{}", plan::NO_CLUSTER),
            Algorithm::PerStep => format.of_kernel(kernel::step_forward::<TimeLoop>(cell, &[save])),
        }
    }

    pub fn backward(&self) -> Kernel {
        let (cell, format) = (self.s.cell, self.plan.format);
        match self.plan.algorithm {
            Algorithm::Persistent => {
                let parts = 2 * plan::persistent_parts(self.s, self.limits);
                let kernel = kernel::persistent_backward::<TimeLoop>(cell, &self.persistent(parts));
                format.of_persistent_kernel(self.s.hidden, kernel)
            }
            Algorithm::Streamed => {
                let rows = plan::streamed_rows(self.s, self.limits);
                format.of_kernel(kernel::streamed_backward::<TimeLoop>(cell, &self.streamed(rows)))
            }
            Algorithm::Cluster => unreachable!("{}", plan::NO_CLUSTER),
            Algorithm::PerStep => format.of_kernel(kernel::step_backward::<TimeLoop>(cell, &[])),
        }
    }

    pub fn weight_gradient(&self) -> Kernel {
        let tile = tiled("COLUMNS", self.plan.weight_tile);
        self.plan.format.of_kernel(kernel::weight_gradient::<TimeLoop>(&tile))
    }

    pub fn input_gradient(&self) -> Kernel {
        let rows = self.plan.tile.rows;
        let lanes = rows * FEATURES / 64;
        let constants = constants([
            ("ROWS", rows),
            ("FEATURES", FEATURES),
            ("DEPTH", GRADIENT_DEPTH),
            ("LEFT", rows * GRADIENT_DEPTH / lanes),
            ("RIGHT", FEATURES * GRADIENT_DEPTH / lanes),
        ]);
        self.plan.format.of_kernel(kernel::input_gradient::<TimeLoop>(self.s.cell, &constants))
    }

    /// Workgroups of the input projection for so many rows: along the rows, and of one model and direction.
    pub fn projection_tiles(&self, rows: usize) -> [usize; 2] {
        let tile = self.plan.tile;
        [rows.div_ceil(tile.rows), self.s.hidden.div_ceil(tile.units)]
    }

    /// Workgroups of the weight gradient: along the columns, and of one split, model and direction.
    pub fn weight_tiles(&self) -> [usize; 2] {
        let tile = self.plan.weight_tile;
        [plan::weight_columns(self.s).div_ceil(tile.rows), self.s.hidden.div_ceil(tile.units)]
    }

    /// Workgroups of the input gradient for so many rows: along the rows, and of one model.
    pub fn input_tiles(&self, rows: usize) -> [usize; 2] {
        [rows.div_ceil(self.plan.tile.rows), self.s.input.div_ceil(FEATURES)]
    }

    /// Workgroups of the time loop in one model and direction: along the rows, and along the units.
    pub fn time_loop_tiles(&self, backward: bool) -> [usize; 2] {
        let units =
            if self.plan.algorithm == Algorithm::PerStep { self.s.hidden.div_ceil(STEP_TILE) } else { 1 };
        [self.s.batch.div_ceil(self.rows(backward)), units]
    }

    fn persistent(&self, parts: usize) -> [(&'static str, u32); 4] {
        constants([
            ("UNITS", self.s.hidden),
            ("ROWS", self.plan.persistent_rows),
            ("PARTS", parts),
            ("DEPTH", self.s.hidden.div_ceil(parts)),
        ])
    }

    fn streamed(&self, rows: usize) -> [(&'static str, u32); 2] {
        [("LANES", plan::streamed_lanes(self.s, self.limits) as u32), ("ROWS", rows as u32)]
    }

    /// Rows of the batch that a workgroup of the time loop takes.
    fn rows(&self, backward: bool) -> usize {
        match self.plan.algorithm {
            Algorithm::Persistent => self.plan.persistent_rows,
            Algorithm::Streamed if backward => plan::streamed_rows(self.s, self.limits),
            Algorithm::Cluster => unreachable!("{}", plan::NO_CLUSTER),
            Algorithm::Streamed => ROWS,
            Algorithm::PerStep => STEP_TILE,
        }
    }
}

/// Every kernel of a layer on a device: of each width the algorithm that is chosen there, with the tiles and
/// rows of one, of some and of many workgroups. The widest layers share their kernels, whatever their number
/// of units.
///
/// # Errors
/// Any from [`Plan::new`].
pub fn kernels(target: &Target) -> Result<Vec<Kernel>> {
    let mut kernels = Vec::new();
    for cell in Cell::ALL {
        for hidden in 1..=plan::STREAMED_UNITS + 1 {
            for (batch, steps) in [(1, 1), (256, 1), (1024, 64)] {
                let s = Rnn::one(cell, RnnSize { batch, steps, input: 1, hidden });
                let plan = Plan::new(&s, &Tuning::default(), target)?;
                let of_layer = Kernels::of(&s, &plan, target.limits);
                kernels.extend(of_layer.all());
                kernels.push(of_layer.forward(false));
            }
        }
    }
    Ok(kernels)
}

pub fn pack(format: Format) -> Kernel {
    format.of_kernel(kernel::pack::<Pack>(&[]))
}

fn constants<const N: usize>(all: [(&'static str, usize); N]) -> [(&'static str, u32); N] {
    all.map(|(name, value)| (name, value as u32))
}

/// The constants of a GEMM of tiles; each invocation stages `LEFT` and `RIGHT` vectors of its operands.
fn tiled(rows: &'static str, tile: Tile) -> [(&'static str, u32); 5] {
    let lanes = tile.invocations();
    constants([
        (rows, tile.rows),
        ("UNITS", tile.units),
        ("DEPTH", DEPTH),
        ("LEFT", tile.rows * DEPTH / 4 / lanes),
        ("RIGHT", tile.units * DEPTH / lanes),
    ])
}

pub fn weight_gradient_sum() -> Kernel {
    kernel::weight_gradient_sum::<TimeLoop>(&[])
}

/// The kernels.
mod kernel {
    super::super::super::kernel::kernels! {
        pack, "pack weights", "rnn_pack", [];
        project, "input projection", "rnn_project", ["rnn_layout"];
        weight_gradient, "weight gradient", "rnn_weight_gradient", ["rnn_layout", "lengths"];
        weight_gradient_sum, "weight gradient sum", "rnn_weight_gradient_sum", [];
    }
    super::super::super::kernel::cell_kernels! {
        persistent_forward, "rnn forward, persistent", "rnn_persistent_forward", ["rnn_layout", "lengths"];
        persistent_backward, "rnn backward, persistent", "rnn_persistent_backward", ["rnn_layout", "lengths", "rnn_previous"];
        streamed_forward, "rnn forward, streamed", "rnn_streamed_forward", ["rnn_layout", "lengths"];
        streamed_backward, "rnn backward, streamed", "rnn_streamed_backward", ["rnn_layout", "lengths", "rnn_previous"];
        step_forward, "rnn forward, per step", "rnn_step_forward", ["rnn_layout", "lengths"];
        step_backward, "rnn backward, per step", "rnn_step_backward", ["rnn_layout", "lengths", "rnn_previous"];
        input_gradient, "input gradient", "rnn_input_gradient", ["rnn_layout"];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// The judge of machine code sees the kernels of the list, and so must every layer's be in it.
    #[test]
    fn every_layers_kernels_are_in_the_list() {
        let floor = wgpu::Limits::defaults();
        let large = wgpu::Limits {
            max_compute_invocations_per_workgroup: 1024,
            max_compute_workgroup_size_x: 1024,
            max_compute_workgroup_storage_size: 65_536,
            max_storage_buffer_binding_size: 2 << 30,
            ..floor.clone()
        };
        let devices = [(&floor, false), (&floor, true), (&large, false), (&large, true)];
        for (format, (limits, is_software)) in
            Format::ALL.into_iter().flat_map(|format| devices.map(|device| (format, device)))
        {
            let target = &Target { limits, is_software, format };
            let listed: HashSet<String> = kernels(target).unwrap().iter().map(Kernel::name).collect();
            let mut tiles = HashSet::new();
            for cell in Cell::ALL {
                for hidden in [1, 2, 33, 64, 65, 80, 81, 128, 256, 257, 300] {
                    for batch in [1, 3, 100, 128, 129, 256, 257, 512, 2000] {
                        for (steps, input) in [(1, 1), (1, 700), (60, 40), (500, 160)] {
                            for (models, dirs) in [(1, 1), (1, 2), (5, 1), (32, 2)] {
                                let one = Rnn::one(cell, RnnSize { batch, steps, input, hidden });
                                let s = Rnn { models, dirs, ..one };
                                let plan = Plan::new(&s, &Tuning::default(), target).unwrap();
                                let of_layer = Kernels::of(&s, &plan, limits);
                                tiles.insert((plan.tile.rows, plan.weight_tile.rows, plan.persistent_rows));
                                for kernel in of_layer.all().into_iter().chain([of_layer.forward(false)]) {
                                    assert!(listed.contains(&kernel.name()), "{} {s:?}", kernel.name());
                                }
                            }
                        }
                    }
                }
            }
            // The sizes make a difference.
            assert!(tiles.len() > 4, "{tiles:?}");
        }
    }
}
