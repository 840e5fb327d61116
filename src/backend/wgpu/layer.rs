//! The recurrent layer on the device.

use super::device::Launch;
use super::kernel::{self, Kernel, parameters};
use super::memory::{Buf, Slice};
use super::plan::{self, COLUMNS, DEPTH, LANES, Part, Plan, ROWS, Tier};
use super::{Wgpu, grid};
use crate::error::Result;
use crate::ops::{Cell, Purpose, Rnn, RnnBackward, RnnForward, Work};

parameters! {
    /// What all kernels of a layer but the packing know: see kernels/wgsl/layout.wgsl.
    Walk {
        models, batch, input, hidden, dirs, states, gates,
        dir, dir_count, first, steps, from_0, to_0, from_1, to_1,
        gates_steps, gates_first_0, gates_first_1,
        x_base, y_base, gates_base, state_base, lengths_base,
        padded_input, padded_hidden, pack_len, back_len,
        has_dy, has_initial, is_end, splits, adds, biases, stride, weights_base,
    }
}

parameters! {
    /// Of the packing.
    Pack {
        input, hidden, dirs, gates, biases, padded_input, padded_hidden, stride, weights_base, len, is_backward,
    }
}

/// A recurrent layer on the device.
pub struct Layer {
    made_for: Rnn,
    plan: Plan,
    /// Forward kept something that backward has not consumed.
    kept: bool,
    /// `(M, dirs, pack_len)` vectors.
    pack: Buf<f32>,
    /// Four numbers per unit, row and step: the input's part of the gates, then what forward keeps, then gradients. Inference
    /// has room for the steps of one part only.
    gates: Buf<f32>,
    /// Hidden states before and after a step, where a step is a dispatch.
    hidden: Option<[Buf<f32>; 2]>,
    training: Option<Training>,
    /// Bound where a kernel has an operand that this layer has not.
    nothing: [Buf<f32>; 2],
}

struct Training {
    /// `(M, dirs, back_len)` vectors.
    back: Buf<f32>,
    /// Cell states `(M, T, B, dirs, H)` of an LSTM.
    cells: Option<Buf<f32>>,
    /// `(M, S, dirs, B, H)`: gradient by the state, from part to part.
    carry: Buf<f32>,
    /// Partial weight gradients of the models of one part.
    partial: Buf<f32>,
}

/// What a kernel gets of a layer's buffers for one part.
#[derive(Clone, Copy)]
struct View<'a> {
    s: &'a Rnn,
    part: &'a Part,
    layer: &'a Layer,
    /// Whether the layer's gates have all steps.
    keeps: bool,
}

