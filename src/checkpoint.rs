//! Weights on disk: safetensors with PyTorch's names, shapes and gate order, checked by hash when read.

use crate::data::stats::Stats;
use crate::error::{Error, Result};
use crate::ops::Network;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// The one key of the metadata: with several, their order in the file would change from run to run.
const META: &str = "engine";

/// Named tensors of `f32` with their shapes, and something to say about them.
pub struct Tensors {
    pub tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    version: String,
    /// blake3 of the content and of all tensors in the order of their names.
    blake3: String,
    content: T,
}

impl Tensors {
    /// The file's bytes.
    pub fn to_bytes(&self, content: &impl Serialize) -> Result<Vec<u8>> {
        // Through a value, whose keys have one order: the reader hashes what it finds.
        let content = serde_json::to_value(content).map_err(|e| Error::data(format!("metadata: {e}")))?;
        let blake3 = self.hash(&content);
        let envelope = Envelope { version: env!("CARGO_PKG_VERSION").into(), blake3, content };
        let meta = serde_json::to_string(&envelope).map_err(|e| Error::data(format!("metadata: {e}")))?;
        let views = self.tensors.iter().map(|(name, shape, values)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values));
            view.map(|view| (name.as_str(), view))
        });
        let views =
            views.collect::<std::result::Result<Vec<_>, _>>().map_err(|e| Error::data(e.to_string()))?;
        safetensors::serialize(views, Some(HashMap::from([(META.into(), meta)])))
            .map_err(|e| Error::data(e.to_string()))
    }

    /// Reads and checks a file that [`Tensors::to_bytes`] made.
    pub fn read<T: DeserializeOwned>(path: &Path) -> Result<(Self, T)> {
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        Tensors::from_bytes(&bytes).map_err(|e| e.at(path.display()))
    }

    fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<(Self, T)> {
        let broken = |what: &dyn std::fmt::Display| Error::data(format!("not a usable checkpoint: {what}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| broken(&e))?;
        let meta = header.metadata().as_ref().and_then(|map| map.get(META));
        let meta = meta.ok_or_else(|| broken(&"it was not written by engine"))?;
        #[derive(Deserialize)]
        struct Version {
            version: String,
        }
        let Version { version } = serde_json::from_str(meta).map_err(|e| broken(&e))?;
        if version != env!("CARGO_PKG_VERSION") {
            return Err(broken(&format!(
                "written by engine {version}, and this is engine {}",
                env!("CARGO_PKG_VERSION")
            )));
        }
        let envelope: Envelope<serde_json::Value> = serde_json::from_str(meta).map_err(|e| broken(&e))?;
        let file = SafeTensors::deserialize(bytes).map_err(|e| broken(&e))?;
        let mut tensors = Vec::new();
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(broken(&format!("tensor {name} is {:?}, expected F32", view.dtype())));
            }
            let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            tensors.push((name.to_string(), view.shape().to_vec(), values));
        }
        let tensors = Tensors { tensors };
        if tensors.hash(&envelope.content) != envelope.blake3 {
            return Err(broken(&"it does not have the hash that was written with it"));
        }
        Ok((tensors, serde_json::from_value(envelope.content).map_err(|e| broken(&e))?))
    }

    fn hash(&self, content: &serde_json::Value) -> String {
        let mut by_name: Vec<_> = self.tensors.iter().collect();
        by_name.sort_by(|a, b| a.0.cmp(&b.0));
        let mut hasher = blake3::Hasher::new();
        hasher.update(content.to_string().as_bytes());
        for (name, shape, values) in by_name {
            hasher.update(name.as_bytes());
            shape.iter().for_each(|&n| {
                hasher.update(&(n as u64).to_le_bytes());
            });
            hasher.update(bytemuck::cast_slice(values));
        }
        hasher.finalize().to_hex().to_string()
    }

    pub fn has(&self, name: &str) -> bool {
        self.tensors.iter().any(|(other, ..)| other == name)
    }

    /// Takes the tensor `name` of that shape.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let place = self.tensors.iter().position(|(other, ..)| other == name);
        let place = place.ok_or_else(|| Error::data(format!("the checkpoint has no tensor {name}")))?;
        let (_, found, values) = self.tensors.swap_remove(place);
        if found != shape {
            return Err(Error::data(format!("tensor {name} has the shape {found:?}, expected {shape:?}")));
        }
        Ok(values)
    }
}

/// What a fold's checkpoint says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldMeta {
    pub fold: String,
    pub epoch: usize,
    pub network: Network,
    pub features: Vec<String>,
    /// Steps that have statistics of their own; 1 if all share them.
    #[serde(default = "one")]
    pub stat_steps: usize,
    pub class_names: Vec<String>,
    /// Of the data set it was trained on.
    pub dataset: String,
}

fn one() -> usize {
    1
}

impl FoldMeta {
    /// Of the statistics: `(D)`, or `(S, D)` where steps have their own.
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
    pub meta: FoldMeta,
    /// `(P)`
    pub weights: Vec<f32>,
    /// Of the frames less `center`.
    pub stats: Stats,
    /// `(D)`: what was subtracted from every frame ([`FrameTable::center`](crate::data::frames::FrameTable::center)).
    pub center: Vec<f32>,
}

/// The tensor that only runs with scaled windows have.
const CENTER: &str = "input.center";

impl FoldCheckpoint {
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

    pub fn read(path: &Path) -> Result<Self> {
        let (mut tensors, meta): (Tensors, FoldMeta) = Tensors::read(path)?;
        meta.network.check().map_err(|e| e.at(path.display()))?;
        let is_centered = tensors.has(CENTER);
        let mut take =
            |name: &str, shape: &[usize]| tensors.take(name, shape).map_err(|e| e.at(path.display()));
        let mut weights = Vec::with_capacity(meta.network.params());
        for parameter in meta.network.parameters() {
            weights.extend(take(&parameter.name, &parameter.shape)?);
        }
        let shape = meta.stats_shape();
        let stats = Stats { mean: take("input.mean", &shape)?, inv_std: take("input.inv_std", &shape)? };
        let features = meta.features.len();
        let center = if is_centered { take(CENTER, &[features])? } else { vec![0.0; features] };
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
                stat_steps: 1,
                class_names: vec!["low".into(), "high".into()],
                dataset: "hash".into(),
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

    /// Bits all over a small file are flipped in turn: either the file is refused, or nothing that it says changed.
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
