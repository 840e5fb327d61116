//! The recurrent layer: one or two directions over whole sequences.

use super::operation::{Device, Operation, Reals, Words, check_lengths};
use super::{Cell, Role, Slab, Tensor, Work};
use crate::error::{Error, ErrorKind, Result};

/// Sizes of one recurrent layer for `M` models at once.
///
/// Parameters of one model and direction, in this order: `weight_ih (G*H, D)`, `weight_hh (G*H, H)`, `bias_ih
/// (G*H)`, `bias_hh (G*H)` where there are two biases; the reverse direction's follow the forward
/// direction's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rnn {
    /// The cell.
    pub cell: Cell,
    /// `M`
    pub models: usize,
    /// `B`
    pub batch: usize,
    /// `T`
    pub steps: usize,
    /// `D`
    pub input: usize,
    /// `H`
    pub hidden: usize,
    /// 1, or 2 for a bidirectional layer.
    pub dirs: usize,
    /// Bias vectors of a gate: 2, or 1 where there is no `bias_hh`, as in Keras' LSTM.
    pub biases: usize,
    /// Where the layer's parameters are in the weights.
    pub weights: Slab,
}

/// The sizes of a recurrent layer, whatever its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RnnSize {
    /// `B`
    pub batch: usize,
    /// `T`
    pub steps: usize,
    /// `D`
    pub input: usize,
    /// `H`
    pub hidden: usize,
}

impl Rnn {
    /// One model of one direction with two biases, whose weights are all its parameters.
    pub fn one(cell: Cell, size: RnnSize) -> Self {
        let RnnSize { batch, steps, input, hidden } = size;
        let weights = Slab { offset: 0, stride: 0 };
        let mut rnn = Rnn { cell, models: 1, batch, steps, input, hidden, dirs: 1, biases: 2, weights };
        rnn.weights.stride = rnn.params();
        rnn
    }

    /// Parameters of one direction of one model.
    pub fn direction_params(&self) -> usize {
        self.cell.gates() * self.hidden * (self.input + self.hidden + self.biases)
    }

    /// Parameters of the layer of one model.
    pub fn params(&self) -> usize {
        self.dirs * self.direction_params()
    }

    /// Start of `weight_ih (G*H, D)` in the flat parameter buffer.
    #[inline]
    pub fn weight_ih(&self, m: usize, dir: usize) -> usize {
        self.weights.start(m) + dir * self.direction_params()
    }

    /// Start of `weight_hh (G*H, H)`.
    #[inline]
    pub fn weight_hh(&self, m: usize, dir: usize) -> usize {
        self.weight_ih(m, dir) + self.cell.gates() * self.hidden * self.input
    }

    /// Start of `bias_ih (G*H)`.
    #[inline]
    pub fn bias_ih(&self, m: usize, dir: usize) -> usize {
        self.weight_hh(m, dir) + self.cell.gates() * self.hidden * self.hidden
    }

    /// Start of `bias_hh (G*H)`, where there is one.
    #[inline]
    pub fn bias_hh(&self, m: usize, dir: usize) -> Option<usize> {
        (self.biases == 2).then(|| self.bias_ih(m, dir) + self.cell.gates() * self.hidden)
    }

    /// Numbers in `x (M, T, B, D)`.
    pub fn x_len(&self) -> usize {
        self.models * self.steps * self.batch * self.input
    }

    /// Numbers in `y (M, T, B, dirs*H)`.
    pub fn y_len(&self) -> usize {
        self.models * self.steps * self.batch * self.dirs * self.hidden
    }

    /// Numbers in a state `(M, S, dirs, B, H)`.
    pub fn state_len(&self) -> usize {
        self.models * self.cell.states() * self.dirs * self.batch * self.hidden
    }

    /// Numbers that forward saves for backward, `(M, dirs, T, B, saved*H)`, before any padding by the device.
    pub fn reserve_len(&self) -> usize {
        self.models * self.dirs * self.steps * self.batch * self.cell.saved() * self.hidden
    }

