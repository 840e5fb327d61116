//! Named tensors in a safetensors file, with metadata, a format version and a hash that is checked when the
//! file is read.

use super::format::{FORMAT, Versioned, refuse_newer};
use crate::error::{Error, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The one key of the metadata: with several, their order in the file would change from run to run.
const META: &str = "engine";

/// Named `f32` tensors.
pub struct Tensors {
    /// Name, shape and row-major elements of each.
    pub tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    #[serde(default)]
    format: u32,
    /// Version of the program that wrote the file.
    version: String,
    /// blake3 of the content and of all tensors in the order of their names.
    blake3: String,
    content: T,
}

impl Tensors {
    /// The bytes of the file, with `content` as its metadata.
    pub fn to_bytes(&self, content: &impl Serialize) -> Result<Vec<u8>> {
        // Through a value, whose keys have one order: the reader hashes what it finds.
        let content = serde_json::to_value(content).map_err(|e| Error::data(format!("metadata: {e}")))?;
        let blake3 = self.hash(&content);
        let envelope =
            Envelope { format: FORMAT, version: env!("CARGO_PKG_VERSION").into(), blake3, content };
        let meta = serde_json::to_string(&envelope).map_err(|e| Error::data(format!("metadata: {e}")))?;
        let views = self.tensors.iter().map(|(name, shape, values)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values));
            view.map(|view| (name.as_str(), view))
        });
        let views =
            views.collect::<std::result::Result<Vec<_>, _>>().map_err(|e| Error::data(e.to_string()))?;
        safetensors::serialize(views, Some([(META.to_string(), meta)].into_iter().collect()))
            .map_err(|e| Error::data(e.to_string()))
    }

    /// Reads and checks a file that [`Tensors::to_bytes`] made.
    pub fn read<T: DeserializeOwned>(path: &Path) -> Result<(Self, T)> {
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        Tensors::from_bytes(&bytes).map_err(|e| e.at(path.display()))
    }

    /// Reads and checks the bytes of a file that [`Tensors::to_bytes`] made.
    pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<(Self, T)> {
        let broken = |what: &dyn std::fmt::Display| Error::data(format!("not a usable checkpoint: {what}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| broken(&e))?;
        let meta = header.metadata().as_ref().and_then(|map| map.get(META));
        let meta = meta.ok_or_else(|| broken(&"it was not written by engine"))?;
        // The version comes first: a newer file may have metadata that nobody knows yet.
        let Versioned { format } = serde_json::from_str(meta).map_err(|e| broken(&e))?;
        refuse_newer(format)?;
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

    /// The number of elements of all tensors.
    pub fn elements(&self) -> usize {
        self.tensors.iter().map(|(.., values)| values.len()).sum()
    }

    /// Whether there is a tensor `name`.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.iter().any(|(other, ..)| other == name)
    }

    /// Takes the tensor `name` out.
    ///
    /// # Errors
    /// If there is none, or it has another shape.
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
