//! The kernels of a recurrent layer.

use super::super::blocks::DEPTH;
use super::super::kernel::{Kernel, parameters};
use super::plan::{self, COLUMNS, LANES, ROWS};
use super::view::TimeLoop;
use crate::backend::Algorithm;
use crate::ops::{Cell, Rnn, RnnSize};

parameters! {
    /// Of the packing.
    Pack {
        input, hidden, dirs, gates, joint, biases, padded_input, padded_hidden, stride, weights_base, len, is_backward,
    }
}

const TILE: [(&str, u32); 3] = [("LANES", LANES as u32), ("ROWS", ROWS as u32), ("DEPTH", DEPTH as u32)];

/// The kernels of a layer, as its plan and the device's limits specialize them.
pub struct Kernels<'a> {
    pub s: &'a Rnn,
    pub algorithm: Algorithm,
    pub limits: &'a wgpu::Limits,
}

impl<'a> Kernels<'a> {
    pub fn of(s: &'a Rnn, algorithm: Algorithm, limits: &'a wgpu::Limits) -> Self {
        Kernels { s, algorithm, limits }
    }

    /// All that a training step launches, in that order.
    pub fn all(&self) -> Vec<Kernel> {
        vec![
            pack(),
            project(),
            self.forward(true),
            self.backward(),
            self.weight_gradient(),
            weight_gradient_sum(),
            self.input_gradient(),
        ]
    }

    pub fn forward(&self, save: bool) -> Kernel {
        let (cell, save) = (self.s.cell, ("SAVE", u32::from(save)));
        match self.algorithm {
            Algorithm::Persistent => {
                kernel::persistent_forward::<TimeLoop>(cell, &[&self.registers()[..], &[save]].concat())
            }
            Algorithm::Streamed => {
                kernel::streamed_forward::<TimeLoop>(cell, &[&self.streamed(ROWS)[..], &[save]].concat())
            }
            Algorithm::Cluster => unreachable!("{}", plan::NO_CLUSTER),
            Algorithm::PerStep => kernel::step_forward::<TimeLoop>(cell, &[&TILE[..], &[save]].concat()),
        }
    }

    pub fn backward(&self) -> Kernel {
        let cell = self.s.cell;
        match self.algorithm {
            Algorithm::Persistent => kernel::persistent_backward::<TimeLoop>(cell, &self.registers()),
            Algorithm::Streamed => {
                let rows = plan::streamed_rows(self.s, self.limits);
                kernel::streamed_backward::<TimeLoop>(cell, &self.streamed(rows))
            }
            Algorithm::Cluster => unreachable!("{}", plan::NO_CLUSTER),
            Algorithm::PerStep => kernel::step_backward::<TimeLoop>(cell, &TILE),
        }
    }

    pub fn weight_gradient(&self) -> Kernel {
        let constants = [("LANES", LANES as u32), ("COLUMNS", COLUMNS as u32), ("DEPTH", DEPTH as u32)];
        kernel::weight_gradient::<TimeLoop>(&constants)
    }

    pub fn input_gradient(&self) -> Kernel {
        kernel::input_gradient::<TimeLoop>(self.s.cell, &TILE)
    }

    fn registers(&self) -> [(&'static str, u32); 3] {
        let (gates, hidden) = (self.s.cell.gates() as u32, self.s.hidden as u32);
        [("GATES", gates), ("UNITS", hidden), ("PADDED", hidden.next_multiple_of(4))]
    }

    fn streamed(&self, rows: usize) -> [(&'static str, u32); 2] {
        [("LANES", plan::streamed_lanes(self.s, self.limits) as u32), ("ROWS", rows as u32)]
    }

    /// Rows of the batch that a workgroup of the time loop takes.
    pub fn rows(&self, backward: bool) -> usize {
        match self.algorithm {
            Algorithm::Persistent => self.s.cell.gates(),
            Algorithm::Streamed if backward => plan::streamed_rows(self.s, self.limits),
            Algorithm::Cluster => unreachable!("{}", plan::NO_CLUSTER),
            Algorithm::Streamed | Algorithm::PerStep => ROWS,
        }
    }
}

/// Every kernel of a layer on a device: of each width the algorithm that is chosen there. The widest layers
/// share their kernels, whatever their number of units.
pub fn kernels(limits: &wgpu::Limits, is_software: bool) -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for cell in Cell::ALL {
        for hidden in 1..=plan::STREAMED_UNITS + 1 {
            let s = Rnn::one(cell, RnnSize { batch: 1, steps: 1, input: 1, hidden });
            let of_layer = Kernels::of(&s, plan::choose(&s, limits, is_software), limits);
            kernels.extend(of_layer.all());
            kernels.push(of_layer.forward(false));
        }
    }
    kernels
}

pub fn pack() -> Kernel {
    kernel::pack::<Pack>(&[])
}

pub fn project() -> Kernel {
    kernel::project::<TimeLoop>(&TILE)
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
        persistent_forward, "rnn forward, registers", "rnn_persistent_forward", ["rnn_layout", "lengths"];
        persistent_backward, "rnn backward, registers", "rnn_persistent_backward", ["rnn_layout", "lengths", "rnn_previous"];
        streamed_forward, "rnn forward, streamed", "rnn_streamed_forward", ["rnn_layout", "lengths"];
        streamed_backward, "rnn backward, streamed", "rnn_streamed_backward", ["rnn_layout", "lengths", "rnn_previous"];
        step_forward, "rnn forward, per step", "rnn_step_forward", ["rnn_layout", "lengths"];
        step_backward, "rnn backward, per step", "rnn_step_backward", ["rnn_layout", "lengths", "rnn_previous"];
        input_gradient, "input gradient", "rnn_input_gradient", ["rnn_layout"];
    }
}
