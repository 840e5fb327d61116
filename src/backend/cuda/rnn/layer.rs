//! The device memory of a recurrent layer.

use super::super::address::Address;
use super::super::executor::Executor;
use super::super::gemm::Strided;
use super::super::memory::Memory;
use super::super::session::Session;
use super::super::splits::Splits;
use super::kernels::{Kernels, padded};
use super::plan::{Tuning, choose};
use crate::backend::Algorithm;
use crate::error::Result;
use crate::ops::{Precision, Purpose, Rnn};

/// A recurrent layer on the device.
pub struct Layer<E: Executor> {
    /// The algorithm of its time loop.
    pub(super) algorithm: Algorithm,
    /// The precision that it was made for, which determines the sizes of its memory.
    precision: Precision,
    /// `(M, dirs, H, 4, D)` operands: the input weights, with the packed gates of a unit side by side.
    pub(super) inputs: Memory<E>,
    /// `(M, dirs, H, 4)` `f32`: the biases of the input part of the gates.
    pub(super) bias: Memory<E>,
    /// The recurrent weights as operands: `(M, dirs, H, 4, H)` for `per-step`; for `persistent` in the
    /// register layout of the forward kernel, see rnn_pack_persistent.cu.
    pub(super) recurrents: Memory<E>,
    /// `(M, T, B, dirs, H, 4)` in `saved_t`: the input part of the gates, then the gates, then their
    /// gradients.
    pub(super) gates: Memory<E>,
    /// `(M, dirs, B, 4H)` `f32`: the output of the recurrent GEMMs of one time step. Only for `per-step`.
    gemm_out: Option<Memory<E>>,
    /// The memory for backward, if the layer is trained.
    pub(super) training: Option<Training<E>>,
}

/// The memory that a layer needs for backward.
pub(super) struct Training<E: Executor> {
    /// The recurrent weights in the register layout of the backward kernel. Only for `persistent`.
    pub backward: Option<Memory<E>>,
    /// `(M, T, B, dirs, H)` `f32`: the cell state after each time step, saved for backward. Only for an LSTM.
    pub cells: Option<Memory<E>>,
    /// `(M, S, dirs, B, H)` `f32`: the gradient by the state, without the term from the recurrent GEMM. Only
    /// for `per-step`.
    pub carry: Option<Memory<E>>,
    /// `(models, splits, dirs, 4H, partial_row)` `f32`: the partial sums of the weight gradients.
    pub partial: Memory<E>,
    /// How the sum of the weight gradients is split.
    pub splits: Splits,
}

/// Bytes of an operand of a GEMM, and of an element of the saved gates.
pub(super) fn size(precision: Precision) -> usize {
    match precision {
        Precision::Fp32 | Precision::Tf32 => 4,
        Precision::Bf16 => 2,
    }
}

/// Elements of a row of the partial sums of the weight gradients: `D + H + 1`, aligned to 16 bytes.
pub(super) fn partial_row(s: &Rnn) -> usize {
    (s.input + s.hidden + 1).next_multiple_of(4)
}

/// The bytes of each field of a [`Layer`].
struct Sizes {
    algorithm: Algorithm,
    inputs: usize,
    bias: usize,
    recurrents: usize,
    gates: usize,
    gemm_out: Option<usize>,
    training: Option<TrainingSizes>,
}

/// The bytes of each field of a [`Training`].
struct TrainingSizes {
    backward: Option<usize>,
    cells: Option<usize>,
    carry: Option<usize>,
    partial: usize,
    splits: Splits,
}

