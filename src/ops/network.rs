//! A whole network: recurrent layers, pooling, an optional dense layer, the output layer.

use super::{Cell, Conv, ConvSpec, Linear, PoolKind, Rnn, Slab};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// One recurrent layer of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSpec {
    pub cell: Cell,
    pub hidden: usize,
    /// 1, or 2 for bidirectional.
    pub dirs: usize,
    /// Bias vectors of a gate: 2 as in PyTorch, or 1, without `bias_hh`, as in Keras' LSTM.
    #[serde(default = "two")]
    pub biases: usize,
}

fn two() -> usize {
    2
}

impl LayerSpec {
    /// With two biases.
    pub fn new(cell: Cell, hidden: usize, dirs: usize) -> Self {
        LayerSpec { cell, hidden, dirs, biases: two() }
    }

    /// Parameters with `input` features.
    fn params(&self, input: usize) -> usize {
        self.dirs * self.cell.gates() * self.hidden * (input + self.hidden + self.biases)
    }
}

/// `x (M, T, B, D)` -> convolution blocks -> recurrent layers -> pooling -> [dense + ReLU] -> `K` logits, with dropout between all of
/// them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// `D`
    pub features: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub convs: Vec<ConvSpec>,
    pub layers: Vec<LayerSpec>,
    pub pool: PoolKind,
    /// Units of the dense ReLU layer before the output layer, if any.
    pub dense: Option<usize>,
    /// Applied to the output of every block and of every recurrent layer but the last, to the pooled vector and after the dense layer.
    pub dropout: f64,
    /// `K`
    pub classes: usize,
}

