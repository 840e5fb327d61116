//! A whole network: recurrent layers, pooling, an optional dense layer, the output layer.

use super::{Cell, Linear, PoolKind, Rnn, Slab};
use serde::{Deserialize, Serialize};

/// One recurrent layer of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSpec {
    pub cell: Cell,
    pub hidden: usize,
    /// 1, or 2 for bidirectional.
    pub dirs: usize,
}

/// `x (M, T, B, D)` -> recurrent layers, dropout between them -> pooling, dropout -> [dense + ReLU, dropout] -> `K` logits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// `D`
    pub features: usize,
    pub layers: Vec<LayerSpec>,
    pub pool: PoolKind,
    /// Units of the dense ReLU layer before the output layer, if any.
    pub dense: Option<usize>,
    /// Applied to the output of every recurrent layer but the last, to the pooled vector and after the dense layer.
    pub dropout: f64,
    /// `K`
    pub classes: usize,
}

/// One named tensor inside the `P` parameters of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// PyTorch's name: the stack is an `nn.LSTM` or `nn.GRU` called `rnn`, the linear layers are `dense` and `head`.
    pub name: String,
    pub shape: Vec<usize>,
    /// Of the first number, from the start of the model's parameters.
    pub offset: usize,
}

impl Parameter {
    /// Numbers in the tensor.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Network {
    /// Sizes of the recurrent layers for `M` models of `B` rows and `T` steps.
    pub fn rnns(&self, models: usize, batch: usize, steps: usize) -> Vec<Rnn> {
        let stride = self.params();
        let mut weights = Slab { offset: 0, stride };
        let mut input = self.features;
        let mut rnns = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let LayerSpec { cell, hidden, dirs } = *layer;
            let rnn = Rnn { cell, models, batch, steps, input, hidden, dirs, weights };
            weights.offset += rnn.params();
            input = dirs * hidden;
            rnns.push(rnn);
        }
        rnns
    }

    /// Sizes of the dense layer, if there is one, and of the output layer.
    pub fn linears(&self, models: usize, batch: usize) -> Vec<Linear> {
        let stride = self.params();
        let mut weights = Slab { offset: self.rnn_params(), stride };
        let mut input = self.pooled();
        let sizes = self.dense.iter().map(|&units| (units, true)).chain([(self.classes, false)]);
        let mut linears = Vec::new();
        for (output, relu) in sizes {
            let linear = Linear { models, batch, input, output, relu, weights };
            weights.offset += linear.params();
            input = output;
            linears.push(linear);
        }
        linears
    }

    /// Length of the pooled vector.
    pub fn pooled(&self) -> usize {
        self.layers.last().map_or(self.features, |layer| layer.dirs * layer.hidden)
    }

    /// `P`: parameters of one model.
    pub fn params(&self) -> usize {
        let mut input = self.pooled();
        let mut total = self.rnn_params();
        for output in self.dense.into_iter().chain([self.classes]) {
            total += output * (input + 1);
            input = output;
        }
        total
    }

    fn rnn_params(&self) -> usize {
        let mut input = self.features;
        let mut total = 0;
        for layer in &self.layers {
            total += layer.dirs * layer.cell.gates() * layer.hidden * (input + layer.hidden + 2);
            input = layer.dirs * layer.hidden;
        }
        total
    }

    /// All parameters by name, in the order of the flat buffer.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut push = |name: String, shape: Vec<usize>| {
            let offset = parameters.last().map_or(0, |p| p.offset + p.count());
            parameters.push(Parameter { name, shape, offset });
        };
        for (l, rnn) in self.rnns(1, 1, 1).iter().enumerate() {
            let rows = rnn.cell.gates() * rnn.hidden;
            for suffix in ["", "_reverse"].iter().take(rnn.dirs) {
                push(format!("rnn.weight_ih_l{l}{suffix}"), vec![rows, rnn.input]);
                push(format!("rnn.weight_hh_l{l}{suffix}"), vec![rows, rnn.hidden]);
                push(format!("rnn.bias_ih_l{l}{suffix}"), vec![rows]);
                push(format!("rnn.bias_hh_l{l}{suffix}"), vec![rows]);
            }
        }
        let linears = self.linears(1, 1);
        for (i, linear) in linears.iter().enumerate() {
            let name = if i + 1 == linears.len() { "head" } else { "dense" };
            push(format!("{name}.weight"), vec![linear.output, linear.input]);
            push(format!("{name}.bias"), vec![linear.output]);
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_parameters_tile_the_flat_buffer() {
        let layer = |cell, hidden, dirs| LayerSpec { cell, hidden, dirs };
        let network = Network {
            features: 5,
            layers: vec![layer(Cell::Lstm, 7, 2), layer(Cell::Gru, 3, 1)],
            pool: PoolKind::Last,
            dense: Some(4),
            dropout: 0.0,
            classes: 2,
        };
        let parameters = network.parameters();
        let mut end = 0;
        for p in &parameters {
            assert_eq!(p.offset, end, "{}", p.name);
            end += p.count();
        }
        assert_eq!(end, network.params());
        let rnns = network.rnns(2, 1, 1);
        let find = |name: &str| parameters.iter().find(|p| p.name == name).unwrap().offset;
        assert_eq!(rnns[0].bias_hh(0, 1), find("rnn.bias_hh_l0_reverse"));
        assert_eq!(rnns[1].weight_hh(1, 0), network.params() + find("rnn.weight_hh_l1"));
        assert_eq!(network.linears(1, 1)[1].weights.start(0), find("head.weight"));
    }
}
