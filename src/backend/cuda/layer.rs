//! The recurrent layer on the device.

use super::kernel::{
    PackInput, PackSolo, PackStep, SoloBackward, SoloForward, StepBackward, StepEnd, StepForward, THREADS,
    WeightGradient, WeightGradientSum,
};
use super::memory::{Buf, Memory, address};
use super::plan::{Kernels, Regime, padded};
use super::product::{Product, SIDE, Strided};
use super::splits::{Splits, divisor};
use super::{Cuda, Executor};
use crate::error::Result;
use crate::ops::{Cell, Precision, Purpose, Rnn, RnnBackward, RnnForward, Work};

/// A recurrent layer on the device.
pub struct Layer<E: Executor> {
    made_for: Rnn,
    regime: Regime,
    /// Forward kept something that backward has not consumed.
    kept: bool,
    /// `(M, dirs, H, 4, D)` operands: the input's weights, four numbers a unit.
    inputs: Memory<E>,
    /// `(M, dirs, H, 4)` `f32`: all biases.
    bias: Memory<E>,
    /// `(M, dirs, H, 4, H)` operands, or in the order of the registers of the forward walk: see pack_solo.cu.
    recurrents: Memory<E>,
    /// `(M, T, B, dirs, H, 4)` kept numbers: the input's part of the gates, then the gates, then gradients.
    gates: Memory<E>,
    /// `(M, dirs, B, 4H)` `f32`: the recurrent product of one step, where steps are launched.
    product: Option<Memory<E>>,
    training: Option<Training<E>>,
}

struct Training<E: Executor> {
    /// In the order of the registers of the backward walk.
    backward: Option<Memory<E>>,
    /// `(M, T, B, dirs, H)` `f32`: cell states of an LSTM after each step.
    cells: Option<Memory<E>>,
    /// `(M, S, dirs, B, H)` `f32`: the gradient by the state, where steps are launched.
    carry: Option<Memory<E>>,
    /// `(models, splits, dirs, 4H, D + H + 1)` `f32`: weight gradients, not yet added up.
    partial: Memory<E>,
    splits: Splits,
}

/// The most shares of a weight gradient's sum.
const MAX_SPLITS: usize = 16;
/// Rows that a block of the solo kernels walks.
const SOLO_ROWS: usize = 8;

/// Bytes of a number that products multiply, which is also how a layer keeps numbers.
fn size(precision: Precision) -> usize {
    match precision {
        Precision::Fp32 | Precision::Tf32 => 4,
        Precision::Bf16 => 2,
    }
}

impl<E: Executor> Layer<E> {
    pub fn new(cuda: &Cuda<E>, s: &Rnn, purpose: Purpose) -> Result<Self> {
        let regime = Regime::choose(cuda.tuning.regime, s, cuda.precision)?;
        let (operand, walks) = (size(cuda.precision), s.models * s.dirs);
        let memory = |bytes: usize| Memory::zeros(cuda, bytes);
        let states = 4 * s.models * s.dirs * s.batch * s.hidden;
        let fragments = walks * s.cell.gates() * padded(s.hidden) * padded(s.hidden) * operand;
        let per_step = regime == Regime::PerStep;
        let training = || {
            let gradients = s.dirs * 4 * s.hidden * (s.input + s.hidden + 1);
            let splits =
                Splits::new(s.steps * s.batch, MAX_SPLITS, gradients, cuda.tuning.partial_bytes, s.models);
            Ok(Training {
                backward: (!per_step).then(|| memory(fragments)).transpose()?,
                cells: (s.cell == Cell::Lstm).then(|| memory(4 * s.y_len())).transpose()?,
                carry: per_step.then(|| memory(s.cell.states() * states)).transpose()?,
                partial: memory(splits.bytes(gradients))?,
                splits,
            })
        };
        Ok(Layer {
            made_for: *s,
            regime,
            kept: false,
            inputs: memory(walks * s.hidden * 4 * s.input * operand)?,
            bias: memory(walks * s.hidden * 4 * 4)?,
            recurrents: memory(if per_step { walks * s.hidden * 4 * s.hidden * operand } else { fragments })?,
            gates: memory(s.y_len() * 4 * operand)?,
            product: per_step.then(|| memory(4 * states)).transpose()?,
            training: matches!(purpose, Purpose::Training { .. }).then(training).transpose()?,
        })
    }

