//! The kernels of a recurrent layer.

use super::super::gemm::{Alignment, Format, Major, gemm_kernel, padded_row, size};
use super::super::kernel::{Arguments, Kernel, THREADS, bits};
use super::super::tile::Tile;
use super::plan::{CLUSTER, CLUSTER_ROWS, NO_STREAMED, PERSISTENT_ROWS, STEP_ROWS, fits};
use crate::backend::{Algorithm, Kind};
use crate::ops::{Cell, Precision, Rnn, Work};

/// The units of a layer, rounded up to whole warps of 16.
pub(super) fn padded(hidden: usize) -> usize {
    hidden.next_multiple_of(16)
}

/// The units of a layer, rounded up to whole blocks of a cluster, which have pairs of warps for 16 units.
pub(super) fn cluster_padded(hidden: usize) -> usize {
    hidden.next_multiple_of(16 * CLUSTER)
}

/// X: the elements of a row of the packed input, which ends in 1.
pub(super) fn x_row(input: usize, precision: Precision) -> usize {
    padded_row(input + 1, precision)
}

/// H': the elements of a row of the packed states.
pub(super) fn h_row(hidden: usize, precision: Precision) -> usize {
    padded_row(hidden, precision)
}

/// The kernels of a recurrent layer of this cell, these sizes and this precision.
#[derive(Clone, Copy)]
pub struct Kernels {
    /// The cell.
    pub cell: Cell,
    /// Features of a time step.
    pub input: usize,
    /// Directions: 1 or 2.
    pub dirs: usize,
    /// Units of a direction.
    pub hidden: usize,
    /// The precision of the operands of the GEMMs.
    pub precision: Precision,
}