impl Sizes {
    fn of(tuning: &Tuning, precision: Precision, s: &Rnn, purpose: Purpose) -> Result<Self> {
        let algorithm = choose(tuning.algorithm, s, precision)?;
        let (operand, sequences) = (size(precision), s.models * s.dirs);
        let states = 4 * sequences * s.batch * s.hidden;
        let fragments = sequences * s.cell.gates() * padded(s.hidden) * padded(s.hidden) * operand;
        let per_step = algorithm == Algorithm::PerStep;
        let training = || {
            let gradients = s.dirs * 4 * s.hidden * partial_row(s);
            let tiles = s.dirs
                * Kernels::of(s, precision).gradient_tile().count(4 * s.hidden, s.input + s.hidden + 1);
            let splits = Splits::new(s.steps * s.batch, tiles, gradients, tuning.partial_bytes, s.models);
            TrainingSizes {
                backward: (!per_step).then_some(fragments),
                cells: (s.cell.states() == 2).then_some(4 * s.y_len()),
                carry: per_step.then_some(s.cell.states() * states),
                partial: splits.bytes(gradients),
                splits,
            }
        };
        Ok(Sizes {
            algorithm,
            inputs: sequences * s.hidden * 4 * s.input * operand,
            bias: sequences * s.hidden * 4 * 4,
            recurrents: if per_step { sequences * s.hidden * 4 * s.hidden * operand } else { fragments },
            gates: s.y_len() * 4 * operand,
            gemm_out: per_step.then_some(4 * states),
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
        let sizes = Sizes::of(tuning, precision, s, purpose)?;
        let memory = |bytes: usize| Memory::zeros(session, bytes);
        let optional = |bytes: Option<usize>| bytes.map(memory).transpose();
        let training = |sizes: TrainingSizes| -> Result<Training<E>> {
            Ok(Training {
                backward: optional(sizes.backward)?,
                cells: optional(sizes.cells)?,
                carry: optional(sizes.carry)?,
                partial: memory(sizes.partial)?,
                splits: sizes.splits,
            })
        };
        Ok(Layer {
            algorithm: sizes.algorithm,
            precision,
            inputs: memory(sizes.inputs)?,
            bias: memory(sizes.bias)?,
            recurrents: memory(sizes.recurrents)?,
            gates: memory(sizes.gates)?,
            gemm_out: optional(sizes.gemm_out)?,
            training: sizes.training.map(training).transpose()?,
        })
    }

    /// Panics unless the layer was made for this precision. A layer of another device may not have been.
    pub(super) fn check(&self, precision: Precision) {
        let (own, other) = (self.precision.name(), precision.name());
        assert!(own == other, "a layer made for {own}, on a device that computes in {other}");
    }

    /// The bytes of device memory that such a layer takes.
    pub(crate) fn bytes(tuning: &Tuning, precision: Precision, s: &Rnn, purpose: Purpose) -> Result<usize> {
        let sizes = Sizes::of(tuning, precision, s, purpose)?;
        let training = sizes.training.map_or(0, |sizes| {
            let optional = [sizes.backward, sizes.cells, sizes.carry];
            sizes.partial + optional.into_iter().flatten().sum::<usize>()
        });
        let Sizes { inputs, bias, recurrents, gates, gemm_out, .. } = sizes;
        Ok(inputs + bias + recurrents + gates + gemm_out.unwrap_or(0) + training)
    }

    /// The recurrent weights `(M, dirs, H, 4, H)` of the algorithm `per-step` as operand B of a GEMM.
    pub(super) fn step_weights(&self, s: &Rnn) -> Strided {
        let direction = 4 * s.hidden * s.hidden;
        Strided {
            address: self.recurrents.address,
            row: s.hidden,
            model: s.dirs * direction,
            dir: direction as isize,
        }
    }

    /// The output of the recurrent GEMMs of a layer of the algorithm `per-step`.
    pub(super) fn gemm_out(&self) -> Address {
        self.gemm_out.as_ref().expect("a layer of the algorithm `per-step` has it").address
    }

    /// The cell states, if the layer saves them for backward.
    pub(super) fn cells(&self) -> Option<Address> {
        self.training.as_ref()?.cells.as_ref().map(Memory::address)
    }
}
