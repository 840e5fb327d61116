//! Weights in the order in which the micro-kernels read them: packed once after each change of the weights.

use super::super::columns::Columns;
use super::super::format::{Format, Layout};
use super::super::memory::Aligned;
use crate::ops::{Purpose, Rnn};

/// Both weight matrices of one model and direction, by block of `LANES` hidden units with their gates side by
/// side.
pub struct Gates {
    layout: Layout,
    /// `(blocks, D, G, LANES)` words
    input: Aligned,
    /// `(blocks, H, G, LANES)` words
    recurrent: Aligned,
    /// `(blocks, G, LANES)`: what the input product begins with; both biases where both parts of a gate are
    /// simply added.
    pub bias: Aligned,
    /// `(blocks, G, LANES)`: what the recurrent product begins with where the parts stay apart.
    pub recurrent_bias: Aligned,
}

impl Gates {
    fn zeros(s: &Rnn, layout: Layout) -> Self {
        let block = s.cell.gates() * s.hidden.next_multiple_of(layout.lanes);
        Gates {
            layout,
            input: Aligned::zeros(block * layout.words(s.input)),
            recurrent: Aligned::zeros(block * layout.words(s.hidden)),
            bias: Aligned::zeros(block),
            recurrent_bias: Aligned::zeros(block),
        }
    }

    fn load<E: Format>(&mut self, s: &Rnn, w: &[f32], m: usize, dir: usize) {
        let (gates, hidden, Layout { lanes, .. }) = (s.cell.gates(), s.hidden, self.layout);
        let joint = s.cell.joint_gates();
        let matrices = [
            (&mut self.input, s.weight_ih(m, dir), s.input),
            (&mut self.recurrent, s.weight_hh(m, dir), hidden),
        ];
        for (packed, start, depth) in matrices {
            let packed: &mut [E::Number] = bytemuck::cast_slice_mut(packed);
            for (row, weights) in w[start..][..gates * hidden * depth].chunks(depth).enumerate() {
                let (gate, unit) = (row / hidden, row % hidden);
                let at = (unit / lanes * self.layout.words(depth) * gates + gate) * lanes + unit % lanes;
                for (k, &weight) in weights.iter().enumerate() {
                    let word = at + k / E::PAIR * gates * lanes;
                    packed[word * E::PAIR + k % E::PAIR] = E::round(weight);
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

    /// `(D, G, LANES)` words
    #[inline]
    pub fn input_block<E: Format>(&self, s: &Rnn, block: usize) -> *const E::Number {
        let len = self.layout.words(s.input) * s.cell.gates() * self.layout.lanes;
        self.input[block * len..][..len].as_ptr().cast()
    }

    /// `(H, G, LANES)` words
    #[inline]
    pub fn recurrent_block<E: Format>(&self, s: &Rnn, block: usize) -> *const E::Number {
        let len = self.layout.words(s.hidden) * s.cell.gates() * self.layout.lanes;
        self.recurrent[block * len..][..len].as_ptr().cast()
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
    pub fn zeros(s: &Rnn, purpose: Purpose, layout: Layout) -> Self {
        let rows = s.cell.gates() * s.hidden;
        let columns = |wanted: bool, columns: usize| wanted.then(|| Columns::zeros(rows, columns, layout));
        Packed {
            gates: Gates::zeros(s, layout),
            recurrent: columns(purpose != Purpose::Inference, s.hidden),
            input: columns(purpose == Purpose::Training { input_gradient: true }, s.input),
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        let columns = |columns: &Option<Columns>| columns.as_ref().map_or(0, Columns::len);
        self.gates.len() + columns(&self.recurrent) + columns(&self.input)
    }

    /// Words in it.
    pub fn words(s: &Rnn, purpose: Purpose, layout: Layout) -> usize {
        let rows = s.cell.gates() * s.hidden;
        let recurrent = if purpose == Purpose::Inference { 0 } else { s.hidden };
        let input = if purpose == (Purpose::Training { input_gradient: true }) { s.input } else { 0 };
        let columns = [recurrent, input].map(|columns| Columns::words(rows, columns, layout));
        // Both matrices and both biases by block, then the columns.
        let depth = layout.words(s.input) + layout.words(s.hidden) + 2;
        s.cell.gates() * s.hidden.next_multiple_of(layout.lanes) * depth + columns.iter().sum::<usize>()
    }

    pub fn load<E: Format>(&mut self, s: &Rnn, w: &[f32], m: usize, dir: usize) {
        let rows = s.cell.gates() * s.hidden;
        self.gates.load::<E>(s, w, m, dir);
        if let Some(recurrent) = &mut self.recurrent {
            recurrent.load::<E>(&w[s.weight_hh(m, dir)..][..rows * s.hidden]);
        }
        if let Some(input) = &mut self.input {
            input.load::<E>(&w[s.weight_ih(m, dir)..][..rows * s.input]);
        }
    }
}
