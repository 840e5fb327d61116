//! The device memory of a recurrent layer.

use super::super::address::Address;
use super::super::executor::Executor;
use super::super::gemm::{padded_row, size};
use super::super::memory::Memory;
use super::super::session::Session;
use super::super::splits::Splits;
use super::kernels::{Kernels, cluster_padded, h_row, padded, x_row};
use super::plan::{STEP_ROWS, Tuning, choose};
use crate::backend::Algorithm;
use crate::error::Result;
use crate::ops::{Precision, Purpose, Rnn};

/// A recurrent layer on the device.
pub struct Layer<E: Executor> {
    /// The algorithm of its time loop.
    pub(super) algorithm: Algorithm,
    /// The precision that it was made for, which determines the sizes of its memory.
    precision: Precision,
    /// `(M, dirs, H, 4, D)` operands, in rows of [`padded_row`]: the input weights, with the packed gates of
    /// a unit side by side.
    pub(super) inputs: Memory<E>,
    /// `(M, T, B, X)` operands, see rnn_pack_x.cu: the input.
    pub(super) x: Memory<E>,
    /// `(M, dirs, H, 4)` `f32`: the biases of the input part of the gates.
    pub(super) bias: Memory<E>,
    /// The recurrent weights as operands, in the register layout of the forward kernel: see
    /// rnn_pack_persistent.cu and rnn_pack_step.cu.
    pub(super) recurrents: Memory<E>,
    /// `(M, T, B, dirs, H, 4)` in `saved_t`: the input part of the gates, then the gates, then their
    /// gradients.
    pub(super) gates: Memory<E>,
    /// `(2, M, dirs, B, H)` operands in squares, see rnn_squares.cu: `h` before and after a time step. Only
    /// for `per-step`.
    states: Option<Memory<E>>,
    /// The memory for backward, if the layer is trained.
    pub(super) training: Option<Training<E>>,
}

/// The memory that a layer needs for backward.
pub(super) struct Training<E: Executor> {
    /// The recurrent weights in the register layout of the backward kernel.
    pub backward: Memory<E>,
    /// `(M, T, B, dirs, H)` `f32`: the cell state after each time step, saved for backward. Only for an LSTM.
    pub cells: Option<Memory<E>>,
    /// `(M, S, dirs, B, H)` `f32`: the gradient by the state, without the term from the recurrent product.
    /// Only for `per-step`.
    pub carry: Option<Memory<E>>,
    /// `(2, M, dirs, B, H, 4)` operands in squares: the gradients by the gates of a time step and of the
    /// next. Only for `per-step`.
    deltas: Option<Memory<E>>,
    /// `(M, dirs, T, B, H')` operands, see rnn_pack_h.cu: the states before each time step.
    pub h: Memory<E>,
    /// `(models, splits, dirs, 4H, X + H')` `f32`: the partial sums of the weight gradients.
    pub partial: Memory<E>,
    /// How the sum of the weight gradients is split.
    pub splits: Splits,
}

/// The bytes of each field of a [`Layer`].
struct Sizes {
    algorithm: Algorithm,
    inputs: usize,
    x: usize,
    bias: usize,
    recurrents: usize,
    gates: usize,
    states: Option<usize>,
    training: Option<TrainingSizes>,
}

/// The bytes of each field of a [`Training`].
struct TrainingSizes {
    backward: usize,
    cells: Option<usize>,
    carry: Option<usize>,
    deltas: Option<usize>,
    h: usize,
    partial: usize,
    splits: Splits,
}

impl Sizes {
    fn of(
        tuning: &Tuning,
        precision: Precision,
        has_clusters: bool,
        s: &Rnn,
        purpose: Purpose,
    ) -> Result<Self> {
        let algorithm = choose(tuning.algorithm, s, precision, has_clusters)?;
        let (operand, sequences) = (size(precision), s.models * s.dirs);
        let per_step = algorithm == Algorithm::PerStep;
        let (units, forward_gates, backward_gates) = match algorithm {
            Algorithm::Cluster => (cluster_padded(s.hidden), 4, 4),
            Algorithm::PerStep => (padded(s.hidden), s.cell.gates(), 4),
            _ => (padded(s.hidden), s.cell.gates(), s.cell.gates()),
        };
        let square = units * units * operand;
        let states = 2 * padded_state(s) * operand;
        let training = || {
            let (kernels, rows) = (Kernels::of(s, precision), 4 * s.hidden);
            let columns = kernels.gradient_columns();
            let gradients = s.dirs * rows * columns;
            let tiles = s.dirs * kernels.gradient_tile().count(rows, columns);
            let splits = Splits::new(s.steps * s.batch, tiles, gradients, tuning.partial_bytes, s.models);
            TrainingSizes {
                backward: sequences * square * backward_gates,
                cells: (s.cell.states() == 2).then_some(4 * s.y_len()),
                carry: per_step.then_some(4 * s.cell.states() * s.state_len()),
                deltas: per_step.then_some(4 * states),
                h: sequences * s.steps * s.batch * h_row(s.hidden, precision) * operand,
                partial: splits.bytes(gradients),
                splits,
            }
        };
        Ok(Sizes {
            algorithm,
            inputs: sequences * s.hidden * 4 * padded_row(s.input, precision) * operand,
            x: s.models * s.steps * s.batch * x_row(s.input, precision) * operand,
            bias: sequences * s.hidden * 4 * 4,
            recurrents: sequences * square * forward_gates,
            gates: s.y_len() * 4 * operand,
            states: per_step.then_some(states),
            training: matches!(purpose, Purpose::Training { .. }).then(training),
        })
    }
}