    /// Packs the weights for both passes.
    pub fn load(&self, cuda: &Cuda<E>, s: &Rnn, weights: &Buf<f32, E>) -> Result<()> {
        self.check(s);
        let kernels = Kernels::of(s, cuda.precision);
        let (walks, threads) = (s.models * s.dirs, THREADS as usize);
        let weights = weights.at(s.weights.offset);
        let stride = s.weights.stride as u64;
        let [input, hidden, biases, dirs] = [s.input, s.hidden, s.biases, s.dirs].map(|n| n as u64);
        let pack = PackInput {
            weights,
            inputs: self.inputs.address,
            bias: self.bias.address,
            stride,
            input,
            hidden,
            biases,
            dirs,
        };
        let numbers = s.hidden * 4 * (s.input + 1);
        let work = s.load_work();
        cuda.launch(
            &kernels.pack_input(),
            &pack,
            [numbers.div_ceil(threads), 1, walks],
            work.share(s.input, s.input + s.hidden),
        )?;
        let work = work.share(s.hidden, s.input + s.hidden);
        match self.regime {
            Regime::PerStep => {
                let pack = PackStep {
                    weights,
                    recurrents: self.recurrents.address,
                    stride,
                    input,
                    hidden,
                    biases,
                    dirs,
                };
                let numbers = 4 * s.hidden * s.hidden;
                cuda.launch(&kernels.pack_step(), &pack, [numbers.div_ceil(threads), 1, walks], work)
            }
            Regime::Solo => {
                let backward = self.training.as_ref().and_then(|training| training.backward.as_ref());
                let pack = PackSolo {
                    weights,
                    forward: self.recurrents.address,
                    backward: backward.map_or(0, |memory| memory.address),
                    stride,
                    input,
                    hidden,
                    biases,
                    dirs,
                };
                // Vectors of 16 bytes.
                let vectors =
                    s.cell.gates() * padded(s.hidden) * padded(s.hidden) * size(cuda.precision) / 16;
                let passes = 1 + usize::from(backward.is_some());
                cuda.launch(&kernels.pack_solo(), &pack, [vectors.div_ceil(threads), passes, walks], work)
            }
        }
    }

    pub fn forward(cuda: &Cuda<E>, s: &Rnn, a: RnnForward<Self, Buf<f32, E>, Buf<u32, E>>) -> Result<()> {
        a.layer.check(s);
        assert!(!a.keep || a.layer.training.is_some(), "a layer for inference keeps nothing");
        let kernels = Kernels::of(s, cuda.precision);
        let layer = &*a.layer;
        let row = s.dirs * 4 * s.hidden;
        cuda.product(&Product {
            label: "input projection",
            precision: cuda.precision,
            models: s.models,
            dirs: 1,
            rows: s.steps * s.batch,
            columns: row,
            depth: s.input,
            a: Strided { address: a.x.address(), row: s.input, model: s.steps * s.batch * s.input, dir: 0 },
            a_is_kept: false,
            b: Strided { address: layer.inputs.address, row: s.input, model: row * s.input, dir: 0 },
            b_is_deep: true,
            c: Strided { address: layer.gates.address, row, model: s.steps * s.batch * row, dir: 0 },
            c_is_kept: true,
            bias: (layer.bias.address, row),
            work: s.projection_work(),
        })?;
        let cells = layer.cells();
        let [batch, steps, hidden, dirs] = [s.batch, s.steps, s.hidden, s.dirs].map(|n| n as u64);
        match layer.regime {
            Regime::Solo => {
                let arguments = SoloForward {
                    weights: layer.recurrents.address,
                    gates: layer.gates.address,
                    lengths: a.lengths.address(),
                    initial: address(a.initial),
                    y: a.y.address(),
                    cells,
                    last: a.last.address(),
                    batch,
                    steps,
                    hidden,
                    dirs,
                    keep: u64::from(a.keep),
                };
                let grid = [s.batch.div_ceil(SOLO_ROWS), s.dirs, s.models];
                cuda.launch(&kernels.solo_forward(), &arguments, grid, s.walk_work(a.keep))?;
            }
            Regime::PerStep => {
                let product = layer.step_product();
                for step in 0..s.steps {
                    // Before the first step the state is given, or nothing flows back.
                    let state = if step == 0 { address(a.initial) } else { a.last.address() };
                    if state != 0 {
                        cuda.product(&Product {
                            label: "recurrent product",
                            precision: cuda.precision,
                            models: s.models,
                            dirs: s.dirs,
                            rows: s.batch,
                            columns: 4 * s.hidden,
                            depth: s.hidden,
                            a: Strided {
                                address: state,
                                row: s.hidden,
                                model: s.cell.states() * s.dirs * s.batch * s.hidden,
                                dir: (s.batch * s.hidden) as isize,
                            },
                            a_is_kept: false,
                            b: layer.step_weights(s),
                            b_is_deep: true,
                            c: Strided {
                                address: product,
                                row: 4 * s.hidden,
                                model: s.dirs * s.batch * 4 * s.hidden,
                                dir: (s.batch * 4 * s.hidden) as isize,
                            },
                            c_is_kept: false,
                            bias: (0, 0),
                            work: s.walk_work(a.keep).share(1, s.steps),
                        })?;
                    }
                    let arguments = StepForward {
                        gates: layer.gates.address,
                        lengths: a.lengths.address(),
                        initial: address(a.initial),
                        recurrent: if state == 0 { 0 } else { product },
                        y: a.y.address(),
                        cells,
                        last: a.last.address(),
                        batch,
                        steps,
                        hidden,
                        dirs,
                        keep: u64::from(a.keep),
                        step: step as u64,
                    };
                    cuda.launch(&kernels.step_forward(), &arguments, cell_grid(s), Work::default())?;
                }
            }
        }
        a.layer.kept = a.keep;
        Ok(())
    }

