//! How much work an operation is: what the mathematics needs, whatever a kernel really does. Multiply-adds of matrix
//! products count two operations each, element-wise maths counts as noted; every operand is read or written once, and every row
//! has all `T` steps.

use super::{Conv, Dropout, Gather, Linear, Loss, Optimizer, Pool, PoolKind, Rnn};
use serde::Serialize;
use std::ops::Add;

/// Algorithmic work in `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Work {
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes of all operands.
    pub bytes: u64,
}

impl Work {
    /// `part` of `all`.
    pub fn share(self, part: usize, all: usize) -> Self {
        let of = |number: u64| (u128::from(number) * part as u128 / all.max(1) as u128) as u64;
        Work { flops: of(self.flops), bytes: of(self.bytes) }
    }

    fn new(flops: usize, numbers: usize) -> Self {
        Work { flops: flops as u64, bytes: (size_of::<f32>() * numbers) as u64 }
    }
}

impl Add for Work {
    type Output = Work;

    fn add(self, other: Work) -> Work {
        Work { flops: self.flops + other.flops, bytes: self.bytes + other.bytes }
    }
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

    /// `W_ih x` and `W_hh h`; what is kept for backward is written if there is a backward.
    pub fn forward_work(&self, keep: bool) -> Work {
        let kept = if keep { self.reserve_len() } else { 0 };
        let numbers = self.x_len() + self.models * self.params() + self.y_len() + self.state_len() + kept;
        Work::new(self.product(self.input + self.hidden), numbers)
    }

    /// `W_ih x` alone, for all steps before the walk.
    pub fn projection_work(&self) -> Work {
        let gates = self.cell.gates() * self.hidden * self.cells();
        let weights = self.models * self.dirs * self.cell.gates() * self.hidden * self.input;
        Work::new(self.product(self.input), self.x_len() + weights + gates)
    }

    /// The walk alone: `W_hh h`.
    pub fn walk_work(&self, keep: bool) -> Work {
        let kept = if keep { self.reserve_len() } else { 0 };
        let gates = self.cell.gates() * self.hidden * self.cells();
        let weights = self.models * self.dirs * self.cell.gates() * self.hidden * self.hidden;
        Work::new(self.product(self.hidden), gates + weights + self.y_len() + self.state_len() + kept)
    }

    /// The walk back: `W_hh^T d_rh`; what was kept is read and replaced by gradients. `dy` is read if there is one.
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

impl Conv {
    /// `2 C k` for each filter and each of the two steps of a pooled one.
    fn product(&self) -> usize {
        2 * self.depth() * 2 * self.y_len()
    }

    pub fn forward_work(&self, keep: bool) -> Work {
        let outputs = (1 + usize::from(keep)) * self.y_len();
        Work::new(self.product(), self.x_len() + self.models * self.params() + outputs)
    }

    /// `sum dz x`; half of the products are with zeros, which count.
    pub fn weight_gradient_work(&self) -> Work {
        Work::new(self.product(), self.x_len() + 2 * self.y_len() + self.models * self.params())
    }

    /// `W^T dz`, likewise.
    pub fn input_gradient_work(&self) -> Work {
        Work::new(self.product(), self.x_len() + 2 * self.y_len() + self.models * self.params())
    }
}

impl Gather {
    /// Two products and a difference a number.
    pub fn work(&self) -> Work {
        let numbers = self.models * self.steps * self.batch * self.features;
        Work::new(3 * numbers, 2 * numbers + 2 * self.models * self.stat_steps * self.features)
    }
}

impl Dropout {
    /// One product a number; drawing the mask is not counted.
    pub fn work(&self) -> Work {
        Work::new(self.models * self.len, 2 * self.models * self.len)
    }
}

impl Pool {
    /// The mean adds every step; the last state is copied. Backward is as much.
    pub fn work(&self) -> Work {
        let row = self.dirs * self.hidden;
        let out = self.models * self.batch * row;
        match self.kind {
            PoolKind::Last => Work::new(0, 2 * out),
            PoolKind::Mean => Work::new(self.steps * out, (self.steps + 1) * out),
        }
    }
}

impl Linear {
    pub fn forward_work(&self) -> Work {
        let rows = self.models * self.batch;
        let numbers = rows * (self.input + self.output) + self.models * self.params();
        Work::new(2 * rows * self.input * self.output, numbers)
    }

    /// Two products, for the input and for the weights.
    pub fn backward_work(&self) -> Work {
        let rows = self.models * self.batch;
        let numbers = 2 * rows * (self.input + self.output) + 2 * self.models * self.params();
        Work::new(4 * rows * self.input * self.output, numbers)
    }
}

impl Loss {
    /// An exponential, a sum, a quotient and a difference a logit.
    pub fn work(&self) -> Work {
        let logits = self.models * self.batch * self.classes;
        Work::new(4 * logits, 2 * logits)
    }
}

impl Optimizer {
    /// Two operations a parameter for the norm, twelve for the update.
    pub fn work(&self) -> Work {
        let params = self.models * self.params;
        Work::new(14 * params, 7 * params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Cell, Slab};

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
