//! A whole network: recurrent layers, pooling, an optional dense layer, the output layer.

use super::{Attention, Cell, Conv, ConvSpec, Linear, Pool, PoolKind, Rnn, Role, Slab, Tensor};
use crate::error::{Error, Result};
use ndarray::ArrayViewD;
use serde::{Deserialize, Serialize};

/// One recurrent layer of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSpec {
    /// The cell of the layer.
    pub cell: Cell,
    /// `H`: hidden units of each direction.
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
}

/// `x (M, T, B, D)` -> convolution blocks -> recurrent layers -> pooling -> [dense + ReLU] -> `K` logits,
/// with dropout between all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// `D`
    pub features: usize,
    /// Convolution blocks, from the input up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub convs: Vec<ConvSpec>,
    /// Recurrent layers, from the bottom up.
    pub layers: Vec<LayerSpec>,
    /// Pooling over time.
    pub pool: Pooling,
    /// Units of the dense ReLU layer before the output layer, if any.
    pub dense: Option<usize>,
    /// Applied to the output of every block and of every recurrent layer but the last, to the pooled vector
    /// and after the dense layer.
    pub dropout: f64,
    /// `K`
    pub classes: usize,
}

/// How a sequence becomes one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Each direction's final hidden state (`h_n`): the reverse direction ends at step 0.
    Last,
    /// The mean of the hidden states over the row's steps.
    Mean,
    /// The weighted mean of the hidden states; the weights are a softmax over time of learned scores (Yang et
    /// al. 2016).
    Attention,
}

/// One named tensor inside the `P` parameters of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// PyTorch's name: the blocks are a list of `nn.Conv1d` called `conv`, the recurrent layers an `nn.LSTM`
    /// or `nn.GRU` called `rnn`, the linear layers `dense` and `head`.
    pub name: String,
    /// Shape of the tensor, as in PyTorch.
    pub shape: Vec<usize>,
    /// See [`Tensor`].
    pub role: Role,
    /// Inputs of one output, or the hidden units of a recurrent layer; see [`Tensor::fan`].
    pub fan: usize,
    /// Of the first number, from the start of the model's parameters.
    pub offset: usize,
}

impl Parameter {
    /// Numbers in the tensor.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// An operation with an output of its own that the next one reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// A convolution block.
    Conv(Conv),
    /// A recurrent layer.
    Rnn(Rnn),
    /// Pooling without parameters.
    Pool(Pool),
    /// Attention pooling.
    Attention(Attention),
    /// A linear layer.
    Linear(Linear),
}

/// Calls a method that the sizes of every stage have.
macro_rules! each_stage {
    ($stage:expr, $s:ident => $work:expr) => {
        match $stage {
            Stage::Conv($s) => $work,
            Stage::Rnn($s) => $work,
            Stage::Pool($s) => $work,
            Stage::Attention($s) => $work,
            Stage::Linear($s) => $work,
        }
    };
}

impl Stage {
    /// Numbers of its output, `(M, T, B, ...)` or `(M, B, ...)`.
    pub fn output_len(&self) -> usize {
        each_stage!(self, s => s.y_len())
    }

    /// Parameters of one model.
    pub fn params(&self) -> usize {
        each_stage!(self, s => s.params())
    }

    /// Its parameters of one model, in the order of the flat buffer.
    pub fn tensors(&self) -> Vec<Tensor> {
        each_stage!(self, s => s.tensors())
    }

    /// Its description in a table of layers.
    pub fn describe(&self) -> String {
        each_stage!(self, s => s.describe())
    }

    /// Its output of one row, `steps x features`, or one number where there is no time any more.
    pub fn output_shape(&self) -> String {
        each_stage!(self, s => s.output_shape())
    }
}

/// A stage in its network.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The stage.
    pub stage: Stage,
    /// Its output, for messages.
    pub name: String,
    module: Module,
    /// The number of the dropout that follows, in a network that has dropout. Part of the seed of
    /// its masks, so it never changes for a stage of the same kind.
    pub dropout: Option<u32>,
    /// How many convolution blocks have shortened its rows.
    pub blocks_below: usize,
}

