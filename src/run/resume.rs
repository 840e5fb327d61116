//! resume.safetensors: the state from which a stopped run continues.

use super::RunFolder;
use super::tensors::Tensors;
use crate::backend::DeviceId;
use crate::error::{Error, Result};
use crate::train::{MemberState, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The state of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Resume {
    /// Fold groups that are complete, with their results.
    pub fold_groups_done: usize,
    /// State of the fold group in training; absent before its first checkpoint.
    pub state: Option<State>,
    /// Bytes of metrics.jsonl and of epochs.csv that belong to the saved state.
    pub log_lengths: [u64; 2],
    /// The device of the run; another one rounds differently.
    pub device: DeviceId,
    /// The files that the state belongs to; `None` in states of older versions.
    pub bound: Option<Bound>,
}

/// The files and choices that a state belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The texts that config.toml may have: the run's, and while it is changed, the one before.
    pub configs: Vec<String>,
    /// Hash of split.json.
    pub split: String,
    /// The folds that the run trains, as indices into the split's.
    pub selected_folds: Vec<usize>,
    /// Hashes of metrics.jsonl and of epochs.csv up to the saved lengths.
    pub logs: [String; 2],
    /// Hash of the rows of predictions.csv that belong to complete fold groups; empty before the first.
    pub predictions: String,
    /// Hashes of the checkpoints of complete fold groups, by name.
    #[serde(default)]
    pub checkpoints: BTreeMap<String, String>,
    /// The number of complete permutations, and the hash of permutations.csv with these.
    #[serde(default)]
    pub permutations: (usize, String),
    /// The number of folds that have chosen their settings, and the hash of tuning.json with these; absent
    /// without a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<(usize, String)>,
}

#[derive(Serialize, Deserialize)]
struct Meta {
    // The name in the resume states of older versions.
    #[serde(alias = "stacks_done")]
    fold_groups_done: usize,
    log_lengths: [u64; 2],
    device: DeviceId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bound: Option<Bound>,
    place: Option<Progress>,
}

#[derive(Serialize, Deserialize)]
struct Progress {
    epoch: usize,
    position: usize,
    members: Vec<MemberState>,
}

const NAMES: [&str; 4] = ["weights", "first_moment", "second_moment", "best_weights"];

impl Resume {
    /// Before the first step.
    pub fn start(device: DeviceId, bound: Bound) -> Self {
        Resume { fold_groups_done: 0, state: None, log_lengths: [0; 2], device, bound: Some(bound) }
    }

    /// Its name in a run folder.
    pub const FILE: &str = "resume.safetensors";

    /// Fold group, and epoch and step from which it goes on. Without a saved state it begins.
    pub fn place(&self) -> (usize, Option<(usize, usize)>) {
        (self.fold_groups_done, self.state.as_ref().map(|state| (state.epoch, state.position)))
    }

    /// Writes the state.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &RunFolder) -> Result<()> {
        folder.write(Resume::FILE, &self.to_bytes()?)
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let place = self.state.as_ref().map(|state| Progress {
            epoch: state.epoch,
            position: state.position,
            members: state.members.clone(),
        });
        let buffers = self.state.iter().flat_map(|state| {
            NAMES.into_iter().zip([
                &state.weights,
                &state.first_moment,
                &state.second_moment,
                &state.best_weights,
            ])
        });
        let tensors = Tensors {
            tensors: buffers
                .map(|(name, values)| (name.into(), vec![values.len()], values.clone()))
                .collect(),
        };
        let meta = Meta {
            fold_groups_done: self.fold_groups_done,
            log_lengths: self.log_lengths,
            device: self.device.clone(),
            bound: self.bound.clone(),
            place,
        };
        tensors.to_bytes(&meta)
    }

    /// Reads the state of the run in `folder`.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or is of a newer version.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = &folder.join(Resume::FILE);
        let (mut tensors, meta): (_, Meta) = Tensors::read(path)?;
        let state = match meta.place {
            None => None,
            Some(place) => {
                let mut take = |name: &str| {
                    let shape =
                        tensors.tensors.iter().find(|(other, ..)| other == name).map(|(_, s, _)| s.clone());
                    let shape = shape.ok_or_else(|| Error::data(format!("{}: no {name}", path.display())))?;
                    tensors.take(name, &shape)
                };
                Some(State {
                    epoch: place.epoch,
                    position: place.position,
                    members: place.members,
                    weights: take(NAMES[0])?,
                    first_moment: take(NAMES[1])?,
                    second_moment: take(NAMES[2])?,
                    best_weights: take(NAMES[3])?,
                })
            }
        };
        Ok(Resume {
            fold_groups_done: meta.fold_groups_done,
            state,
            log_lengths: meta.log_lengths,
            device: meta.device,
            bound: meta.bound,
        })
    }
}