    /// By direction `weight_ih`, `weight_hh`, `bias_ih` and, where there are two biases, `bias_hh`.
    pub fn tensors(&self) -> Vec<Tensor> {
        let Rnn { cell, input, hidden, biases, .. } = *self;
        let rows = cell.gates() * hidden;
        let gate_bias = cell.forget_gate().map_or(Role::Bias, |gate| Role::GateBias { gate, hidden });
        let direction = |suffix: &str| {
            let tensor = |name: &str, shape: &[usize], role| {
                Tensor::new(format!("{name}{suffix}"), shape, role, hidden)
            };
            let mut tensors = vec![
                tensor("weight_ih", &[rows, input], Role::Weight),
                tensor("weight_hh", &[rows, hidden], Role::Recurrent),
                tensor("bias_ih", &[rows], gate_bias),
            ];
            tensors.extend((biases == 2).then(|| tensor("bias_hh", &[rows], Role::Bias)));
            tensors
        };
        ["", "_reverse"].iter().take(self.dirs).flat_map(|suffix| direction(suffix)).collect()
    }

    /// For a table of layers.
    pub fn describe(&self) -> String {
        let bi = if self.dirs == 2 { "bi" } else { "" };
        let biases = if self.biases == 1 { "one bias" } else { "two biases" };
        format!("{bi}{}, {biases} a gate", self.cell.name())
    }

    /// The shape of a row's output, for people.
    pub fn output_shape(&self) -> String {
        format!("{} x {}", self.steps, self.dirs * self.hidden)
    }

    /// Start of the `D` inputs of row `b` at step `t`.
    #[inline]
    pub fn x_at(&self, m: usize, t: usize, b: usize) -> usize {
        ((m * self.steps + t) * self.batch + b) * self.input
    }

    /// Start of the `H` outputs of direction `dir` of row `b` at step `t`.
    #[inline]
    pub fn y_at(&self, m: usize, dir: usize, t: usize, b: usize) -> usize {
        (((m * self.steps + t) * self.batch + b) * self.dirs + dir) * self.hidden
    }

    /// Start of the `H` numbers of state vector `s` (0: `h`, 1: `c`) of row `b`.
    #[inline]
    pub fn state_at(&self, m: usize, s: usize, dir: usize, b: usize) -> usize {
        (((m * self.cell.states() + s) * self.dirs + dir) * self.batch + b) * self.hidden
    }

    /// Which of the `M*dirs*T*B` rows of a reserve belongs to row `b` at step `t`.
    #[inline]
    pub fn reserve_row(&self, m: usize, dir: usize, t: usize, b: usize) -> usize {
        ((m * self.dirs + dir) * self.steps + t) * self.batch + b
    }

    /// The input step that direction `dir` of a row of `length` steps reads as its `s`-th: the reverse
    /// direction starts at the row's own last step.
    #[inline]
    pub fn step(&self, dir: usize, s: usize, length: usize) -> usize {
        if dir == 0 { s } else { length - 1 - s }
    }
}

/// The purpose of a recurrent layer, which decides the contents of its device memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Forward only.
    Inference,
    /// Forward and backward; the lowest layer of a network needs no gradient by its input.
    Training {
        /// Whether backward computes `dx`.
        input_gradient: bool,
    },
}

/// A recurrent layer on a device: its weights in the order that the kernels want, what forward saves for
/// backward, and the memory that both work in.
pub struct RnnLayer<D: Device> {
    made_for: Rnn,
    purpose: Purpose,
    /// Forward saved something that backward has not consumed.
    saved: bool,
    /// The device's part. Kernels address it by the sizes above: nobody outside may exchange it.
    pub(crate) memory: D::Layer,
}

impl<D: Device> RnnLayer<D> {
    /// `memory` is the device's, for these sizes and this purpose.
    pub(crate) fn new(made_for: Rnn, purpose: Purpose, memory: D::Layer) -> Self {
        RnnLayer { made_for, purpose, saved: false, memory }
    }

    /// Refuses sizes that the layer was not made for.
    fn check(&self, s: &Rnn) -> Result<()> {
        match self.made_for == *s {
            true => Ok(()),
            false => Err(misused(format!("a layer made for {:?}, asked for {s:?}", self.made_for))),
        }
    }
}

fn misused(message: String) -> Error {
    Error::new(ErrorKind::Other, message)
}

/// Operands of [`RnnLoad`].
pub struct RnnLoadOperands<'a, D: Device> {
    /// `(M, P)`: the parameters of all layers.
    pub weights: &'a Reals<D>,
    /// Out: the layer with its own of them.
    pub layer: &'a mut RnnLayer<D>,
}