/// Numbers of the dropouts; a recurrent layer's is its own number.
const POOL_DROPOUT: u32 = 1000;
const DENSE_DROPOUT: u32 = 1001;
const CONV_DROPOUT: u32 = 2000;

/// How PyTorch names a stage's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Module {
    /// `head.weight`
    One(&'static str),
    /// `conv.0.weight`: one of a list of modules.
    List(&'static str, usize),
    /// `rnn.weight_ih_l0_reverse`: one of the layers of a module.
    Layer(&'static str, usize),
}

impl Module {
    fn parameter(self, tensor: &str) -> String {
        match self {
            Module::One(module) => format!("{module}.{tensor}"),
            Module::List(module, i) => format!("{module}.{i}.{tensor}"),
            Module::Layer(module, l) => {
                let (name, suffix) = match tensor.strip_suffix("_reverse") {
                    Some(name) => (name, "_reverse"),
                    None => (tensor, ""),
                };
                format!("{module}.{name}_l{l}{suffix}")
            }
        }
    }
}

/// The largest size of anything in a network: the product of two fits into 64 bits with room to spare.
const LARGEST: usize = 1 << 24;

impl Network {
    /// The network of `engine train`: one LSTM layer of 64 units, its last state, a dropout of 0.2.
    pub fn new(features: usize, classes: usize) -> Self {
        Network {
            features,
            convs: Vec::new(),
            layers: vec![LayerSpec::new(Cell::Lstm, 64, 1)],
            pool: Pooling::Last,
            dense: None,
            dropout: 0.2,
            classes,
        }
    }

    /// Refuses a network without recurrent layers or with a size of 0.
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
        let sizes = sizes.into_iter().chain(dense).chain(convs).chain(hidden);
        if let Some((what, size)) = sizes.into_iter().find(|(_, size)| !(1..=LARGEST).contains(size)) {
            return Err(Error::config(format!("a network with {size} {what}, expected 1 to {LARGEST}")));
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

    /// All stages for `M` models of `B` rows and `T` steps, bottom up: the one list of the network's stages.
    pub fn stages(&self, models: usize, batch: usize, steps: usize) -> Vec<Placed> {
        self.placed(models, batch, steps, self.params())
    }

    /// With `stride` parameters from model to model.
    fn placed(&self, models: usize, batch: usize, steps: usize, stride: usize) -> Vec<Placed> {
        let mut stages: Vec<Placed> = Vec::new();
        let mut push =
            |stage: Stage, name: String, module: Module, dropout: Option<u32>, blocks_below: usize| {
                let offset = stage.params();
                stages.push(Placed { stage, name, module, dropout, blocks_below });
                offset
            };
        let (mut weights, mut input, mut steps) = (Slab { offset: 0, stride }, self.features, steps);
        for (i, &spec) in self.convs.iter().enumerate() {
            let conv = Conv { models, batch, steps, input, spec, weights };
            let (name, module) = (format!("output of convolution block {i}"), Module::List("conv", i));
            weights.offset += push(Stage::Conv(conv), name, module, Some(CONV_DROPOUT + i as u32), i);
            (input, steps) = (spec.filters, conv.out_steps());
        }
        let lengths = self.convs.len();
        let mut states = 1;
        for (l, layer) in self.layers.iter().enumerate() {
            let LayerSpec { cell, hidden, dirs, biases } = *layer;
            let rnn = Rnn { cell, models, batch, steps, input, hidden, dirs, biases, weights };
            let (name, module) = (format!("output of recurrent layer {l}"), Module::Layer("rnn", l));
            // The output of the top layer is dropped out after pooling.
            let dropout = (l + 1 < self.layers.len()).then_some(l as u32);
            weights.offset += push(Stage::Rnn(rnn), name, module, dropout, lengths);
            (input, states) = (dirs * hidden, cell.states());
        }
        let dirs = self.layers.last().map_or(1, |layer| layer.dirs);
        let pool =
            |kind| Stage::Pool(Pool { kind, models, batch, steps, hidden: input / dirs, dirs, states });
        let (pool, module) = match self.pool {
            Pooling::Last => (pool(PoolKind::Last), "pool"),
            Pooling::Mean => (pool(PoolKind::Mean), "pool"),
            Pooling::Attention => {
                (Stage::Attention(Attention { models, batch, steps, width: input, weights }), "attention")
            }
        };
        weights.offset +=
            push(pool, "pooled vector".into(), Module::One(module), Some(POOL_DROPOUT), lengths);
        let dense = self.dense.map(|units| (units, true, "dense layer", "dense", Some(DENSE_DROPOUT)));
        for (output, relu, name, module, dropout) in
            dense.into_iter().chain([(self.classes, false, "logits", "head", None)])
        {
            let linear = Linear { models, batch, input, output, relu, weights };
            weights.offset += push(Stage::Linear(linear), name.into(), Module::One(module), dropout, lengths);
            input = output;
        }
        stages
    }

    /// Sizes of the recurrent layers.
    pub fn rnns(&self, models: usize, batch: usize, steps: usize) -> Vec<Rnn> {
        let rnn = |placed: Placed| match placed.stage {
            Stage::Rnn(rnn) => Some(rnn),
            _ => None,
        };
        self.stages(models, batch, steps).into_iter().filter_map(rnn).collect()
    }

    /// Steps that the recurrent layers see of `steps`.
    pub fn conv_steps(&self, steps: usize) -> usize {
        self.convs.iter().fold(steps, |steps, conv| conv.steps(steps))
    }

    /// The fewest steps of a row of which the recurrent layers see one.
    pub fn shortest(&self) -> usize {
        self.convs.iter().rev().fold(1, |steps, conv| 2 * steps + conv.kernel - 1)
    }

    /// `P`: parameters of one model.
    pub fn params(&self) -> usize {
        self.placed(1, 1, 1, 0).iter().map(|placed| placed.stage.params()).sum()
    }

    /// The tensors of one model among its flat numbers `(P)`, weights or gradients: names and shapes are
    /// those of checkpoints.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) for another number of numbers.
    pub fn tensors<'a>(&self, numbers: &'a [f32]) -> Result<Vec<(String, ArrayViewD<'a, f32>)>> {
        if numbers.len() != self.params() {
            return Err(Error::data(format!(
                "{} numbers, expected the network's {} parameters",
                numbers.len(),
                self.params()
            )));
        }
        let view = |Parameter { name, shape, offset, .. }: Parameter| {
            let count = shape.iter().product::<usize>();
            let own = &numbers[offset..offset + count];
            (name, ArrayViewD::from_shape(shape, own).expect("as many numbers as the shape says"))
        };
        Ok(self.parameters().into_iter().map(view).collect())
    }

    /// All parameters by name, in the order of the flat buffer.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut offset = 0;
        let mut parameters = Vec::new();
        for placed in self.stages(1, 1, 1) {
            for Tensor { name, shape, role, fan } in placed.stage.tensors() {
                let parameter = Parameter { name: placed.module.parameter(&name), shape, role, fan, offset };
                offset += parameter.count();
                parameters.push(parameter);
            }
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
            pool: Pooling::Last,
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
            pool: Pooling::Last,
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
        assert_eq!(rnns[1].weight_hh(1, 0), network.params() + find("rnn.weight_hh_l1"));
        let stages = network.stages(2, 1, 9);
        let Stage::Conv(conv) = stages[1].stage else { panic!("{:?}", stages[1]) };
        assert_eq!(conv.bias(1), network.params() + find("conv.1.bias"));
        let Some(Placed { stage: Stage::Linear(head), .. }) = stages.last() else { panic!("{stages:?}") };
        assert_eq!(head.weights.start(0), find("head.weight"));
    }
}