impl Kernels {
    /// The kernels of the layer `s`.
    pub fn of(s: &Rnn, precision: Precision) -> Self {
        Kernels { cell: s.cell, input: s.input, dirs: s.dirs, hidden: s.hidden, precision }
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

    /// Packs the recurrent weights in the register layout of the kernels of a cluster. These kernels have the
    /// arguments of the persistent ones.
    pub(crate) fn pack_cluster(&self) -> Kernel {
        let constants = [("PADDED", cluster_padded(self.hidden) as u32), ("THREADS", THREADS)];
        Kernel::of_layer::<kernel::PackCluster>(self.cell, self.precision, &constants)
    }

    /// Runs the whole time loop forward, in clusters of blocks.
    pub(crate) fn cluster_forward(&self) -> Kernel {
        self.cluster::<kernel::ClusterForward>()
    }

    /// Runs the whole time loop backward, in clusters of blocks.
    pub(crate) fn cluster_backward(&self) -> Kernel {
        self.cluster::<kernel::ClusterBackward>()
    }

    /// The kernel of the whole time loop forward, and how many blocks of it run the rows of a batch. `rows`
    /// is for `persistent`.
    pub(super) fn forward(&self, algorithm: Algorithm, batch: usize, rows: usize) -> (Kernel, usize) {
        match algorithm {
            Algorithm::Cluster => (self.cluster_forward(), CLUSTER * batch.div_ceil(CLUSTER_ROWS)),
            Algorithm::Persistent => (self.persistent_forward(rows), batch.div_ceil(rows)),
            Algorithm::Streamed | Algorithm::PerStep => {
                unreachable!("no kernel of it runs a whole time loop")
            }
        }
    }

    /// The same backward.
    pub(super) fn backward(&self, algorithm: Algorithm, batch: usize, rows: usize) -> (Kernel, usize) {
        match algorithm {
            Algorithm::Cluster => (self.cluster_backward(), CLUSTER * batch.div_ceil(CLUSTER_ROWS)),
            Algorithm::Persistent => (self.persistent_backward(rows), batch.div_ceil(rows)),
            Algorithm::Streamed | Algorithm::PerStep => {
                unreachable!("no kernel of it runs a whole time loop")
            }
        }
    }

    /// A kernel that contains rnn_cluster.cu, which documents the constants.
    fn cluster<A: Arguments>(&self) -> Kernel {
        let (padded, cluster) = (cluster_padded(self.hidden) as u32, CLUSTER as u32);
        let constants = [
            ("PADDED", padded),
            ("ROWS", CLUSTER_ROWS as u32),
            ("CLUSTER", cluster),
            ("THREADS", 4 * padded / cluster),
        ];
        Kernel::of_layer::<A>(self.cell, self.precision, &constants)
    }

    /// Stores the initial state as operands before the first `step_forward`.
    pub(crate) fn step_begin(&self) -> Kernel {
        Kernel::of_cell::<kernel::StepBegin>(self.cell, self.precision)
    }

    /// Runs one time step forward; for `blocks` see [`step_blocks`].
    pub(crate) fn step_forward(&self, blocks: u32) -> Kernel {
        self.step::<kernel::StepForward>(blocks)
    }

    /// Runs one time step backward.
    pub(crate) fn step_backward(&self, blocks: u32) -> Kernel {
        self.step::<kernel::StepBackward>(blocks)
    }

    /// Computes the gradient by the initial state after the last `step_backward`.
    pub(crate) fn step_end(&self, blocks: u32) -> Kernel {
        self.step::<kernel::StepEnd>(blocks)
    }

    /// A kernel of one time step: eight warps a block.
    fn step<A: Arguments>(&self, blocks: u32) -> Kernel {
        let constants = [("PRECISION", bits(self.precision)), ("BLOCKS", blocks), ("THREADS", 256)];
        Kernel::new::<A>(Some(self.cell), &constants)
    }

    /// Stores the input as operands.
    pub(crate) fn pack_x(&self) -> Kernel {
        Kernel::new::<kernel::PackX>(None, &[("PRECISION", bits(self.precision)), ("THREADS", THREADS)])
    }

    /// Stores the states before each time step as operands.
    pub(crate) fn pack_h(&self) -> Kernel {
        Kernel::of_cell::<kernel::PackH>(self.cell, self.precision)
    }

    /// The GEMM for the input part of the gates.
    pub(crate) fn project(&self) -> Kernel {
        let columns = self.dirs * 4 * self.hidden;
        self.gemm(Major::K, &[], (Format::Saved, columns))
    }

    /// The GEMM for the gradient by the input.
    pub(crate) fn input_gradient(&self) -> Kernel {
        self.gemm(Major::N, &[self.dirs * 4 * self.hidden], (Format::F32, self.input))
    }

    /// A GEMM of so many rows that they occupy any GPU; for the elements of a row of A and C see
    /// [`Alignment::of`].
    fn gemm(&self, b: Major, a: &[usize], (format, columns): (Format, usize)) -> Kernel {
        let alignment = Alignment::of(self.precision, a, (format, &[columns]));
        gemm_kernel(self.precision, format, b, alignment, Tile::of([1 << 15, columns], 1, 1))
    }

    /// The columns of the weight gradients: x and 1, then h, with padding.
    pub(super) fn gradient_columns(&self) -> usize {
        x_row(self.input, self.precision) + h_row(self.hidden, self.precision)
    }

    /// The tile of the GEMM of the weight gradients. Its number of splits, which the sums depend on, follows
    /// from the tile, so that the tile is the same on every GPU. The splits occupy it.
    pub(super) fn gradient_tile(&self) -> Tile {
        Tile::of([4 * self.hidden, self.gradient_columns()], 1, 1)
    }

    /// Computes the splits of the weight gradient.
    pub(crate) fn weight_gradient(&self) -> Kernel {
        let alignment = Alignment::of(self.precision, &[4 * self.hidden], (Format::F32, &[]));
        self.weight_gradient_of(self.gradient_tile(), alignment)
    }

    fn weight_gradient_of(&self, tile: Tile, alignment: Alignment) -> Kernel {
        let constants = [("PRECISION", bits(self.precision)), ("IS_ALIGNED", alignment.constant())];
        Kernel::new::<kernel::WeightGradient>(None, &[&constants[..], &tile.constants()].concat())
    }

    /// Adds the splits of the weight gradient.
    pub(crate) fn weight_gradient_sum(&self) -> Kernel {
        Kernel::of_cell::<kernel::WeightGradientSum>(self.cell, self.precision)
    }

    /// The kernels of a training step with all gradients and a large batch, in the order of their first
    /// launch. A small batch may have GEMMs of smaller tiles. A step launches each time loop with one number
    /// of rows.
    pub fn all(&self, algorithm: Algorithm) -> Vec<Kernel> {
        let time_loop = match algorithm {
            Algorithm::Persistent => {
                let before = [self.pack_persistent(), self.pack_input(), self.pack_x(), self.project()];
                let forward = PERSISTENT_ROWS.map(|rows| self.persistent_forward(rows));
                let backward = PERSISTENT_ROWS.map(|rows| self.persistent_backward(rows));
                [&before[..], &forward, &backward, &[self.input_gradient()]].concat()
            }
            Algorithm::Cluster => vec![
                self.pack_cluster(),
                self.pack_input(),
                self.pack_x(),
                self.project(),
                self.cluster_forward(),
                self.cluster_backward(),
                self.input_gradient(),
            ],
            Algorithm::Streamed => unreachable!("{NO_STREAMED}"),
            Algorithm::PerStep => vec![
                self.pack_step(),
                self.pack_input(),
                self.pack_x(),
                self.project(),
                self.step_begin(),
                self.step_forward(1),
                self.step_backward(1),
                self.step_end(1),
                self.step_forward(2),
                self.step_backward(2),
                self.step_end(2),
                self.input_gradient(),
            ],
        };
        let gradients = [self.pack_h(), self.weight_gradient(), self.weight_gradient_sum()];
        time_loop.into_iter().chain(gradients).collect()
    }
}

/// The work of storing `f32`s as `operands`.
pub(super) fn pack_work(precision: Precision, reals: usize, operands: usize) -> Work {
    Work { flops: 0, bytes: (4 * reals + size(precision) * operands) as u64 }
}

/// The grid of a kernel of one time step: a block computes 16 units of [`STEP_ROWS`] batch rows.
pub(super) fn step_grid(s: &Rnn) -> [usize; 3] {
    [s.hidden.div_ceil(16), s.batch.div_ceil(STEP_ROWS), s.models * s.dirs]
}

/// Blocks of a kernel of one time step that share a multiprocessor. Where each block has one to itself, its
/// registers take the operands of twice as many multiplications at once. The results are the same bits.
pub(super) fn step_blocks(s: &Rnn, multiprocessors: usize) -> u32 {
    if step_grid(s).iter().product::<usize>() <= multiprocessors { 1 } else { 2 }
}

/// Every kernel of any layer.
pub fn every() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for &precision in Kind::Cuda.precisions() {
        for (tile, alignment) in Tile::ALL.into_iter().flat_map(|tile| Alignment::ALL.map(|a| (tile, a))) {
            let [project, input_gradient] = [(Format::Saved, Major::K), (Format::F32, Major::N)]
                .map(|(format, b)| gemm_kernel(precision, format, b, alignment, tile));
            let layer = Kernels { cell: Cell::Lstm, input: 1, dirs: 1, hidden: 1, precision };
            kernels.extend([project, input_gradient, layer.weight_gradient_of(tile, alignment)]);
        }
        for cell in Cell::ALL {
            for algorithm in Algorithm::ALL {
                // An odd and an even width of each number of warps.
                let widths = (1..=16).flat_map(|warps| [16 * warps - 1, 16 * warps]);
                for hidden in widths.filter(|&hidden| fits(algorithm, hidden, precision, true)) {
                    kernels.extend(Kernels { cell, input: 1, dirs: 1, hidden, precision }.all(algorithm));
                }
            }
        }
    }
    kernels
}