impl<'a> View<'a> {
    /// Of a buffer with `width` numbers per model, step and row: the part's models and steps.
    fn timed(&self, buffer: &'a Buf<f32>, width: usize) -> Slice<'a> {
        let (s, part) = (self.s, self.part);
        let row = s.batch * width;
        let start = (part.models.start * s.steps + part.bound.start) * row;
        let end = ((part.models.end - 1) * s.steps + part.bound.end) * row;
        buffer.part(start..end)
    }

    /// Of a buffer with `each` words per model: the part's models.
    fn models<T: crate::ops::Word>(&self, buffer: &'a Buf<T>, each: usize) -> Slice<'a> {
        buffer.part(self.part.models.start * each..self.part.models.end * each)
    }

    fn state(&self, buffer: &'a Buf<f32>) -> Slice<'a> {
        self.models(buffer, self.s.state_len() / self.s.models)
    }

    fn lengths(&self, buffer: &'a Buf<u32>) -> Slice<'a> {
        self.models(buffer, self.s.batch)
    }

    fn output(&self, buffer: &'a Buf<f32>) -> Slice<'a> {
        self.timed(buffer, self.s.dirs * self.s.hidden)
    }

    fn input(&self, buffer: &'a Buf<f32>) -> Slice<'a> {
        self.timed(buffer, self.s.input)
    }

    /// The gates: all steps of all models if the layer keeps them, else room for a part.
    fn gates(&self) -> Slice<'a> {
        let gates = &self.layer.gates;
        if self.keeps { self.timed(gates, 4 * self.s.dirs * self.s.hidden) } else { gates.all() }
    }

    /// Models times directions that work at the same time.
    fn sequences(&self) -> usize {
        self.part.models.len() * self.part.dirs.len()
    }

    /// The part's share of the work of all models, directions and steps.
    fn share(&self, all: Work) -> Work {
        let (s, part) = (self.s, self.part);
        let steps: usize = part.dirs.clone().map(|dir| part.steps[dir].len()).sum();
        all.share(part.models.len() * steps, s.models * s.dirs * s.steps)
    }

    fn packed(&self, buffer: &'a Buf<f32>, len: usize) -> Slice<'a> {
        self.models(buffer, 4 * self.s.dirs * len)
    }

    fn parameters(&self) -> Walk {
        let View { s, part, keeps, .. } = *self;
        let (largest_steps, _) = self.layer.plan.largest();
        let [forward, reverse] = &part.steps;
        let word = |n: usize| n as u32;
        // Where a binding begins inside of its first block.
        let base = |each: usize| word((part.models.start * each) % 64);
        let timed_base =
            |width: usize| word((part.models.start * s.steps + part.bound.start) * s.batch * width % 64);
        let gates_first =
            |steps: &std::ops::Range<usize>| word(if keeps { part.bound.start } else { steps.start });
        Walk {
            models: word(part.models.len()),
            batch: word(s.batch),
            input: word(s.input),
            hidden: word(s.hidden),
            dirs: word(s.dirs),
            states: word(s.cell.states()),
            gates: word(s.cell.gates()),
            dir: word(part.dirs.start),
            dir_count: word(part.dirs.len()),
            first: word(part.bound.start),
            steps: word(s.steps),
            from_0: word(forward.start),
            to_0: word(forward.end),
            from_1: word(reverse.start),
            to_1: word(reverse.end),
            gates_steps: word(if keeps { s.steps } else { largest_steps }),
            gates_first_0: gates_first(forward),
            gates_first_1: gates_first(reverse),
            x_base: timed_base(s.input),
            y_base: timed_base(s.dirs * s.hidden),
            gates_base: if keeps { timed_base(4 * s.dirs * s.hidden) / 4 } else { 0 },
            state_base: base(s.state_len() / s.models),
            lengths_base: base(s.batch),
            padded_input: word(plan::padded(s.input)),
            padded_hidden: word(plan::padded(s.hidden)),
            pack_len: word(plan::pack_len(s)),
            back_len: word(plan::back_len(s)),
            biases: word(s.biases),
            stride: word(s.weights.stride),
            weights_base: base(s.weights.stride) + word(s.weights.offset),
            ..Walk::default()
        }
    }
}

const TILE: [(&str, u32); 3] = [("LANES", LANES as u32), ("ROWS", ROWS as u32), ("DEPTH", DEPTH as u32)];

/// The kernels of a layer, as its plan and the device's limits specialise them.
pub struct Kernels<'a> {
    pub s: &'a Rnn,
    pub tier: Tier,
    pub limits: &'a wgpu::Limits,
}

impl Kernels<'_> {
    /// All that a training step launches, in that order.
    pub fn all(&self) -> Vec<Kernel> {
        vec![
            kernel::pack::<Pack>(&[]),
            kernel::project::<Walk>(&TILE),
            self.forward(true),
            self.backward(),
            self.weight_gradient(),
            kernel::weight_gradient_sum::<Walk>(&[]),
            self.input_gradient(),
        ]
    }

    fn forward(&self, keep: bool) -> Kernel {
        let (cell, keep) = (self.s.cell, ("KEEP", u32::from(keep)));
        match self.tier {
            Tier::Registers => {
                kernel::registers_forward::<Walk>(cell, &[&self.registers()[..], &[keep]].concat())
            }
            Tier::Streamed => {
                kernel::streamed_forward::<Walk>(cell, &[&self.streamed(ROWS)[..], &[keep]].concat())
            }
            Tier::PerStep => kernel::step_forward::<Walk>(cell, &[&TILE[..], &[keep]].concat()),
        }
    }

    fn backward(&self) -> Kernel {
        let cell = self.s.cell;
        match self.tier {
            Tier::Registers => kernel::registers_backward::<Walk>(cell, &self.registers()),
            Tier::Streamed => {
                let rows = plan::streamed_rows(self.s, self.limits);
                kernel::streamed_backward::<Walk>(cell, &self.streamed(rows))
            }
            Tier::PerStep => kernel::step_backward::<Walk>(cell, &TILE),
        }
    }

    fn weight_gradient(&self) -> Kernel {
        let constants = [("LANES", LANES as u32), ("COLUMNS", COLUMNS as u32), ("DEPTH", DEPTH as u32)];
        kernel::weight_gradient::<Walk>(&constants)
    }

    fn input_gradient(&self) -> Kernel {
        kernel::input_gradient::<Walk>(self.s.cell, &TILE)
    }

    fn registers(&self) -> [(&'static str, u32); 3] {
        let (gates, hidden) = (self.s.cell.gates() as u32, self.s.hidden as u32);
        [("GATES", gates), ("UNITS", hidden), ("PADDED", hidden.next_multiple_of(4))]
    }

    fn streamed(&self, rows: usize) -> [(&'static str, u32); 2] {
        [("LANES", plan::streamed_lanes(self.s, self.limits) as u32), ("ROWS", rows as u32)]
    }

    /// Rows of the batch that a workgroup of the walk takes.
    fn rows(&self, backward: bool) -> usize {
        match self.tier {
            Tier::Registers => self.s.cell.gates(),
            Tier::Streamed if backward => plan::streamed_rows(self.s, self.limits),
            Tier::Streamed | Tier::PerStep => ROWS,
        }
    }
}

impl Layer {
    pub fn new(wgpu: &Wgpu, s: &Rnn, purpose: Purpose) -> Result<Self> {
        let plan = wgpu.plan(s)?;
        let real = |len: usize| Buf::<f32>::zeros(&wgpu.gpu, len);
        let slabs = s.models * s.dirs;
        let (steps, models) = plan.largest();
        let keeps = purpose != Purpose::Inference;
        let rows = if keeps { s.models * s.steps } else { models * steps };
        let training = || -> Result<Training> {
            let columns = s.input + s.hidden + 1;
            Ok(Training {
                back: real(4 * slabs * plan::back_len(s))?,
                cells: (s.cell == Cell::Lstm).then(|| real(s.y_len())).transpose()?,
                carry: real(s.state_len())?,
                partial: real(4 * plan.splits * plan.gradient_models() * s.dirs * columns * s.hidden)?,
            })
        };
        Ok(Layer {
            pack: real(4 * slabs * plan::pack_len(s))?,
            gates: real(4 * rows * s.batch * s.dirs * s.hidden)?,
            hidden: match plan.tier {
                Tier::PerStep => Some([real(s.state_len())?, real(s.state_len())?]),
                _ => None,
            },
            training: keeps.then(training).transpose()?,
            nothing: [real(64)?, real(64)?],
            made_for: *s,
            kept: false,
            plan,
        })
    }

    /// Packs the weights for both passes.
    pub fn load(&self, wgpu: &Wgpu, s: &Rnn, weights: &Buf<f32>) -> Result<()> {
        let packs = [(&self.pack, plan::pack_len(s), 0)];
        let back = self.training.iter().map(|training| (&training.back, plan::back_len(s), 1));
        for (to, len, is_backward) in packs.into_iter().chain(back) {
            let bytes = 4 * s.weights.stride.max(s.params()).max(4 * s.dirs * len);
            for models in plan::model_blocks("the weights", s.models, bytes, wgpu.binding())? {
                let part =
                    Part { models: models.clone(), bound: 0..s.steps, steps: [0..0, 0..0], dirs: 0..s.dirs };
                let view = View { s, part: &part, layer: self, keeps: false };
                let end = s.weights.start(models.end - 1) + s.params();
                let start = models.start * s.weights.stride;
                let from = weights.part(start..end);
                let parameters = Pack {
                    input: s.input as u32,
                    hidden: s.hidden as u32,
                    dirs: s.dirs as u32,
                    gates: s.cell.gates() as u32,
                    biases: s.biases as u32,
                    padded_input: plan::padded(s.input) as u32,
                    padded_hidden: plan::padded(s.hidden) as u32,
                    stride: s.weights.stride as u32,
                    weights_base: from.base() + s.weights.offset as u32,
                    len: len as u32,
                    is_backward,
                };
                let [x, y, _] = grid(len.div_ceil(64), 1);
                wgpu.gpu.launch(Launch {
                    kernel: kernel::pack::<Pack>(&[]),
                    parameters: bytemuck::bytes_of(&parameters),
                    operands: &[from, view.packed(to, len)],
                    grid: [x, y, (models.len() * s.dirs) as u32],
                    work: s.load_work().share(models.len(), s.models),
                })?;
            }
        }
        Ok(())
    }

    /// All steps: by part of the plan the input's part of the gates, then the walk.
    pub fn forward(wgpu: &Wgpu, s: &Rnn, a: RnnForward<Layer, Buf<f32>, Buf<u32>>) -> Result<()> {
        let RnnForward { layer, keep, x, lengths, initial, y, last } = a;
        layer.check(s);
        assert!(!keep || layer.training.is_some(), "a layer made for inference keeps nothing");
        layer.kept = keep;
        let state = last.part(0..s.state_len());
        match initial {
            Some(initial) => wgpu.gpu.copy(initial.part(0..s.state_len()), state.clone()),
            None => wgpu.gpu.clear(state.clone()),
        }
        if let Some([before, _]) = &layer.hidden {
            wgpu.gpu.copy(state, before.all());
        }
        let kernels = layer.kernels(wgpu, s);
        // What is kept for backward lies where the gates come from; an inference of a layer for training keeps nothing, and
        // has that room too.
        let keeps = layer.training.is_some();
        for part in &layer.plan.walk {
            let view = View { s, part, layer, keeps };
            let parameters = view.parameters();
            wgpu.gpu.launch(Launch {
                kernel: kernel::project::<Walk>(&TILE),
                parameters: bytemuck::bytes_of(&parameters),
                operands: &[view.packed(&layer.pack, plan::pack_len(s)), view.input(x), view.gates()],
                grid: grid(
                    (part.len() * s.batch).div_ceil(ROWS),
                    view.sequences() * s.hidden.div_ceil(LANES),
                ),
                work: view.share(s.projection_work()),
            })?;
            let operands = [
                view.packed(&layer.pack, plan::pack_len(s)),
                view.lengths(lengths),
                view.gates(),
                view.output(y),
                view.state(last),
                layer.cells(&view),
            ];
            let walk = |part: &Part, parameters: &Walk, operands: &[Slice], columns: usize| {
                wgpu.gpu.launch(Launch {
                    kernel: kernels.forward(keep),
                    parameters: bytemuck::bytes_of(parameters),
                    operands,
                    grid: grid(s.batch.div_ceil(kernels.rows(false)), view.sequences() * columns),
                    work: View { part, ..view }.share(s.walk_work(keep)),
                })
            };
            let Some([before, after]) = &layer.hidden else {
                walk(part, &parameters, &operands, 1)?;
                continue;
            };
            for (i, step) in part.each_step().enumerate() {
                let hidden = if (part.steps[0].start + i).is_multiple_of(2) {
                    [before, after]
                } else {
                    [after, before]
                };
                let hidden = hidden.map(|hidden| view.state(hidden));
                walk(
                    &step,
                    &parameters.only(&step),
                    &[&operands[..], &hidden[..]].concat(),
                    s.hidden.div_ceil(LANES),
                )?;
            }
        }
        Ok(())
    }

    /// The walk back through the plan's parts, then the gradients by weights and input.
    pub fn backward(wgpu: &Wgpu, s: &Rnn, a: RnnBackward<Layer, Buf<f32>, Buf<u32>>) -> Result<()> {
        let RnnBackward { layer, x, lengths, initial, y, dy, d_last, dx, d_initial, d_weights } = a;
        layer.check(s);
        assert!(layer.kept, "backward without the forward pass before it");
        layer.kept = false;
        let Some(training) = &layer.training else {
            panic!("a layer made for inference has no backward pass")
        };
        let carry = training.carry.all();
        match d_last {
            Some(d_last) => wgpu.gpu.copy(d_last.part(0..s.state_len()), carry.clone()),
            None => wgpu.gpu.clear(carry.clone()),
        }
        let kernels = layer.kernels(wgpu, s);
        for part in layer.plan.walk.iter().rev() {
            let view = View { s, part, layer, keeps: true };
            let parameters = Walk {
                has_dy: u32::from(dy.is_some()),
                has_initial: u32::from(initial.is_some()),
                ..view.parameters()
            };
            let operands = [
                view.packed(&training.back, plan::back_len(s)),
                view.lengths(lengths),
                view.gates(),
                view.output(training.cells.as_ref().unwrap_or(y)),
                initial.map_or_else(|| layer.nothing[0].all(), |initial| view.state(initial)),
                dy.map_or_else(|| layer.nothing[0].all(), |dy| view.output(dy)),
                view.state(&training.carry),
            ];
            let walk = |part: &Part, parameters: &Walk, columns: usize| {
                wgpu.gpu.launch(Launch {
                    kernel: kernels.backward(),
                    parameters: bytemuck::bytes_of(parameters),
                    operands: &operands,
                    grid: grid(s.batch.div_ceil(kernels.rows(true)), view.sequences() * columns),
                    work: View { part, ..view }.share(s.backward_work(dy.is_some())),
                })
            };
            if layer.plan.tier != Tier::PerStep {
                walk(part, &parameters, 1)?;
                continue;
            }
            let columns = s.hidden.div_ceil(LANES);
            for step in part.each_step().rev() {
                walk(&step, &parameters.only(&step), columns)?;
            }
            if part.steps[0].start == 0 {
                let end = part.before();
                walk(&end, &Walk { is_end: 1, ..parameters.only(&end) }, columns)?;
            }
        }
        if let Some(d_initial) = d_initial {
            wgpu.gpu.copy(carry, d_initial.part(0..s.state_len()));
        }
        let mut dx = dx;
        for (i, part) in layer.plan.gradient.iter().enumerate() {
            let view = View { s, part, layer, keeps: true };
            let is_first = i == 0 || layer.plan.gradient[i - 1].models != part.models;
            let is_last = layer.plan.gradient.get(i + 1).is_none_or(|next| next.models != part.models);
            let splits = layer.plan.splits;
            let parameters = Walk {
                has_initial: u32::from(initial.is_some()),
                splits: splits as u32,
                adds: u32::from(!is_first),
                ..view.parameters()
            };
            let columns = s.input + s.hidden + 1;
            wgpu.gpu.launch(Launch {
                kernel: kernels.weight_gradient(),
                parameters: bytemuck::bytes_of(&parameters),
                operands: &[
                    view.lengths(lengths),
                    view.gates(),
                    view.input(x),
                    view.output(y),
                    initial.map_or_else(|| layer.nothing[0].all(), |initial| view.state(initial)),
                    training.partial.all(),
                ],
                grid: [
                    columns.div_ceil(COLUMNS) as u32,
                    splits as u32,
                    (view.sequences() * s.hidden.div_ceil(LANES)) as u32,
                ],
                work: view.share(s.weight_gradient_work()),
            })?;
            if let Some(dx) = dx.as_deref_mut() {
                wgpu.gpu.launch(Launch {
                    kernel: kernels.input_gradient(),
                    parameters: bytemuck::bytes_of(&parameters),
                    operands: &[view.packed(&training.back, plan::back_len(s)), view.gates(), view.input(dx)],
                    grid: grid(
                        (part.len() * s.batch).div_ceil(ROWS),
                        part.models.len() * s.input.div_ceil(LANES),
                    ),
                    work: view.share(s.input_gradient_work()),
                })?;
            }
            if is_last {
                let from = part.models.start * s.weights.stride;
                let to = s.weights.start(part.models.end - 1) + s.params();
                wgpu.gpu.launch(Launch {
                    kernel: kernel::weight_gradient_sum::<Walk>(&[]),
                    parameters: bytemuck::bytes_of(&parameters),
                    operands: &[training.partial.all(), d_weights.part(from..to)],
                    grid: grid((columns * s.hidden).div_ceil(64), view.sequences()),
                    work: Work::default(),
                })?;
            }
        }
        Ok(())
    }

    fn kernels<'a>(&self, wgpu: &'a Wgpu, s: &'a Rnn) -> Kernels<'a> {
        Kernels { s, tier: self.plan.tier, limits: &wgpu.gpu.limits }
    }

    fn check(&self, s: &Rnn) {
        assert!(self.made_for == *s, "a layer for {:?}, not {s:?}", self.made_for);
    }

    /// Cell states where they are kept.
    fn cells<'a>(&'a self, view: &View<'a>) -> Slice<'a> {
        match self.training.as_ref().and_then(|training| training.cells.as_ref()) {
            Some(cells) => view.output(cells),
            None => self.nothing[1].all(),
        }
    }
}

impl Walk {
    /// The same for one step only.
    fn only(&self, step: &Part) -> Walk {
        let [forward, reverse] = &step.steps;
        Walk {
            from_0: forward.start as u32,
            to_0: forward.end as u32,
            from_1: reverse.start as u32,
            to_1: reverse.end as u32,
            ..*self
        }
    }
}