    pub fn backward(cuda: &Cuda<E>, s: &Rnn, a: RnnBackward<Self, Buf<f32, E>, Buf<u32, E>>) -> Result<()> {
        a.layer.check(s);
        assert!(std::mem::take(&mut a.layer.kept), "backward needs a forward pass that kept what it needs");
        let kernels = Kernels::of(s, cuda.precision);
        let layer = &*a.layer;
        let training = layer.training.as_ref().expect("checked in forward");
        let [batch, steps, input, hidden, dirs] =
            [s.batch, s.steps, s.input, s.hidden, s.dirs].map(|n| n as u64);
        let d_initial = address(a.d_initial.as_deref());
        match layer.regime {
            Regime::Solo => {
                let arguments = SoloBackward {
                    weights: training.backward.as_ref().map_or(0, |memory| memory.address),
                    gates: layer.gates.address,
                    lengths: a.lengths.address(),
                    initial: address(a.initial),
                    cells: layer.cells(),
                    y: a.y.address(),
                    dy: address(a.dy),
                    d_last: address(a.d_last),
                    d_initial,
                    batch,
                    steps,
                    hidden,
                    dirs,
                };
                let grid = [s.batch.div_ceil(SOLO_ROWS), s.dirs, s.models];
                cuda.launch(&kernels.solo_backward(), &arguments, grid, s.backward_work(a.dy.is_some()))?;
            }
            Regime::PerStep => {
                let (product, carry) =
                    (layer.step_product(), training.carry.as_ref().map_or(0, |memory| memory.address));
                for step in (0..s.steps).rev() {
                    let arguments = StepBackward {
                        gates: layer.gates.address,
                        lengths: a.lengths.address(),
                        initial: address(a.initial),
                        cells: layer.cells(),
                        y: a.y.address(),
                        dy: address(a.dy),
                        d_last: address(a.d_last),
                        product,
                        carry,
                        batch,
                        steps,
                        hidden,
                        dirs,
                        step: step as u64,
                    };
                    cuda.launch(&kernels.step_backward(), &arguments, cell_grid(s), Work::default())?;
                    if step > 0 || d_initial != 0 {
                        let work = s.backward_work(a.dy.is_some()).share(1, s.steps);
                        cuda.product(&layer.step_gradient(cuda, s, step, work))?;
                    }
                }
                if d_initial != 0 {
                    let arguments = StepEnd { carry, product, d_initial, batch, hidden, dirs };
                    cuda.launch(&kernels.step_end(), &arguments, cell_grid(s), Work::default())?;
                }
            }
        }

        let splits = training.splits;
        let columns = s.input + s.hidden + 1;
        let tiles = (4 * s.hidden).div_ceil(SIDE) * columns.div_ceil(SIDE);
        let [batch_factor, batch_shift] = divisor(s.batch);
        for model in (0..s.models).step_by(splits.models) {
            let models = splits.models.min(s.models - model);
            let arguments = WeightGradient {
                deltas: layer.gates.address,
                x: a.x.address(),
                y: a.y.address(),
                initial: address(a.initial),
                lengths: a.lengths.address(),
                partial: training.partial.address,
                model: model as u64,
                batch,
                steps,
                input,
                hidden,
                dirs,
                share: splits.share as u64,
                batch_factor,
                batch_shift,
            };
            let work = s.weight_gradient_work().share(models, s.models);
            cuda.launch(
                &kernels.weight_gradient(),
                &arguments,
                [tiles, splits.count, models * s.dirs],
                work,
            )?;
            let arguments = WeightGradientSum {
                partial: training.partial.address,
                d_weights: a.d_weights.at(s.weights.offset),
                stride: s.weights.stride as u64,
                model: model as u64,
                input,
                hidden,
                biases: s.biases as u64,
                dirs,
                splits: splits.count as u64,
            };
            let numbers = s.cell.gates() * s.hidden * columns;
            let grid = [numbers.div_ceil(THREADS as usize), 1, models * s.dirs];
            cuda.launch(&kernels.weight_gradient_sum(), &arguments, grid, Work::default())?;
        }

        let Some(dx) = a.dx else { return Ok(()) };
        let row = s.dirs * 4 * s.hidden;
        cuda.product(&Product {
            label: "input gradient",
            precision: cuda.precision,
            models: s.models,
            dirs: 1,
            rows: s.steps * s.batch,
            columns: s.input,
            depth: row,
            a: Strided { address: layer.gates.address, row, model: s.steps * s.batch * row, dir: 0 },
            a_is_kept: true,
            b: Strided { address: layer.inputs.address, row: s.input, model: row * s.input, dir: 0 },
            b_is_deep: false,
            c: Strided { address: dx.address(), row: s.input, model: s.steps * s.batch * s.input, dir: 0 },
            c_is_kept: false,
            bias: (0, 0),
            work: s.input_gradient_work(),
        })
    }

