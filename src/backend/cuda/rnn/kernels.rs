//! The kernels of a recurrent layer.

use super::super::kernel::{Kernel, THREADS};
use super::super::product::product_kernel;
use super::plan::Regime;
use crate::ops::{Cell, Precision, Rnn};

/// Units to whole warps of 16.
pub fn padded(hidden: usize) -> usize {
    hidden.next_multiple_of(16)
}

/// The kernels of a layer.
#[derive(Clone, Copy)]
pub struct Kernels {
    pub cell: Cell,
    pub hidden: usize,
    pub precision: Precision,
}

impl Kernels {
    pub fn of(s: &Rnn, precision: Precision) -> Self {
        Kernels { cell: s.cell, hidden: s.hidden, precision }
    }

    pub fn pack_input(&self) -> Kernel {
        Kernel::of_cell::<kernel::PackInput>(self.cell, self.precision)
    }

    pub fn pack_step(&self) -> Kernel {
        Kernel::of_cell::<kernel::PackStep>(self.cell, self.precision)
    }

    pub fn pack_solo(&self) -> Kernel {
        Kernel::of_width::<kernel::PackSolo>(self.cell, self.precision, padded(self.hidden), THREADS)
    }

    pub fn solo_forward(&self) -> Kernel {
        Kernel::of_width::<kernel::SoloForward>(
            self.cell,
            self.precision,
            padded(self.hidden),
            self.solo_threads(),
        )
    }

    pub fn solo_backward(&self) -> Kernel {
        Kernel::of_width::<kernel::SoloBackward>(
            self.cell,
            self.precision,
            padded(self.hidden),
            self.solo_threads(),
        )
    }

    /// A warp for 16 units.
    fn solo_threads(&self) -> u32 {
        2 * padded(self.hidden) as u32
    }

    pub fn step_forward(&self) -> Kernel {
        Kernel::of_cell::<kernel::StepForward>(self.cell, self.precision)
    }

    pub fn step_backward(&self) -> Kernel {
        Kernel::of_cell::<kernel::StepBackward>(self.cell, self.precision)
    }

    pub fn step_end(&self) -> Kernel {
        Kernel::of_cell::<kernel::StepEnd>(self.cell, self.precision)
    }

    pub fn project(&self) -> Kernel {
        product_kernel(self.precision, false, true, true)
    }

    pub fn recurrent_product(&self) -> Kernel {
        product_kernel(self.precision, false, true, false)
    }

    pub fn gradient_product(&self) -> Kernel {
        product_kernel(self.precision, true, false, false)
    }

    pub fn weight_gradient(&self) -> Kernel {
        Kernel::of_cell::<kernel::WeightGradient>(self.cell, self.precision)
    }

    pub fn weight_gradient_sum(&self) -> Kernel {
        Kernel::of_cell::<kernel::WeightGradientSum>(self.cell, self.precision)
    }

    /// Those of a training step with all gradients, in the order of their first launch.
    pub fn all(&self, regime: Regime) -> Vec<Kernel> {
        let walk = match regime {
            Regime::Solo => vec![
                self.pack_solo(),
                self.pack_input(),
                self.project(),
                self.solo_forward(),
                self.solo_backward(),
                self.gradient_product(),
            ],
            Regime::PerStep => vec![
                self.pack_step(),
                self.pack_input(),
                self.project(),
                self.recurrent_product(),
                self.step_forward(),
                self.step_backward(),
                self.gradient_product(),
                self.step_end(),
            ],
        };
        walk.into_iter().chain([self.weight_gradient(), self.weight_gradient_sum()]).collect()
    }
}

/// A thread per cell of a step.
pub fn step_grid(s: &Rnn) -> [usize; 3] {
    [(s.batch * s.hidden).div_ceil(THREADS as usize), s.dirs, s.models]
}

/// Every kernel that a layer may ask for.
pub fn every() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for precision in Precision::ALL {
        for cell in Cell::ALL {
            for regime in Regime::ALL {
                let widths = (16..=128).step_by(16).filter(|&hidden| regime.runs(hidden, precision));
                kernels.extend(widths.flat_map(|hidden| Kernels { cell, hidden, precision }.all(regime)));
            }
        }
    }
    kernels
}

/// The kernels and their arguments.
pub mod kernel {
    super::super::super::kernel::kernels! {
        PackInput, "pack weights", "rnn_pack_input", ["rnn_slots"] {
            "const float*": weights;
            "operand_t*": inputs;
            "float*": bias;
            "size_t": stride;
            "unsigned": input hidden biases dirs;
        }
        PackStep, "pack weights", "rnn_pack_step", ["rnn_slots"] {
            "const float*": weights;
            "operand_t*": recurrents;
            "size_t": stride;
            "unsigned": input hidden biases dirs;
        }
        PackSolo, "pack weights", "rnn_pack_solo", ["rnn_solo"] {
            "const float*": weights;
            "uint4*": forward backward;
            "size_t": stride;
            "unsigned": input hidden biases dirs;
        }
        SoloForward, "rnn forward, solo", "rnn_solo_forward", ["rnn_solo"] {
            "const uint4*": weights;
            "kept_t*": gates;
            "const unsigned*": lengths;
            "const float*": initial;
            "float*": y cells last;
            "unsigned": batch steps hidden dirs keep;
        }
        SoloBackward, "rnn backward, solo", "rnn_solo_backward", ["rnn_solo"] {
            "const uint4*": weights;
            "kept_t*": gates;
            "const unsigned*": lengths;
            "const float*": initial cells y dy d_last;
            "float*": d_initial;
            "unsigned": batch steps hidden dirs;
        }
        StepForward, "rnn forward, step", "rnn_step_forward", [] {
            "kept_t*": gates;
            "const unsigned*": lengths;
            "const float*": initial recurrent;
            "float*": y cells last;
            "unsigned": batch steps hidden dirs keep step;
        }
        StepBackward, "rnn backward, step", "rnn_step_backward", [] {
            "kept_t*": gates;
            "const unsigned*": lengths;
            "const float*": initial cells y dy d_last product;
            "float*": carry;
            "unsigned": batch steps hidden dirs step;
        }
        StepEnd, "rnn backward, end", "rnn_step_end", [] {
            "const float*": carry product;
            "float*": d_initial;
            "unsigned": batch hidden dirs;
        }
        WeightGradient, "weight gradient", "rnn_weight_gradient", ["tile"] {
            "const kept_t*": deltas;
            "const float*": x y initial;
            "const unsigned*": lengths;
            "float*": partial;
            "unsigned": model batch steps input hidden dirs share batch_factor batch_shift;
        }
        WeightGradientSum, "weight gradient sum", "rnn_weight_gradient_sum", [] {
            "const float*": partial;
            "float*": d_weights;
            "size_t": stride;
            "unsigned": model input hidden biases dirs splits;
        }
    }
}
