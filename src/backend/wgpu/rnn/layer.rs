//! The recurrent layer's memory.

use super::super::gpu::Gpu;
use super::super::memory::Buf;
use super::plan::{self, Plan};
use crate::backend::Algorithm;
use crate::error::Result;
use crate::ops::{Purpose, Rnn};

/// A recurrent layer on the device.
pub struct Layer {
    /// The algorithm, and how the work is split.
    pub plan: Plan,
    /// `(M, dirs, pack_len)` vectors of the plan's format.
    pub pack: Buf<u32>,
    /// A vector of the format per unit, row and step: the input part of the gates, then the gates that
    /// forward saves, then gradients. Inference has room for the steps of one part only.
    pub gates: Buf<u32>,
    /// Hidden states before and after a step, where a step is a dispatch.
    pub hidden: Option<[Buf<f32>; 2]>,
    /// Buffers for training; `None` in a layer for inference.
    pub training: Option<Training>,
    /// Bound where a kernel has an operand that this layer has not.
    pub nothing: [Buf<f32>; 2],
}

pub struct Training {
    /// `(M, dirs, back_len)` vectors of the plan's format.
    pub back: Buf<u32>,
    /// Cell states `(M, T, B, dirs, H)` of an LSTM.
    pub cells: Option<Buf<f32>>,
    /// `(M, S, dirs, B, H)`: gradient by the state, from part to part.
    pub carry: Buf<f32>,
    /// Partial weight gradients of the models of one part.
    pub partial: Buf<f32>,
}

/// Words of a layer's buffers, one for each of its fields.
struct Lens {
    pack: usize,
    gates: usize,
    hidden: Option<usize>,
    training: Option<TrainingLens>,
}

struct TrainingLens {
    back: usize,
    cells: Option<usize>,
    carry: usize,
    partial: usize,
}

/// Of each of the buffers that are bound where there is nothing.
const NOTHING: usize = 64;

impl Lens {
    fn of(plan: &Plan, s: &Rnn, purpose: Purpose) -> Self {
        let (slabs, words) = (s.models * s.dirs, plan.format.words());
        let (steps, models) = plan.largest();
        let saves = purpose != Purpose::Inference;
        let rows = if saves { s.models * s.steps } else { models * steps };
        let columns = s.input + s.hidden + 1;
        let training = || TrainingLens {
            back: words * slabs * plan::back_len(s),
            cells: (s.cell.states() == 2).then_some(s.y_len()),
            carry: s.state_len(),
            partial: 4 * plan.splits * plan.gradient_models() * s.dirs * columns * s.hidden,
        };
        Lens {
            pack: words * slabs * plan::pack_len(s),
            gates: words * rows * s.batch * s.dirs * s.hidden,
            hidden: (plan.algorithm == Algorithm::PerStep).then_some(s.state_len()),
            training: saves.then(training),
        }
    }
}

impl Layer {
    /// Allocates the buffers of a layer.
    pub fn new(gpu: &Gpu, plan: Plan, s: &Rnn, purpose: Purpose) -> Result<Self> {
        let lens = Lens::of(&plan, s, purpose);
        let real = |len: usize| Buf::<f32>::zeros(gpu, len);
        let packed = |len: usize| Buf::<u32>::zeros(gpu, len);
        let training = |lens: TrainingLens| -> Result<Training> {
            Ok(Training {
                back: packed(lens.back)?,
                cells: lens.cells.map(real).transpose()?,
                carry: real(lens.carry)?,
                partial: real(lens.partial)?,
            })
        };
        Ok(Layer {
            pack: packed(lens.pack)?,
            gates: packed(lens.gates)?,
            hidden: lens.hidden.map(|len| Ok([real(len)?, real(len)?])).transpose()?,
            training: lens.training.map(training).transpose()?,
            nothing: [real(NOTHING)?, real(NOTHING)?],
            plan,
        })
    }

    /// Bytes that such a layer takes.
    pub fn bytes(plan: &Plan, s: &Rnn, purpose: Purpose) -> usize {
        let Lens { pack, gates, hidden, training } = Lens::of(plan, s, purpose);
        let training =
            training.map_or(0, |lens| lens.back + lens.cells.unwrap_or(0) + lens.carry + lens.partial);
        size_of::<u32>() * (pack + gates + 2 * hidden.unwrap_or(0) + training + 2 * NOTHING)
    }
}
