//! The recurrent layer: one or two directions over whole sequences.

use super::Slab;
use serde::{Deserialize, Serialize};

/// A recurrent cell. Gate order and the two bias vectors are PyTorch's and cuDNN's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// Hochreiter and Schmidhuber 1997 with forget gate; gates i, f, g, o.
    Lstm,
    /// Cho et al. 2014, reset gate applied after the recurrent product (as cuDNN does); gates r, z, n.
    Gru,
}

impl Cell {
    pub const ALL: [Cell; 2] = [Cell::Lstm, Cell::Gru];

    pub fn name(self) -> &'static str {
        match self {
            Cell::Lstm => "lstm",
            Cell::Gru => "gru",
        }
    }

    /// `G`: gates per hidden unit.
    pub fn gates(self) -> usize {
        match self {
            Cell::Lstm => 4,
            Cell::Gru => 3,
        }
    }

    /// `S`: state vectors carried from step to step (`h`, and `c` for the LSTM).
    pub fn states(self) -> usize {
        match self {
            Cell::Lstm => 2,
            Cell::Gru => 1,
        }
    }

    /// Numbers per hidden unit and step that forward keeps for backward: the gates, then the cell state (LSTM) or the
    /// recurrent part of gate n (GRU).
    pub fn saved(self) -> usize {
        self.gates() + 1
    }

    /// Of those `saved` slots, after backward, the one with the gradient of gate `g`'s recurrent part. The GRU's reset
    /// gate scales only the recurrent part of n, which therefore has a slot of its own.
    pub fn recurrent_slot(self, gate: usize) -> usize {
        match (self, gate) {
            (Cell::Gru, 2) => 3,
            _ => gate,
        }
    }
}

/// Sizes of one recurrent layer for `M` models at once.
///
/// Parameters of one model and direction, in this order: `weight_ih (G*H, D)`, `weight_hh (G*H, H)`, `bias_ih (G*H)`,
/// `bias_hh (G*H)` where there are two biases; the reverse direction's follow the forward direction's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rnn {
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
    pub weights: Slab,
}

impl Rnn {
    /// Parameters of one direction of one model.
    pub fn direction_params(&self) -> usize {
        self.cell.gates() * self.hidden * (self.input + self.hidden + self.biases)
    }

    /// Parameters of the layer of one model.
    pub fn params(&self) -> usize {
        self.dirs * self.direction_params()
    }

    /// Start of `weight_ih (G*H, D)` in the flat parameter buffer.
    pub fn weight_ih(&self, m: usize, dir: usize) -> usize {
        self.weights.start(m) + dir * self.direction_params()
    }

    /// Start of `weight_hh (G*H, H)`.
    pub fn weight_hh(&self, m: usize, dir: usize) -> usize {
        self.weight_ih(m, dir) + self.cell.gates() * self.hidden * self.input
    }

    /// Start of `bias_ih (G*H)`.
    pub fn bias_ih(&self, m: usize, dir: usize) -> usize {
        self.weight_hh(m, dir) + self.cell.gates() * self.hidden * self.hidden
    }

    /// Start of `bias_hh (G*H)`, where there is one.
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

    /// Numbers that forward keeps for backward, `(M, dirs, T, B, saved*H)`, before any padding by the device.
    pub fn reserve_len(&self) -> usize {
        self.models * self.dirs * self.steps * self.batch * self.cell.saved() * self.hidden
    }

    /// Start of the `D` inputs of row `b` at step `t`.
    pub fn x_at(&self, m: usize, t: usize, b: usize) -> usize {
        ((m * self.steps + t) * self.batch + b) * self.input
    }

    /// Start of the `H` outputs of direction `dir` of row `b` at step `t`.
    pub fn y_at(&self, m: usize, dir: usize, t: usize, b: usize) -> usize {
        (((m * self.steps + t) * self.batch + b) * self.dirs + dir) * self.hidden
    }

    /// Start of the `H` numbers of state vector `s` (0: `h`, 1: `c`) of row `b`.
    pub fn state_at(&self, m: usize, s: usize, dir: usize, b: usize) -> usize {
        (((m * self.cell.states() + s) * self.dirs + dir) * self.batch + b) * self.hidden
    }

    /// Which of the `M*dirs*T*B` rows of a reserve belongs to row `b` at step `t`.
    pub fn reserve_row(&self, m: usize, dir: usize, t: usize, b: usize) -> usize {
        ((m * self.dirs + dir) * self.steps + t) * self.batch + b
    }

    /// The input step that direction `dir` of a row of `length` steps reads as its `s`-th: the reverse direction
    /// starts at the row's own last step.
    pub fn step(&self, dir: usize, s: usize, length: usize) -> usize {
        if dir == 0 { s } else { length - 1 - s }
    }
}

/// What a recurrent layer will be asked for, which decides what its device memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Forward only.
    Inference,
    /// Forward and backward; the lowest layer of a network needs no gradient by its input.
    Training { input_gradient: bool },
}

/// Operands of the forward pass. A row of length 0 is absent: nothing of it is read, its state passes through.
pub struct RnnForward<'a, L, R: ?Sized, W: ?Sized> {
    /// The layer on the device, with its weights.
    pub layer: &'a mut L,
    /// Whether the layer keeps what the matching backward pass needs; it must then be made for training.
    pub keep: bool,
    /// `(M, T, B, D)`: not read at steps at or past a row's length.
    pub x: &'a R,
    /// `(M, B)`: steps of each row, at most `T`.
    pub lengths: &'a W,
    /// `(M, S, dirs, B, H)`: the state before the first step; zero if absent.
    pub initial: Option<&'a R>,
    /// `(M, T, B, dirs*H)`, out: hidden states; zero at and past a row's length.
    pub y: &'a mut R,
    /// `(M, S, dirs, B, H)`, out: the state after each direction's last step, `h_n` and `c_n`.
    pub last: &'a mut R,
}

/// Operands of the backward pass.
pub struct RnnBackward<'a, L, R: ?Sized, W: ?Sized> {
    /// As the forward pass left it; what it kept is consumed.
    pub layer: &'a mut L,
    /// As in the forward pass.
    pub x: &'a R,
    /// As in the forward pass.
    pub lengths: &'a W,
    /// As in the forward pass.
    pub initial: Option<&'a R>,
    /// `(M, T, B, dirs*H)`: as the forward pass left it.
    pub y: &'a R,
    /// `(M, T, B, dirs*H)`: gradient of the loss by `y`; zero if absent. Not read at or past a row's length.
    pub dy: Option<&'a R>,
    /// `(M, S, dirs, B, H)`: gradient by `last`; zero if absent.
    pub d_last: Option<&'a R>,
    /// `(M, T, B, D)`, out: gradient by `x`, summed over directions; zero at and past a row's length. The layer must be
    /// made for it.
    pub dx: Option<&'a mut R>,
    /// `(M, S, dirs, B, H)`, out: gradient by `initial`.
    pub d_initial: Option<&'a mut R>,
    /// `(M, P)`, out: this layer's part is overwritten.
    pub d_weights: &'a mut R,
}
