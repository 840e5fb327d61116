//! The weights of a fold: safetensors under PyTorch's names, shapes and gate order.

use super::tensors::Tensors;
use crate::data::frames::FrameSpec;
use crate::data::stats::Stats;
use crate::error::{Error, Result};
use crate::ops::Network;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The metadata of a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldMeta {
    /// Name of the fold.
    pub fold: String,
    /// Epoch of the weights, from 1.
    pub epoch: usize,
    /// The network that the weights belong to.
    pub network: Network,
    /// Names of the `D` features.
    pub features: Vec<String>,
    /// How signals became features, in the units of the recordings; `None` in checkpoints of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<FrameSpec>,
    /// Time steps `S` with statistics of their own; 1 if all share them.
    #[serde(default = "one")]
    pub stat_steps: usize,
    /// Sampling rate of the recordings in Hz, if known; `None` in checkpoints of older versions, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Names of the `K` classes.
    pub class_names: Vec<String>,
    /// Hash of the data set that the fold was trained on.
    pub dataset: String,
    /// The configuration and the rows behind the weights; `None` in checkpoints of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// Hashes of what made the weights of a fold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Of the settings that shape a network ([`Config::shape`](crate::config::Config::shape)).
    pub config: String,
    /// Of the training part's sequences.
    pub train: String,
    /// Of the validation part's sequences.
    pub validation: String,
    /// Of the test part's sequences.
    pub test: String,
}

impl Origin {
    /// Refuses weights of another origin than `expected`, which is that of the run.
    ///
    /// # Errors
    /// [`ErrorKind::Data`](crate::error::ErrorKind::Data), which names the part that differs and both hashes.
    pub fn check(&self, expected: &Origin) -> Result<()> {
        let pairs = [
            ("under another configuration", &self.config, &expected.config),
            ("with another training part", &self.train, &expected.train),
            ("with another validation part", &self.validation, &expected.validation),
            ("with another test part", &self.test, &expected.test),
        ];
        match pairs.into_iter().find(|(_, own, expected)| own != expected) {
            None => Ok(()),
            Some((how, own, expected)) => Err(Error::data(format!(
                "the weights were trained {how} than the run's: its hash is {own}, and the run has {expected}"
            ))
            .hint(
                "config.toml, split.json and checkpoints must be those of one run; put its own files back",
            )),
        }
    }
}

fn one() -> usize {
    1
}

impl FoldMeta {
    /// Shape of the statistics: `(D)`, or `(S, D)` where time steps have their own.
    fn stats_shape(&self) -> Vec<usize> {
        match self.stat_steps {
            1 => vec![self.features.len()],
            steps => vec![steps, self.features.len()],
        }
    }
}

/// One fold's weights, with the statistics of its training part.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldCheckpoint {
    /// The metadata.
    pub meta: FoldMeta,
    /// `(P)`
    pub weights: Vec<f32>,
    /// Mean and inverse standard deviation of the frames less `center`.
    pub stats: Stats,
    /// `(D)`: was subtracted from every frame
    /// ([`FrameTable::center`](crate::data::frames::FrameTable::center)).
    pub center: Vec<f32>,
}

/// The tensor that only runs with scaled windows have.
const CENTER: &str = "input.center";

impl FoldCheckpoint {
    /// The bytes of the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors: Vec<_> = self
            .meta
            .network
            .parameters()
            .into_iter()
            .map(|p| {
                let values = self.weights[p.offset..p.offset + p.count()].to_vec();
                (p.name, p.shape, values)
            })
            .collect();
        let shape = self.meta.stats_shape();
        tensors.push(("input.mean".into(), shape.clone(), self.stats.mean.clone()));
        tensors.push(("input.inv_std".into(), shape, self.stats.inv_std.clone()));
        if self.center.iter().any(|&x| x != 0.0) {
            tensors.push((CENTER.into(), vec![self.center.len()], self.center.clone()));
        }
        Tensors { tensors }.to_bytes(&self.meta)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// If the file cannot be read, and those of [`FoldCheckpoint::from_bytes`].
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        FoldCheckpoint::from_bytes(&bytes).map_err(|e| e.at(path.display()))
    }

    /// Reads the bytes of a checkpoint.
    ///
    /// # Errors
    /// If they are damaged, of a newer version, or do not hold their own network.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (mut tensors, meta): (Tensors, FoldMeta) = Tensors::from_bytes(bytes)?;
        meta.network.check()?;
        // Before anything is allocated for it.
        let (params, held) = (meta.network.params(), tensors.elements());
        if params > held {
            return Err(Error::data(format!(
                "the network has {params} parameters, and the file holds {held} numbers"
            )));
        }
        let is_centered = tensors.has(CENTER);
        let mut take = |name: &str, shape: &[usize]| tensors.take(name, shape);
        let mut weights = Vec::with_capacity(meta.network.params());
        for parameter in meta.network.parameters() {
            weights.extend(take(&parameter.name, &parameter.shape)?);
        }
        let shape = meta.stats_shape();
        let stats = Stats { mean: take("input.mean", &shape)?, inv_std: take("input.inv_std", &shape)? };
        let features = meta.features.len();
        let center = if is_centered { take(CENTER, &[features])? } else { vec![0.0; features] };
        if weights.iter().chain(&stats.mean).chain(&stats.inv_std).chain(&center).any(|x| !x.is_finite()) {
            return Err(Error::numerical("a weight or statistic is not finite").hint(
                "the training diverged: train again with a smaller `learning_rate`, or use the other weights of the run",
            ));
        }
        Ok(FoldCheckpoint { meta, weights, stats, center })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Cell, LayerSpec, Pooling};

    fn checkpoint() -> FoldCheckpoint {
        let network = Network {
            features: 2,
            convs: Vec::new(),
            layers: vec![LayerSpec::new(Cell::Gru, 3, 2)],
            pool: Pooling::Last,
            dense: None,
            dropout: 0.0,
            classes: 2,
        };
        FoldCheckpoint {
            weights: (0..network.params()).map(|i| i as f32 * 0.1).collect(),
            stats: Stats { mean: vec![1.0, 2.0], inv_std: vec![3.0, 4.0] },
            center: vec![0.0, 0.5],
            meta: FoldMeta {
                fold: "s01".into(),
                epoch: 3,
                network,
                features: vec!["a".into(), "b".into()],
                frames: None,
                stat_steps: 1,
                rate: Some(128.0),
                class_names: vec!["low".into(), "high".into()],
                dataset: "hash".into(),
                origin: None,
            },
        }
    }

    #[test]
    fn a_checkpoint_comes_back_and_its_bytes_do_not_vary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fold.safetensors");
        let bytes = checkpoint().to_bytes().unwrap();
        assert_eq!(bytes, checkpoint().to_bytes().unwrap());
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(FoldCheckpoint::read(&path).unwrap(), checkpoint());
    }

    /// Bits all over a small file are flipped in turn: either the file is refused, or nothing that it says
    /// changed.
    #[test]
    fn a_flipped_bit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fold.safetensors");
        let bytes = checkpoint().to_bytes().unwrap();
        for bit in (0..bytes.len() * 8).step_by(13) {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, flipped).unwrap();
            if let Ok(read) = FoldCheckpoint::read(&path) {
                assert_eq!(
                    (read.weights, read.stats),
                    (checkpoint().weights, checkpoint().stats),
                    "bit {bit}"
                );
            }
        }
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(FoldCheckpoint::read(&path).unwrap_err().message.contains("fold.safetensors"));
    }
}
