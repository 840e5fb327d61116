//! Bindings and parameters of a layer's kernels for one part of its plan.

use super::super::kernel::parameters;
use super::super::memory::Buf;
use super::super::slice::Slice;
use super::layer::Layer;
use super::plan::{self, Part};
use crate::ops::{Rnn, Word, Work};

parameters! {
    /// Parameters that all kernels of a layer but the packing share: see kernels/wgsl/rnn_layout.wgsl.
    TimeLoop {
        models, batch, input, hidden, dirs, states, gates, joint,
        dir, dir_count, first, steps, from_0, to_0, from_1, to_1,
        gates_steps, gates_first_0, gates_first_1,
        x_base, y_base, gates_base, state_base, lengths_base,
        padded_input, padded_hidden, pack_len, back_len,
        has_dy, has_initial, is_end, splits, adds, biases, stride, weights_base, zero,
    }
}

/// The ranges of a layer's buffers that the kernels of one part use.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub s: &'a Rnn,
    pub part: &'a Part,
    pub layer: &'a Layer,
    /// Whether the layer's gates have all steps.
    pub saves: bool,
}

impl<'a> View<'a> {
    /// Of a buffer with `width` numbers per model, step and row: the part's models and steps.
    pub fn timed<T: Word>(&self, buffer: &'a Buf<T>, width: usize) -> Slice<'a> {
        let (s, part) = (self.s, self.part);
        let row = s.batch * width;
        let start = (part.models.start * s.steps + part.bound.start) * row;
        let end = ((part.models.end - 1) * s.steps + part.bound.end) * row;
        buffer.part(start..end)
    }

    /// Of a buffer with `each` words per model: the part's models.
    pub fn models<T: Word>(&self, buffer: &'a Buf<T>, each: usize) -> Slice<'a> {
        buffer.part(self.part.models.start * each..self.part.models.end * each)
    }

    pub fn state(&self, buffer: &'a Buf<f32>) -> Slice<'a> {
        self.models(buffer, self.s.state_len() / self.s.models)
    }

    pub fn lengths(&self, buffer: &'a Buf<u32>) -> Slice<'a> {
        self.models(buffer, self.s.batch)
    }

    pub fn output(&self, buffer: &'a Buf<f32>) -> Slice<'a> {
        self.timed(buffer, self.s.dirs * self.s.hidden)
    }

    pub fn input(&self, buffer: &'a Buf<f32>) -> Slice<'a> {
        self.timed(buffer, self.s.input)
    }

    /// The gates: all steps of all models if the layer saves them, else room for a part.
    pub fn gates(&self) -> Slice<'a> {
        let gates = &self.layer.gates;
        if self.saves { self.timed(gates, self.words() * self.s.dirs * self.s.hidden) } else { gates.all() }
    }

    /// Models times directions that work at the same time.
    pub fn sequences(&self) -> usize {
        self.part.models.len() * self.part.dirs.len()
    }

    /// The part's share of the work of all models, directions and steps.
    pub fn share(&self, all: Work) -> Work {
        let (s, part) = (self.s, self.part);
        let steps: usize = part.dirs.clone().map(|dir| part.steps[dir].len()).sum();
        all.share(part.models.len() * steps, s.models * s.dirs * s.steps)
    }

    pub fn packed(&self, buffer: &'a Buf<u32>, len: usize) -> Slice<'a> {
        self.models(buffer, self.words() * self.s.dirs * len)
    }

    /// Words of a packed or saved vector.
    fn words(&self) -> usize {
        self.layer.plan.format.words()
    }

    pub fn parameters(&self) -> TimeLoop {
        let View { s, part, saves, .. } = *self;
        let (largest_steps, _) = self.layer.plan.largest();
        let [forward, reverse] = &part.steps;
        let (word, words) = (|n: usize| n as u32, self.words());
        // Where a binding begins inside of its first block.
        let base = |each: usize| word((part.models.start * each) % 64);
        let timed_base =
            |width: usize| word((part.models.start * s.steps + part.bound.start) * s.batch * width % 64);
        let gates_first =
            |steps: &std::ops::Range<usize>| word(if saves { part.bound.start } else { steps.start });
        TimeLoop {
            models: word(part.models.len()),
            batch: word(s.batch),
            input: word(s.input),
            hidden: word(s.hidden),
            dirs: word(s.dirs),
            states: word(s.cell.states()),
            gates: word(s.cell.gates()),
            joint: word(s.cell.joint_gates()),
            dir: word(part.dirs.start),
            dir_count: word(part.dirs.len()),
            first: word(part.bound.start),
            steps: word(s.steps),
            from_0: word(forward.start),
            to_0: word(forward.end),
            from_1: word(reverse.start),
            to_1: word(reverse.end),
            gates_steps: word(if saves { s.steps } else { largest_steps }),
            gates_first_0: gates_first(forward),
            gates_first_1: gates_first(reverse),
            x_base: timed_base(s.input),
            y_base: timed_base(s.dirs * s.hidden),
            gates_base: if saves { timed_base(words * s.dirs * s.hidden) / word(words) } else { 0 },
            state_base: base(s.state_len() / s.models),
            lengths_base: base(s.batch),
            padded_input: word(plan::padded(s.input)),
            padded_hidden: word(plan::padded(s.hidden)),
            pack_len: word(plan::pack_len(s)),
            back_len: word(plan::back_len(s)),
            biases: word(s.biases),
            stride: word(s.weights.stride),
            weights_base: base(s.weights.stride) + word(s.weights.offset),
            ..TimeLoop::default()
        }
    }

    /// Cell states, if they are saved.
    pub fn cells(&self) -> Slice<'a> {
        match self.layer.training.as_ref().and_then(|training| training.cells.as_ref()) {
            Some(cells) => self.output(cells),
            None => self.layer.nothing[1].all(),
        }
    }
}

impl TimeLoop {
    /// The same for one step only.
    pub fn only(&self, step: &Part) -> TimeLoop {
        let [forward, reverse] = &step.steps;
        TimeLoop {
            from_0: forward.start as u32,
            to_0: forward.end as u32,
            from_1: reverse.start as u32,
            to_1: reverse.end as u32,
            ..*self
        }
    }
}