/// One named tensor inside the `P` parameters of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// PyTorch's name: the blocks are a list of `nn.Conv1d` called `conv`, the recurrent layers an `nn.LSTM` or `nn.GRU` called `rnn`,
    /// the linear layers `dense` and `head`.
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
    /// Refuses what is no network: no recurrent layer, or a size of 0.
    pub fn check(&self) -> Result<()> {
        if self.layers.is_empty() {
            return Err(Error::config("a network without a recurrent layer, expected at least one"));
        }
        let sizes = [("features", self.features), ("classes", self.classes)];
        let dense = self.dense.map(|units| ("units of the dense layer", units));
        let convs = self
            .convs
            .iter()
            .flat_map(|conv| [("filters", conv.filters), ("steps of a kernel", conv.kernel)]);
        let hidden = self.layers.iter().map(|layer| ("hidden units", layer.hidden));
        let none = sizes.into_iter().chain(dense).chain(convs).chain(hidden).find(|(_, size)| *size == 0);
        if let Some((what, _)) = none {
            return Err(Error::config(format!("a network with 0 {what}, expected at least 1")));
        }
        for LayerSpec { dirs, biases, .. } in &self.layers {
            for (what, found) in [("directions", dirs), ("bias vectors", biases)] {
                if !(1..=2).contains(found) {
                    return Err(Error::config(format!(
                        "a recurrent layer with {found} {what}, expected 1 or 2"
                    )));
                }
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::config(format!("dropout is {}, expected a share in [0, 1)", self.dropout)));
        }
        Ok(())
    }

    /// Sizes of the convolution blocks for `M` models of `B` rows and `T` steps.
    pub fn conv_blocks(&self, models: usize, batch: usize, steps: usize) -> Vec<Conv> {
        let mut weights = Slab { offset: 0, stride: self.params() };
        let (mut input, mut steps) = (self.features, steps);
        let mut blocks = Vec::with_capacity(self.convs.len());
        for &spec in &self.convs {
            let block = Conv { models, batch, steps, input, spec, weights };
            weights.offset += block.params();
            (input, steps) = (spec.filters, block.out_steps());
            blocks.push(block);
        }
        blocks
    }

    /// Steps that the recurrent layers see of `steps`.
    pub fn conv_steps(&self, steps: usize) -> usize {
        self.convs.iter().fold(steps, |steps, conv| conv.steps(steps))
    }

    /// The fewest steps of a row of which the recurrent layers see one.
    pub fn shortest(&self) -> usize {
        self.convs.iter().rev().fold(1, |steps, conv| 2 * steps + conv.kernel - 1)
    }

    /// Features of the lowest recurrent layer.
    fn recurrent_input(&self) -> usize {
        self.convs.last().map_or(self.features, |conv| conv.filters)
    }

    /// Sizes of the recurrent layers for `M` models of `B` rows and `T` steps, before the blocks.
    pub fn rnns(&self, models: usize, batch: usize, steps: usize) -> Vec<Rnn> {
        let stride = self.params();
        let mut weights = Slab { offset: self.conv_params(), stride };
        let steps = self.conv_steps(steps);
        let mut input = self.recurrent_input();
        let mut rnns = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let LayerSpec { cell, hidden, dirs, biases } = *layer;
            let rnn = Rnn { cell, models, batch, steps, input, hidden, dirs, biases, weights };
            weights.offset += rnn.params();
            input = dirs * hidden;
            rnns.push(rnn);
        }
        rnns
    }

    /// Sizes of the dense layer, if there is one, and of the output layer.
    pub fn linears(&self, models: usize, batch: usize) -> Vec<Linear> {
        let stride = self.params();
        let mut weights = Slab { offset: self.conv_params() + self.rnn_params(), stride };
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
        self.layers.last().map_or(self.recurrent_input(), |layer| layer.dirs * layer.hidden)
    }

    /// `P`: parameters of one model.
    pub fn params(&self) -> usize {
        let mut input = self.pooled();
        let mut total = self.conv_params() + self.rnn_params();
        for output in self.dense.into_iter().chain([self.classes]) {
            total += output * (input + 1);
            input = output;
        }
        total
    }

    fn conv_params(&self) -> usize {
        let inputs = std::iter::once(self.features).chain(self.convs.iter().map(|conv| conv.filters));
        self.convs.iter().zip(inputs).map(|(conv, input)| conv.filters * (input * conv.kernel + 1)).sum()
    }

    fn rnn_params(&self) -> usize {
        let mut input = self.recurrent_input();
        let mut total = 0;
        for layer in &self.layers {
            total += layer.params(input);
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
        for (i, conv) in self.conv_blocks(1, 1, 1).iter().enumerate() {
            push(format!("conv.{i}.weight"), vec![conv.spec.filters, conv.input, conv.spec.kernel]);
            push(format!("conv.{i}.bias"), vec![conv.spec.filters]);
        }
        for (l, rnn) in self.rnns(1, 1, 1).iter().enumerate() {
            let rows = rnn.cell.gates() * rnn.hidden;
            for suffix in ["", "_reverse"].iter().take(rnn.dirs) {
                push(format!("rnn.weight_ih_l{l}{suffix}"), vec![rows, rnn.input]);
                push(format!("rnn.weight_hh_l{l}{suffix}"), vec![rows, rnn.hidden]);
                push(format!("rnn.bias_ih_l{l}{suffix}"), vec![rows]);
                if rnn.biases == 2 {
                    push(format!("rnn.bias_hh_l{l}{suffix}"), vec![rows]);
                }
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
    fn what_is_no_network_is_refused() {
        let network = Network {
            features: 3,
            convs: vec![ConvSpec { filters: 2, kernel: 2 }],
            layers: vec![LayerSpec::new(Cell::Gru, 4, 1)],
            pool: PoolKind::Last,
            dense: Some(5),
            dropout: 0.5,
            classes: 2,
        };
        network.check().unwrap();
        type Damage = fn(&mut Network);
        let broken: [(&str, Damage); 9] = [
            ("without a recurrent layer", |n| n.layers.clear()),
            ("0 features", |n| n.features = 0),
            ("0 classes", |n| n.classes = 0),
            ("0 units of the dense layer", |n| n.dense = Some(0)),
            ("0 filters", |n| n.convs[0].filters = 0),
            ("0 hidden units", |n| n.layers[0].hidden = 0),
            ("3 directions", |n| n.layers[0].dirs = 3),
            ("0 bias vectors", |n| n.layers[0].biases = 0),
            ("dropout is 1", |n| n.dropout = 1.0),
        ];
        for (part, damage) in broken {
            let mut network = network.clone();
            damage(&mut network);
            let error = network.check().unwrap_err();
            assert!(error.message.contains(part), "{error}");
        }
    }

    #[test]
    fn the_named_parameters_tile_the_flat_buffer() {
        let layer = LayerSpec::new;
        let network = Network {
            features: 5,
            convs: vec![ConvSpec { filters: 6, kernel: 3 }, ConvSpec { filters: 4, kernel: 2 }],
            layers: vec![LayerSpec { biases: 1, ..layer(Cell::Lstm, 7, 2) }, layer(Cell::Gru, 3, 1)],
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
        assert_eq!(rnns[0].bias_ih(0, 1), find("rnn.bias_ih_l0_reverse"));
        assert_eq!(rnns[0].bias_hh(0, 1), None);
        assert_eq!(rnns[1].bias_hh(0, 0), Some(find("rnn.bias_hh_l1")));
        assert_eq!(network.conv_blocks(2, 1, 9)[1].bias(1), network.params() + find("conv.1.bias"));
        assert_eq!(rnns[1].weight_hh(1, 0), network.params() + find("rnn.weight_hh_l1"));
        assert_eq!(network.linears(1, 1)[1].weights.start(0), find("head.weight"));
    }
}