    /// `W_hh^T` times the gradients of one step, for the step before it.
    fn step_gradient(&self, cuda: &Cuda<E>, s: &Rnn, step: usize, work: Work) -> Product {
        let row = s.dirs * 4 * s.hidden;
        let [forward, reverse] = [step, s.steps - 1 - step].map(|t| t * s.batch * row);
        Product {
            label: "recurrent gradient",
            precision: cuda.precision,
            models: s.models,
            dirs: s.dirs,
            rows: s.batch,
            columns: s.hidden,
            depth: 4 * s.hidden,
            a: Strided {
                address: self.gates.address + (forward * size(cuda.precision)) as u64,
                row,
                model: s.steps * s.batch * row,
                dir: reverse as isize - forward as isize + 4 * s.hidden as isize,
            },
            a_is_kept: true,
            b: self.step_weights(s),
            b_is_deep: false,
            c: Strided {
                address: self.step_product(),
                row: s.hidden,
                model: s.dirs * s.batch * s.hidden,
                dir: (s.batch * s.hidden) as isize,
            },
            c_is_kept: false,
            bias: (0, 0),
            work,
        }
    }

    /// `(M, dirs, H, 4, H)`
    fn step_weights(&self, s: &Rnn) -> Strided {
        let direction = 4 * s.hidden * s.hidden;
        Strided {
            address: self.recurrents.address,
            row: s.hidden,
            model: s.dirs * direction,
            dir: direction as isize,
        }
    }

    fn step_product(&self) -> u64 {
        self.product.as_ref().map_or(0, |memory| memory.address)
    }

    /// Cell states, where they are kept.
    fn cells(&self) -> u64 {
        let cells = self.training.as_ref().and_then(|training| training.cells.as_ref());
        cells.map_or(0, |memory| memory.address)
    }

    fn check(&self, s: &Rnn) {
        assert!(self.made_for == *s, "a layer for {:?}, not {s:?}", self.made_for);
    }
}

/// A thread per cell of a step.
fn cell_grid(s: &Rnn) -> [usize; 3] {
    [(s.batch * s.hidden).div_ceil(THREADS as usize), s.dirs, s.models]
}