/// The kernels and their arguments.
pub(super) mod kernel {
    super::super::super::kernel::kernels_with_arguments! {
        PackCluster of PackPersistent, "pack weights", "rnn_pack_cluster", ["rnn_slots"];
        ClusterForward of PersistentForward, "rnn forward, cluster", "rnn_cluster_forward",
            ["rnn_cell", "rnn_cluster", "rnn_queue"];
        ClusterBackward of PersistentBackward, "rnn backward, cluster", "rnn_cluster_backward",
            ["rnn_cell", "rnn_cluster", "rnn_queue"];
    }

    super::super::super::kernel::kernels! {
        PackInput, "pack weights", "rnn_pack_input", ["rnn_slots"] {
            "const float*": weights;
            "operand_t*": inputs;
            "float*": bias;
            "size_t": stride;
            "unsigned": input row hidden biases dirs;
        }
        PackX, "pack inputs", "rnn_pack_x", [] {
            "const float*": x;
            "const unsigned*": lengths;
            "operand_t*": to;
            "unsigned": batch steps input x_row;
        }
        PackH, "pack states", "rnn_pack_h", [] {
            "const float*": y initial;
            "const unsigned*": lengths;
            "operand_t*": to;
            "unsigned": batch steps hidden dirs h_row;
        }
        PackStep, "pack weights", "rnn_pack_step", ["rnn_slots", "rnn_squares"] {
            "const float*": weights;
            "operand_t*": forward backward;
            "size_t": stride;
            "unsigned": input hidden biases dirs;
        }
        PackPersistent, "pack weights", "rnn_pack_persistent", ["rnn_cell", "rnn_persistent"] {
            "const float*": weights;
            "uint4*": forward backward;
            "size_t": stride;
            "unsigned": input hidden biases dirs;
        }
        PersistentForward, "rnn forward, persistent", "rnn_persistent_forward", ["rnn_cell", "rnn_persistent", "rnn_queue"] {
            "const uint4*": weights;
            "saved_t*": gates;
            "const unsigned*": lengths;
            "const float*": initial;
            "float*": y cells last;
            "unsigned": batch steps hidden dirs save;
        }
        PersistentBackward, "rnn backward, persistent", "rnn_persistent_backward", ["rnn_cell", "rnn_persistent", "rnn_queue"] {
            "const uint4*": weights;
            "saved_t*": gates;
            "const unsigned*": lengths;
            "const float*": initial cells y dy d_last;
            "float*": d_initial;
            "unsigned": batch steps hidden dirs;
        }
        StepBegin, "rnn forward, begin", "rnn_step_begin", ["rnn_squares"] {
            "const float*": initial;
            "uint4*": after;
            "unsigned": batch hidden dirs;
        }
        StepForward, "rnn forward, step", "rnn_step_forward", ["rnn_squares", "rnn_cell", "rnn_step"] {
            "const uint4*": weights before;
            "uint4*": after;
            "saved_t*": gates;
            "const unsigned*": lengths;
            "const float*": from;
            "float*": y cells last;
            "unsigned": batch steps hidden dirs save step;
        }
        StepBackward, "rnn backward, step", "rnn_step_backward", ["rnn_squares", "rnn_cell", "rnn_step"] {
            "const uint4*": weights before;
            "uint4*": after;
            "saved_t*": gates;
            "const unsigned*": lengths;
            "const float*": initial cells y dy from;
            "float*": carry;
            "unsigned": batch steps hidden dirs step;
        }
        StepEnd, "rnn backward, end", "rnn_step_end", ["rnn_squares", "rnn_cell", "rnn_step"] {
            "const uint4*": weights before;
            "const float*": carry;
            "float*": d_initial;
            "unsigned": batch hidden dirs;
        }
        WeightGradient, "weight gradient", "rnn_weight_gradient", ["gemm_tile", "gemm_copies"] {
            "const operand_t*": deltas x h;
            "float*": partial;
            "unsigned": model depth hidden dirs share x_row h_row;
        }
        WeightGradientSum, "weight gradient sum", "rnn_weight_gradient_sum", ["rnn_slots"] {
            "const float*": partial;
            "float*": d_weights;
            "size_t": stride;
            "unsigned": model input hidden biases dirs splits x_row h_row;
        }
    }
}
