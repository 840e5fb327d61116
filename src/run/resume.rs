//! The one file that a stopped run goes on from.

use crate::backend::DeviceId;
use crate::checkpoint::Tensors;
use crate::error::{Error, Result};
use crate::train::{MemberState, State};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Resume {
    /// Stacks that are complete, results and all.
    pub fold_groups_done: usize,
    /// Of the stack at hand; absent before its first checkpoint.
    pub state: Option<State>,
    /// Bytes of metrics.jsonl and of epochs.csv that belong to what is saved.
    pub log_lengths: [u64; 2],
    /// Another one rounds differently.
    pub device: DeviceId,
}

#[derive(Serialize, Deserialize)]
struct Meta {
    // The name in the resume states of older versions.
    #[serde(alias = "stacks_done")]
    fold_groups_done: usize,
    log_lengths: [u64; 2],
    device: DeviceId,
    place: Option<Place>,
}

#[derive(Serialize, Deserialize)]
struct Place {
    epoch: usize,
    position: usize,
    members: Vec<MemberState>,
}

const NAMES: [&str; 4] = ["weights", "first_moment", "second_moment", "best_weights"];

impl Resume {
    /// Before the first step.
    pub fn start(device: DeviceId) -> Self {
        Resume { fold_groups_done: 0, state: None, log_lengths: [0; 2], device }
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let place = self.state.as_ref().map(|state| Place {
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
            place,
        };
        tensors.to_bytes(&meta)
    }

    pub fn read(path: &Path) -> Result<Self> {
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
        })
    }
}
