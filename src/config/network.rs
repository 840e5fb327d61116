//! The options of the network.

use super::cell_name::CellName;
use crate::error::{Error, Result};
use crate::ops::{ConvSpec, LayerSpec, Network, Pooling};
#[cfg(feature = "cli")]
use crate::word::{trimmed, word};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The network, from input to output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[cfg_attr(feature = "cli", command(next_help_heading = "Network"))]
#[serde(default, deny_unknown_fields)]
pub struct NetworkConfig {
    /// Convolution blocks before the recurrent layers, each as FILTERSxKERNEL, for example 128x3,128x3. A
    /// block is a convolution over time, a ReLU, and max-pooling over two time steps [default: none]
    #[cfg_attr(feature = "cli", arg(long, value_name = "LIST", value_delimiter = ','))]
    pub conv: Vec<ConvSpec>,
    /// Recurrent cell: one for all layers, or one for each layer
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<CellName>(), value_name = "LIST", value_delimiter = ',', default_values_t = Self::default().cell))]
    #[serde(serialize_with = "one_or_list", deserialize_with = "from_one_or_list")]
    pub cell: Vec<CellName>,
    /// Hidden units of each recurrent layer, for example 64,32 for two layers
    #[cfg_attr(feature = "cli", arg(long, value_name = "LIST", value_delimiter = ',', value_parser = trimmed::<usize>, default_values_t = Self::default().hidden))]
    pub hidden: Vec<usize>,
    /// Bias vectors per gate: 2 as in PyTorch and cuDNN, 1 as in the LSTM of Keras (the GRU of Keras has 2)
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().biases))]
    pub biases: usize,
    /// Pooling over time: how the output sequence of the last recurrent layer becomes one vector
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<Pooling>(), value_name = "METHOD", default_value_t = Self::default().pool))]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub pool: Pooling,
    /// Units of a dense ReLU layer before the output layer; 0 for no such layer
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().dense))]
    pub dense: usize,
    /// Dropout rate: after convolution blocks, between recurrent layers, after pooling, and after the dense
    /// layer
    #[cfg_attr(feature = "cli", arg(long, value_name = "RATE", default_value_t = Self::default().dropout))]
    pub dropout: f64,
}

impl Default for NetworkConfig {
    /// The options of [`Network::new`].
    fn default() -> Self {
        let Network { convs, layers, pool, dense, dropout, .. } = Network::new(1, 2);
        NetworkConfig {
            conv: convs,
            cell: layers.iter().map(|layer| CellName::new(layer.cell, layer.dirs)).collect(),
            hidden: layers.iter().map(|layer| layer.hidden).collect(),
            biases: layers[0].biases,
            pool,
            dense: dense.unwrap_or(0),
            dropout,
        }
    }
}

fn one_or_list<S: Serializer>(cells: &[CellName], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match cells {
        [one] => one.serialize(serializer),
        list => list.serialize(serializer),
    }
}

fn from_one_or_list<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<CellName>, D::Error> {
    struct Cells;

    impl<'de> Visitor<'de> for Cells {
        type Value = Vec<CellName>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a cell, or a list with one cell for each layer")
        }

        fn visit_str<E: de::Error>(self, name: &str) -> std::result::Result<Self::Value, E> {
            Ok(vec![CellName::deserialize(name.into_deserializer())?])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> std::result::Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }

    deserializer.deserialize_any(Cells)
}

/// The largest number of units in a layer: a matrix of its square must fit into memory.
const WIDEST: usize = 16_384;

impl NetworkConfig {
    /// The network for sequences `(T, features)` and that number of classes.
    pub fn network(&self, features: usize, classes: usize) -> Network {
        let cells = self.cell.iter().cycle().map(|cell| cell.parts());
        let layers = self.hidden.iter().zip(cells);
        Network {
            features,
            convs: self.conv.clone(),
            layers: layers
                .map(|(&hidden, (cell, dirs))| LayerSpec { cell, hidden, dirs, biases: self.biases })
                .collect(),
            pool: self.pool,
            dense: (self.dense > 0).then_some(self.dense),
            dropout: self.dropout,
            classes,
        }
    }

    /// The name of the architecture: `conv-bilstm-lstm`.
    pub fn name(&self) -> String {
        let front = self.conv.first().map(|_| "conv".to_string());
        let cells = self.cell.iter().map(|cell| cell.name().to_string());
        front.into_iter().chain(cells).collect::<Vec<_>>().join("-")
    }

    /// Refuses settings of which no network can be built, with
    /// [`ErrorKind::Config`](crate::ErrorKind::Config).
    pub fn check(&self) -> Result<()> {
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::config(format!(
                "the dropout rate must be in [0, 1), and is {}",
                self.dropout
            )));
        }
        if self.hidden.is_empty() || self.hidden.contains(&0) {
            return Err(Error::config(
                "the network needs at least one recurrent layer, and every layer at least one hidden unit",
            )
            .hint("give the hidden units of each layer in `hidden`"));
        }
        let (cells, layers) = (self.cell.len(), self.hidden.len());
        if cells != 1 && cells != layers {
            return Err(Error::config(format!("{cells} cells are named for {layers} recurrent layers"))
                .hint("name one cell for all layers in `cell`, or one for each number in `hidden`"));
        }
        if !(1..=2).contains(&self.biases) {
            return Err(Error::config(format!(
                "the number of bias vectors per gate must be 1 or 2, and is {}",
                self.biases
            )));
        }
        let filters = self.conv.iter().map(|conv| conv.filters.max(conv.kernel));
        let widest = self.hidden.iter().copied().chain(filters).max().unwrap_or(0).max(self.dense);
        if widest > WIDEST {
            return Err(Error::config(format!(
                "a layer may have at most {WIDEST} units, filters or kernel steps, and one has {widest}"
            ))
            .hint("use smaller numbers in `hidden`, `dense` and `conv`"));
        }
        Ok(())
    }
}
