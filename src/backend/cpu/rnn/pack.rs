//! Weights in the order in which the micro-kernels read them: packed once after each change of the weights.

use super::super::columns::Columns;
use super::super::memory::Aligned;
use crate::ops::{Purpose, Rnn};

/// Both weight matrices of one model and direction, by block of `LANES` hidden units with their gates side by
/// side.
pub struct Gates {
    lanes: usize,
    /// `(blocks, D, G, LANES)`
    input: Aligned,
    /// `(blocks, H, G, LANES)`
    recurrent: Aligned,
    /// `(blocks, G, LANES)`: what the input product begins with; both biases where both parts of a gate are
    /// simply added.
    pub bias: Aligned,
    /// `(blocks, G, LANES)`: what the recurrent product begins with where the parts stay apart.
    pub recurrent_bias: Aligned,
}

impl Gates {
    fn zeros(s: &Rnn, lanes: usize) -> Self {
        let block = s.hidden.div_ceil(lanes) * s.cell.gates() * lanes;
        Gates {
            lanes,
            input: Aligned::zeros(block * s.input),
            recurrent: Aligned::zeros(block * s.hidden),
            bias: Aligned::zeros(block),
            recurrent_bias: Aligned::zeros(block),
        }
    }

    fn load(&mut self, s: &Rnn, w: &[f32], m: usize, dir: usize) {
        let (gates, hidden, lanes) = (s.cell.gates(), s.hidden, self.lanes);
        let joint = s.cell.joint_gates();
        let matrices = [
            (&mut self.input, s.weight_ih(m, dir), s.input),
            (&mut self.recurrent, s.weight_hh(m, dir), hidden),
        ];
        for (packed, start, depth) in matrices {
            for (row, weights) in w[start..][..gates * hidden * depth].chunks(depth).enumerate() {
                let (gate, unit) = (row / hidden, row % hidden);
                let at = (unit / lanes * depth * gates + gate) * lanes + unit % lanes;
                for (k, &weight) in weights.iter().enumerate() {
                    packed[at + k * gates * lanes] = weight;
                }
            }
        }
        for row in 0..gates * hidden {
            let (gate, unit) = (row / hidden, row % hidden);
            let at = (unit / lanes * gates + gate) * lanes + unit % lanes;
            let b_ih = w[s.bias_ih(m, dir) + row];
            let b_hh = s.bias_hh(m, dir).map_or(0.0, |bias| w[bias + row]);
            self.bias[at] = if gate < joint { b_ih + b_hh } else { b_ih };
            self.recurrent_bias[at] = b_hh;
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        [&self.input, &self.recurrent, &self.bias, &self.recurrent_bias].map(|part| part.len()).iter().sum()
    }

    /// `(D, G, LANES)`
    pub fn input_block(&self, s: &Rnn, block: usize) -> *const f32 {
        let len = s.input * s.cell.gates() * self.lanes;
        self.input[block * len..][..len].as_ptr()
    }

    /// `(H, G, LANES)`
    pub fn recurrent_block(&self, s: &Rnn, block: usize) -> *const f32 {
        let len = s.hidden * s.cell.gates() * self.lanes;
        self.recurrent[block * len..][..len].as_ptr()
    }
}

/// All packed weights of one model and direction.
pub struct Packed {
    pub gates: Gates,
    /// `W_hh (G*H, H)`, for training.
    pub recurrent: Option<Columns>,
    /// `W_ih (G*H, D)`, where the gradient by the input is asked for.
    pub input: Option<Columns>,
}

impl Packed {
    pub fn zeros(s: &Rnn, purpose: Purpose, lanes: usize) -> Self {
        let rows = s.cell.gates() * s.hidden;
        let columns = |wanted: bool, columns: usize| wanted.then(|| Columns::zeros(rows, columns, lanes));
        Packed {
            gates: Gates::zeros(s, lanes),
            recurrent: columns(purpose != Purpose::Inference, s.hidden),
            input: columns(purpose == Purpose::Training { input_gradient: true }, s.input),
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        let columns = |columns: &Option<Columns>| columns.as_ref().map_or(0, Columns::len);
        self.gates.len() + columns(&self.recurrent) + columns(&self.input)
    }

    /// Numbers in it.
    pub fn numbers(s: &Rnn, purpose: Purpose, lanes: usize) -> usize {
        let rows = s.cell.gates() * s.hidden;
        let recurrent = if purpose == Purpose::Inference { 0 } else { s.hidden };
        let input = if purpose == (Purpose::Training { input_gradient: true }) { s.input } else { 0 };
        let columns = recurrent.next_multiple_of(lanes) + input.next_multiple_of(lanes);
        // Both matrices and both biases by block, then the columns.
        s.cell.gates() * s.hidden.next_multiple_of(lanes) * (s.input + s.hidden + 2) + rows * columns
    }

    pub fn load(&mut self, s: &Rnn, w: &[f32], m: usize, dir: usize) {
        let rows = s.cell.gates() * s.hidden;
        self.gates.load(s, w, m, dir);
        if let Some(recurrent) = &mut self.recurrent {
            recurrent.load(&w[s.weight_hh(m, dir)..][..rows * s.hidden]);
        }
        if let Some(input) = &mut self.input {
            input.load(&w[s.weight_ih(m, dir)..][..rows * s.input]);
        }
    }
}