/// Operands of [`RnnForward`]. A row of length 0 is absent: nothing of it is read, its state passes through.
pub struct RnnForwardOperands<'a, D: Device> {
    /// The layer on the device, with its weights.
    pub layer: &'a mut RnnLayer<D>,
    /// Whether the layer saves the values that the matching backward pass needs; it must then be made for
    /// training.
    pub save: bool,
    /// `(M, T, B, D)`: not read at steps at or past a row's length.
    pub x: &'a Reals<D>,
    /// `(M, B)`: steps of each row, at most `T`.
    pub lengths: &'a Words<D>,
    /// `(M, S, dirs, B, H)`: the state before the first step; zero if absent.
    pub initial: Option<&'a Reals<D>>,
    /// `(M, T, B, dirs*H)`, out: hidden states; zero at and past a row's length.
    pub y: &'a mut Reals<D>,
    /// `(M, S, dirs, B, H)`, out: the state after each direction's last step, `h_n` and `c_n`.
    pub last: &'a mut Reals<D>,
}

/// Operands of [`RnnBackward`].
pub struct RnnBackwardOperands<'a, D: Device> {
    /// As the forward pass left it; backward consumes the saved values.
    pub layer: &'a mut RnnLayer<D>,
    /// As in the forward pass.
    pub x: &'a Reals<D>,
    /// As in the forward pass.
    pub lengths: &'a Words<D>,
    /// As in the forward pass.
    pub initial: Option<&'a Reals<D>>,
    /// `(M, T, B, dirs*H)`: as the forward pass left it.
    pub y: &'a Reals<D>,
    /// `(M, T, B, dirs*H)`: gradient of the loss by `y`; zero if absent. Not read at or past a row's length.
    pub dy: Option<&'a Reals<D>>,
    /// `(M, S, dirs, B, H)`: gradient by `last`; zero if absent.
    pub d_last: Option<&'a Reals<D>>,
    /// `(M, T, B, D)`, out: gradient by `x`, summed over directions; zero at and past a row's length. The
    /// layer must be made for it.
    pub dx: Option<&'a mut Reals<D>>,
    /// `(M, S, dirs, B, H)`, out: gradient by `initial`.
    pub d_initial: Option<&'a mut Reals<D>>,
    /// `(M, P)`, out: this layer's part is overwritten.
    pub d_weights: &'a mut Reals<D>,
}

impl Rnn {
    /// `M * dirs * T * B`: rows at all steps.
    fn cells(&self) -> usize {
        self.models * self.dirs * self.steps * self.batch
    }

    /// `2 G H depth` for each row and step.
    fn product(&self, depth: usize) -> usize {
        2 * self.cell.gates() * self.hidden * depth * self.cells()
    }

    /// Rearranging the weights: no arithmetic.
    pub fn load_work(&self) -> Work {
        Work::new(0, 2 * self.models * self.params())
    }

    /// `W_ih x` and `W_hh h`; the reserve is written if there is a backward pass.
    pub fn forward_work(&self, save: bool) -> Work {
        let saved = if save { self.reserve_len() } else { 0 };
        let numbers = self.x_len() + self.models * self.params() + self.y_len() + self.state_len() + saved;
        Work::new(self.product(self.input + self.hidden), numbers)
    }

    /// `W_ih x` alone, for all time steps, before the time loop.
    pub fn projection_work(&self) -> Work {
        let gates = self.cell.gates() * self.hidden * self.cells();
        let weights = self.models * self.dirs * self.cell.gates() * self.hidden * self.input;
        Work::new(self.product(self.input), self.x_len() + weights + gates)
    }

    /// The time loop alone: `W_hh h`.
    pub fn time_loop_work(&self, save: bool) -> Work {
        let saved = if save { self.reserve_len() } else { 0 };
        let gates = self.cell.gates() * self.hidden * self.cells();
        let weights = self.models * self.dirs * self.cell.gates() * self.hidden * self.hidden;
        Work::new(self.product(self.hidden), gates + weights + self.y_len() + self.state_len() + saved)
    }

    /// The backward time loop: `W_hh^T d_rh`; the reserve is read and overwritten by gradients. `dy` is read
    /// if there is one.
    pub fn backward_work(&self, dy: bool) -> Work {
        let weights = self.models * self.dirs * self.cell.gates() * self.hidden * self.hidden;
        let outputs = (1 + usize::from(dy)) * self.y_len();
        Work::new(self.product(self.hidden), 2 * self.reserve_len() + outputs + self.state_len() + weights)
    }