impl<E: Executor> Layer<E> {
    /// Allocates the memory of a layer, all 0.
    ///
    /// # Errors
    /// Any from [`choose`], and [`ErrorKind::Device`](crate::error::ErrorKind::Device) if the memory
    /// does not fit.
    pub(crate) fn new(
        session: &Session<E>,
        tuning: &Tuning,
        precision: Precision,
        s: &Rnn,
        purpose: Purpose,
    ) -> Result<Self> {
        let sizes = Sizes::of(tuning, precision, session.executor.has_clusters(), s, purpose)?;
        let memory = |bytes: usize| Memory::zeros(session, bytes);
        let optional = |bytes: Option<usize>| bytes.map(memory).transpose();
        let training = |sizes: TrainingSizes| -> Result<Training<E>> {
            Ok(Training {
                backward: memory(sizes.backward)?,
                cells: optional(sizes.cells)?,
                carry: optional(sizes.carry)?,
                deltas: optional(sizes.deltas)?,
                h: memory(sizes.h)?,
                partial: memory(sizes.partial)?,
                splits: sizes.splits,
            })
        };
        Ok(Layer {
            algorithm: sizes.algorithm,
            precision,
            inputs: memory(sizes.inputs)?,
            x: memory(sizes.x)?,
            bias: memory(sizes.bias)?,
            recurrents: memory(sizes.recurrents)?,
            gates: memory(sizes.gates)?,
            states: optional(sizes.states)?,
            training: sizes.training.map(training).transpose()?,
        })
    }

    /// Panics unless the layer was made for this precision. A layer of another device may not have been.
    pub(super) fn check(&self, precision: Precision) {
        let (own, other) = (self.precision.name(), precision.name());
        assert!(own == other, "a layer made for {own}, on a device that computes in {other}");
    }

    /// The bytes of device memory that such a layer takes.
    pub(crate) fn bytes(
        tuning: &Tuning,
        precision: Precision,
        has_clusters: bool,
        s: &Rnn,
        purpose: Purpose,
    ) -> Result<usize> {
        let sizes = Sizes::of(tuning, precision, has_clusters, s, purpose)?;
        let training = sizes.training.map_or(0, |sizes| {
            let optional = [sizes.cells, sizes.carry, sizes.deltas];
            sizes.backward + sizes.h + sizes.partial + optional.into_iter().flatten().sum::<usize>()
        });
        let Sizes { inputs, x, bias, recurrents, gates, states, .. } = sizes;
        Ok(inputs + x + bias + recurrents + gates + states.unwrap_or(0) + training)
    }

    /// The two buffers of `h` of a layer of the algorithm `per-step`.
    pub(super) fn states(&self, s: &Rnn) -> [Address; 2] {
        two(self.states.as_ref(), padded_state(s) * size(self.precision))
    }

    /// The cell states, if the layer saves them for backward.
    pub(super) fn cells(&self) -> Option<Address> {
        self.training.as_ref()?.cells.as_ref().map(Memory::address)
    }
}

impl<E: Executor> Training<E> {
    /// The two buffers of `deltas` of a layer of the algorithm `per-step`.
    pub(super) fn deltas(&self, s: &Rnn, precision: Precision) -> [Address; 2] {
        two(self.deltas.as_ref(), 4 * padded_state(s) * size(precision))
    }
}

/// The values of `h` of all rows, padded to whole blocks of the kernels of one time step.
fn padded_state(s: &Rnn) -> usize {
    s.models * s.dirs * s.batch.next_multiple_of(STEP_ROWS) * padded(s.hidden)
}

/// Two buffers of `bytes` in the memory of a layer of the algorithm `per-step`.
fn two<E: Executor>(memory: Option<&Memory<E>>, bytes: usize) -> [Address; 2] {
    let first = memory.expect("a layer of the algorithm `per-step` has it").address;
    [first, first + bytes as u64]
}
