//! The kernels of a recurrent layer.

use super::super::gemm::{Format, Major, gemm_kernel};
use super::super::kernel::{Arguments, Kernel, THREADS};
use super::plan::{NO_STREAMED, PERSISTENT_ROWS, fits};
use crate::backend::Algorithm;
use crate::ops::{Cell, Precision, Rnn};

/// The units of a layer, rounded up to whole warps of 16.
pub(super) fn padded(hidden: usize) -> usize {
    hidden.next_multiple_of(16)
}

/// The kernels of a recurrent layer of this cell, width and precision.
#[derive(Clone, Copy)]
pub struct Kernels {
    /// The cell.
    pub cell: Cell,
    /// Units of a direction.
    pub hidden: usize,
    /// The precision of the operands of the GEMMs.
    pub precision: Precision,
}

impl Kernels {
    /// The kernels of the layer `s`.
    pub fn of(s: &Rnn, precision: Precision) -> Self {
        Kernels { cell: s.cell, hidden: s.hidden, precision }
    }

    /// Packs the input weights and the biases.
    pub(crate) fn pack_input(&self) -> Kernel {
        Kernel::of_cell::<kernel::PackInput>(self.cell, self.precision)
    }

    /// Packs the recurrent weights for the algorithm `per-step`.
    pub(crate) fn pack_step(&self) -> Kernel {
        Kernel::of_cell::<kernel::PackStep>(self.cell, self.precision)
    }

    /// Packs the recurrent weights in the register layout of the persistent kernels, which is the same for
    /// every number of rows.
    pub(crate) fn pack_persistent(&self) -> Kernel {
        self.persistent::<kernel::PackPersistent>(2, THREADS)
    }

    /// Runs the whole time loop forward, in blocks of `rows` batch rows.
    pub(crate) fn persistent_forward(&self, rows: usize) -> Kernel {
        self.persistent::<kernel::PersistentForward>(rows, self.persistent_threads())
    }

    /// Runs the whole time loop backward, in blocks of `rows` batch rows.
    pub(crate) fn persistent_backward(&self, rows: usize) -> Kernel {
        self.persistent::<kernel::PersistentBackward>(rows, self.persistent_threads())
    }

    /// The threads of a block of the persistent kernels: a warp for 16 units.
    fn persistent_threads(&self) -> u32 {
        2 * padded(self.hidden) as u32
    }

    /// A kernel that contains rnn_persistent.cu, which documents the constants.
    fn persistent<A: Arguments>(&self, rows: usize, threads: u32) -> Kernel {
        let pairs = rows == 8 && self.precision == Precision::Bf16 && self.hidden.is_multiple_of(2);
        let constants = [
            ("PADDED", padded(self.hidden) as u32),
            ("ROWS", rows as u32),
            ("PAIRS", pairs.into()),
            ("THREADS", threads),
        ];
        Kernel::of_layer::<A>(self.cell, self.precision, &constants)
    }

    /// Runs the cells of one time step forward.
    pub(crate) fn step_forward(&self) -> Kernel {
        Kernel::of_cell::<kernel::StepForward>(self.cell, self.precision)
    }

    /// Runs the cells of one time step backward.
    pub(crate) fn step_backward(&self) -> Kernel {
        Kernel::of_cell::<kernel::StepBackward>(self.cell, self.precision)
    }

    /// Computes the gradient by the initial state after the last `step_backward`.
    pub(crate) fn step_end(&self) -> Kernel {
        Kernel::of_cell::<kernel::StepEnd>(self.cell, self.precision)
    }

    /// The GEMM for the input part of the gates.
    pub(crate) fn project(&self) -> Kernel {
        gemm_kernel(self.precision, Format::F32, Major::K, Format::Saved)
    }

    /// The GEMM for the recurrent part of the gates of one time step.
    pub(crate) fn recurrent_gemm(&self) -> Kernel {
        gemm_kernel(self.precision, Format::F32, Major::K, Format::F32)
    }

    /// The GEMM for the gradient by the input, or by the state before a time step.
    pub(crate) fn gradient_gemm(&self) -> Kernel {
        gemm_kernel(self.precision, Format::Saved, Major::N, Format::F32)
    }