    /// `sum d_wx x^T` and `sum d_rh h^T`.
    pub fn weight_gradient_work(&self) -> Work {
        // The GRU's recurrent part of n has a gradient of its own: four a unit for both cells.
        let deltas = 4 * self.hidden * self.cells();
        let numbers = deltas + self.x_len() + self.y_len() + self.models * self.params();
        Work::new(self.product(self.input + self.hidden), numbers)
    }

    /// `W_ih^T d_wx`.
    pub fn input_gradient_work(&self) -> Work {
        let gate_rows = self.cell.gates() * self.hidden;
        let numbers = gate_rows * (self.cells() + self.models * self.dirs * self.input) + self.x_len();
        Work::new(self.product(self.input), numbers)
    }
}

/// Takes a layer's weights: once after each change of them.
pub struct RnnLoad;

impl Operation for RnnLoad {
    type Sizes = Rnn;
    type Operands<'a, D: Device> = RnnLoadOperands<'a, D>;
    const LABEL: &'static str = "load weights";

    fn work<D: Device>(s: &Rnn, _: &RnnLoadOperands<D>) -> Work {
        s.load_work()
    }

    fn prepare<D: Device>(_: &D, s: &Rnn, a: &mut RnnLoadOperands<D>) -> Result<()> {
        a.layer.check(s)
    }
}

/// The layer forward, all steps.
pub struct RnnForward;

impl Operation for RnnForward {
    type Sizes = Rnn;
    type Operands<'a, D: Device> = RnnForwardOperands<'a, D>;
    const LABEL: &'static str = "rnn forward";

    fn work<D: Device>(s: &Rnn, a: &RnnForwardOperands<D>) -> Work {
        s.forward_work(a.save)
    }

    fn prepare<D: Device>(device: &D, s: &Rnn, a: &mut RnnForwardOperands<D>) -> Result<()> {
        a.layer.check(s)?;
        if a.save && a.layer.purpose == Purpose::Inference {
            return Err(misused("a layer made for inference saves nothing for backward".into()));
        }
        check_lengths(device, a.lengths, s.models * s.batch, s.steps)?;
        a.layer.saved = a.save;
        Ok(())
    }
}

/// Backpropagation through time, and the gradients by weights and input.
pub struct RnnBackward;

impl Operation for RnnBackward {
    type Sizes = Rnn;
    type Operands<'a, D: Device> = RnnBackwardOperands<'a, D>;
    const LABEL: &'static str = "rnn backward";

    fn work<D: Device>(s: &Rnn, a: &RnnBackwardOperands<D>) -> Work {
        let input = a.dx.as_ref().map_or(Work::default(), |_| s.input_gradient_work());
        s.backward_work(a.dy.is_some()) + s.weight_gradient_work() + input
    }

    fn prepare<D: Device>(device: &D, s: &Rnn, a: &mut RnnBackwardOperands<D>) -> Result<()> {
        a.layer.check(s)?;
        if !a.layer.saved {
            return Err(misused("backward without a forward pass that saved what it needs".into()));
        }
        if a.dx.is_some() && a.layer.purpose != (Purpose::Training { input_gradient: true }) {
            return Err(misused("a layer made without a gradient by its input is asked for one".into()));
        }
        check_lengths(device, a.lengths, s.models * s.batch, s.steps)?;
        a.layer.saved = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_counted_as_by_hand() {
        let rnn = |cell, dirs| Rnn {
            cell,
            models: 2,
            batch: 3,
            steps: 5,
            input: 7,
            hidden: 4,
            dirs,
            biases: 2,
            weights: Slab { offset: 0, stride: 0 },
        };
        // 2 models x 3 rows x 5 steps = 30 rows; an LSTM has 16 gate rows of 7 + 4 columns.
        assert_eq!(rnn(Cell::Lstm, 1).forward_work(false).flops, 2 * 30 * 16 * 11);
        assert_eq!(rnn(Cell::Lstm, 1).backward_work(false).flops, 2 * 30 * 16 * 4);
        // A GRU has 12; both directions double it.
        assert_eq!(rnn(Cell::Gru, 2).weight_gradient_work().flops, 2 * 2 * 30 * 12 * 11);
        assert_eq!(rnn(Cell::Gru, 2).input_gradient_work().flops, 2 * 2 * 30 * 12 * 7);
        // x, the weights of 2 models with 16 * (7 + 4 + 2) each, y, and h and c.
        let numbers = 30 * 7 + 2 * 208 + 30 * 4 + 2 * 2 * 3 * 4;
        assert_eq!(rnn(Cell::Lstm, 1).forward_work(false).bytes, 4 * numbers);
    }
}
