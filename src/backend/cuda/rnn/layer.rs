//! The recurrent layer's memory.

use super::super::executor::Executor;
use super::super::gemm::Strided;
use super::super::memory::Memory;
use super::super::session::Session;
use super::super::splits::Splits;
use super::kernels::padded;
use super::plan::{Tuning, choose};
use crate::backend::Algorithm;
use crate::error::Result;
use crate::ops::{Precision, Purpose, Rnn};

/// A recurrent layer on the device.
pub struct Layer<E: Executor> {
    pub algorithm: Algorithm,
    /// What it was made for: the sizes of its memory follow from it.
    precision: Precision,
    /// `(M, dirs, H, 4, D)` operands: the input's weights, four numbers a unit.
    pub inputs: Memory<E>,
    /// `(M, dirs, H, 4)` `f32`: all biases.
    pub bias: Memory<E>,
    /// `(M, dirs, H, 4, H)` operands, or in the order of the registers of the forward walk: see rnn_pack_persistent.cu.
    pub recurrents: Memory<E>,
    /// `(M, T, B, dirs, H, 4)` kept numbers: the input's part of the gates, then the gates, then gradients.
    pub gates: Memory<E>,
    /// `(M, dirs, B, 4H)` `f32`: the recurrent product of one step, where steps are launched.
    pub product: Option<Memory<E>>,
    pub training: Option<Training<E>>,
}

pub struct Training<E: Executor> {
    /// In the order of the registers of the backward walk.
    pub backward: Option<Memory<E>>,
    /// `(M, T, B, dirs, H)` `f32`: cell states of an LSTM after each step.
    pub cells: Option<Memory<E>>,
    /// `(M, S, dirs, B, H)` `f32`: the gradient by the state, where steps are launched.
    pub carry: Option<Memory<E>>,
    /// `(models, splits, dirs, 4H, D + H + 1)` `f32`: weight gradients, not yet added up.
    pub partial: Memory<E>,
    pub splits: Splits,
}

/// The most shares of a weight gradient's sum.
const MAX_SPLITS: usize = 16;
/// Rows that a block of the persistent kernels walks.
pub const PERSISTENT_ROWS: usize = 8;

/// Bytes of a number that products multiply, which is also how a layer keeps numbers.
pub fn size(precision: Precision) -> usize {
    match precision {
        Precision::Fp32 | Precision::Tf32 => 4,
        Precision::Bf16 => 2,
    }
}

/// Bytes of a layer's memory, one number for each of its fields.
struct Sizes {
    algorithm: Algorithm,
    inputs: usize,
    bias: usize,
    recurrents: usize,
    gates: usize,
    product: Option<usize>,
    training: Option<TrainingSizes>,
}

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
            let gradients = s.dirs * 4 * s.hidden * (s.input + s.hidden + 1);
            let splits =
                Splits::new(s.steps * s.batch, MAX_SPLITS, gradients, tuning.partial_bytes, s.models);
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
            product: per_step.then_some(4 * states),
            training: matches!(purpose, Purpose::Training { .. }).then(training),
        })
    }
}

impl<E: Executor> Layer<E> {
    pub fn new(
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
            product: optional(sizes.product)?,
            training: sizes.training.map(training).transpose()?,
        })
    }

    /// Panics unless the layer was made in this precision, as by another device it may not be.
    pub fn check(&self, precision: Precision) {
        let (own, other) = (self.precision.name(), precision.name());
        assert!(own == other, "a layer made in {own}, on a device that computes in {other}");
    }

    /// Bytes that such a layer takes.
    pub fn bytes(tuning: &Tuning, precision: Precision, s: &Rnn, purpose: Purpose) -> Result<usize> {
        let sizes = Sizes::of(tuning, precision, s, purpose)?;
        let training = sizes.training.map_or(0, |sizes| {
            let optional = [sizes.backward, sizes.cells, sizes.carry];
            sizes.partial + optional.into_iter().flatten().sum::<usize>()
        });
        let Sizes { inputs, bias, recurrents, gates, product, .. } = sizes;
        Ok(inputs + bias + recurrents + gates + product.unwrap_or(0) + training)
    }

    /// `(M, dirs, H, 4, H)`
    pub fn step_weights(&self, s: &Rnn) -> Strided {
        let direction = 4 * s.hidden * s.hidden;
        Strided {
            address: self.recurrents.address,
            row: s.hidden,
            model: s.dirs * direction,
            dir: direction as isize,
        }
    }

    pub fn recurrent(&self) -> u64 {
        self.product.as_ref().map_or(0, |memory| memory.address)
    }

    /// Cell states, where they are kept.
    pub fn cells(&self) -> u64 {
        let cells = self.training.as_ref().and_then(|training| training.cells.as_ref());
        cells.map_or(0, |memory| memory.address)
    }
}