    /// Computes the splits of the weight gradient.
    pub(crate) fn weight_gradient(&self) -> Kernel {
        Kernel::of_cell::<kernel::WeightGradient>(self.cell, self.precision)
    }

    /// Adds the splits of the weight gradient.
    pub(crate) fn weight_gradient_sum(&self) -> Kernel {
        Kernel::of_cell::<kernel::WeightGradientSum>(self.cell, self.precision)
    }

    /// The kernels of a training step with all gradients, in the order of their first launch. A step launches
    /// each time loop with one number of rows.
    pub fn all(&self, algorithm: Algorithm) -> Vec<Kernel> {
        let time_loop = match algorithm {
            Algorithm::Persistent => {
                let before = [self.pack_persistent(), self.pack_input(), self.project()];
                let forward = PERSISTENT_ROWS.map(|rows| self.persistent_forward(rows));
                let backward = PERSISTENT_ROWS.map(|rows| self.persistent_backward(rows));
                [&before[..], &forward, &backward, &[self.gradient_gemm()]].concat()
            }
            Algorithm::Streamed => unreachable!("{NO_STREAMED}"),
            Algorithm::PerStep => vec![
                self.pack_step(),
                self.pack_input(),
                self.project(),
                self.recurrent_gemm(),
                self.step_forward(),
                self.step_backward(),
                self.gradient_gemm(),
                self.step_end(),
            ],
        };
        time_loop.into_iter().chain([self.weight_gradient(), self.weight_gradient_sum()]).collect()
    }
}

/// The grid for one thread per cell of a time step.
pub(super) fn step_grid(s: &Rnn) -> [usize; 3] {
    [(s.batch * s.hidden).div_ceil(THREADS as usize), s.dirs, s.models]
}

/// Every kernel of any layer.
pub fn every() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for precision in Precision::ALL {
        for cell in Cell::ALL {
            for algorithm in Algorithm::ALL {
                // An odd and an even width of each number of warps.
                let widths = (1..=8).flat_map(|warps| [16 * warps - 1, 16 * warps]);
                let widths = widths.filter(|&hidden| fits(algorithm, hidden, precision));
                kernels.extend(widths.flat_map(|hidden| Kernels { cell, hidden, precision }.all(algorithm)));
            }
        }
    }
    kernels
}

/// The kernels and their arguments.
pub(super) mod kernel {
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
        PackPersistent, "pack weights", "rnn_pack_persistent", ["rnn_persistent"] {
            "const float*": weights;
            "uint4*": forward backward;
            "size_t": stride;
            "unsigned": input hidden biases dirs;
        }
        PersistentForward, "rnn forward, persistent", "rnn_persistent_forward", ["rnn_persistent"] {
            "const uint4*": weights;
            "saved_t*": gates;
            "const unsigned*": lengths;
            "const float*": initial;
            "float*": y cells last;
            "unsigned": batch steps hidden dirs save;
        }
        PersistentBackward, "rnn backward, persistent", "rnn_persistent_backward", ["rnn_persistent"] {
            "const uint4*": weights;
            "saved_t*": gates;
            "const unsigned*": lengths;
            "const float*": initial cells y dy d_last;
            "float*": d_initial;
            "unsigned": batch steps hidden dirs;
        }
        StepForward, "rnn forward, step", "rnn_step_forward", [] {
            "saved_t*": gates;
            "const unsigned*": lengths;
            "const float*": initial recurrent;
            "float*": y cells last;
            "unsigned": batch steps hidden dirs save step;
        }
        StepBackward, "rnn backward, step", "rnn_step_backward", [] {
            "saved_t*": gates;
            "const unsigned*": lengths;
            "const float*": initial cells y dy d_last recurrent;
            "float*": carry;
            "unsigned": batch steps hidden dirs step;
        }
        StepEnd, "rnn backward, end", "rnn_step_end", [] {
            "const float*": carry recurrent;
            "float*": d_initial;
            "unsigned": batch hidden dirs;
        }
        WeightGradient, "weight gradient", "rnn_weight_gradient", ["gemm_tile"] {
            "const saved_t*": deltas;
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
