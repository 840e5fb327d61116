//! manifest.json: everything that identifies a run.

use super::folder::{MANIFEST, RunFolder};
use super::format::{FORMAT, read_json, to_json};
use super::hash::hash;
use crate::backend::DeviceId;
use crate::data::cases::Ledger;
use crate::data::contents::TrainedContents;
use crate::data::normalize::Normalize;
use crate::data::split::{FoldAudit, Leak, Scope, SplitKind};
use crate::error::{Error, Result};
use crate::ops::Network;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// The program, device, data, split and network of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the run's files; see [`FORMAT`].
    #[serde(default)]
    pub format: u32,
    /// Version of the program that began the run.
    pub engine: String,
    /// Processor architecture and operating system: `x86_64-linux`.
    pub platform: String,
    /// The device that the run began on.
    pub device: DeviceId,
    /// Threads of the processor.
    pub threads: usize,
    /// When the run began, in seconds since 1970.
    pub unix_time: u64,
    /// Seed of splits, initial weights, order and dropout.
    pub seed: u64,
    /// The windows and where they come from.
    pub dataset: DatasetEntry,
    /// The split and its audit.
    pub split: SplitEntry,
    /// The scope of the scores: whom they are about, and what limits them. `None` in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// The folds that the run trains, as indices into the split's.
    pub selected_folds: Vec<usize>,
    /// Statistics by which features are standardized.
    #[serde(alias = "normalise")]
    pub normalize: Normalize,
    /// The network of each fold. Where folds choose settings, that of the settings without the choice.
    pub network: Network,
    /// Trainable parameters of that network.
    pub parameters: usize,
    /// Hashes of the files of a finished run, by name. Empty before, and in runs of older versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// Whether an older version began the run, whose files were not bound to each other. It stays so, whoever
    /// goes on with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unbound: bool,
    /// The run whose weights it began with; `None` for random weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<SourceRun>,
    /// The choice of settings inside the folds; `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<TuningEntry>,
    /// Every change of device since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Move>,
}

/// The windows of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatasetEntry {
    /// Hash of all windows and labels.
    pub blake3: String,
    /// The recordings that were read.
    pub recordings: Vec<RecordingEntry>,
    /// The rule that made classes of ratings, in words.
    pub labels: String,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Windows of each class.
    pub class_counts: Vec<usize>,
    /// Names of the `D` features.
    pub features: Vec<String>,
    /// Number of windows.
    pub sequences: usize,
    /// Time steps of the longest window.
    pub steps: usize,
    /// The cases that were read, used and left out. `None` in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases: Option<Ledger>,
    /// The contents of the trials, by which other files are seen to hold them. `None` in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<TrainedContents>,
}

/// A recording of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordingEntry {
    /// The subject's name.
    pub subject: String,
    /// Hash of the recording.
    pub blake3: String,
}

/// The split of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitEntry {
    /// The groups that it keeps together.
    pub kind: SplitKind,
    /// Leaks over all folds.
    pub leak: Leak,
    /// The audit of each fold.
    pub folds: Vec<FoldAudit>,
}

impl SplitEntry {
    /// Whether its folds have a test part. Without one the run has networks, and no scores.
    pub fn has_test(&self) -> bool {
        self.folds.iter().any(|fold| fold.test > 0)
    }

    /// Whether the split leaks by its kind, or by copies that the user allowed.
    pub fn leaks(&self) -> bool {
        self.kind.is_leaky() || self.leak.has_copies()
    }
}

/// The run that another one began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRun {
    /// Its folder, as the user named it.
    pub run: String,
    /// The hash of its manifest, which has those of its weights.
    pub manifest: String,
}

/// The choice of settings inside the folds of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TuningEntry {
    /// The number of inner folds that were asked for.
    pub inner_folds: usize,
    /// The candidates in words.
    pub candidates: Vec<String>,
}

/// A change of device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The device before.
    pub from: DeviceId,
    /// The device after.
    pub to: DeviceId,
    /// Fold groups that were complete.
    #[serde(alias = "stacks_done")]
    pub fold_groups_done: usize,
    /// Complete epochs of the fold group in training, if there was one.
    pub epochs_done: Option<usize>,
}

/// The field with the hash of all others.
const HASH: &str = "blake3";

impl Manifest {
    /// Its name in a run folder.
    pub const FILE: &str = MANIFEST;

    /// The first version that binds the files of a run to each other.
    pub const BOUND: u32 = 3;

    /// The devices that the run was made on: that of its beginning, and those that it moved to.
    pub fn devices(&self) -> impl Iterator<Item = &DeviceId> {
        std::iter::once(&self.device).chain(self.moves.iter().map(|change| &change.to))
    }

    /// Reads the manifest of the run in `folder`.
    ///
    /// # Errors
    /// If it cannot be read, is none, was altered, or is of a newer version.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(Manifest::FILE);
        let mut fields: Map<String, Value> = read_json(&path)?;
        let own = fields.remove(HASH);
        let mut manifest: Manifest = serde_json::from_value(Value::Object(fields.clone()))
            .map_err(|e| Error::data(format!("{}: {e}", path.display())).caused_by(e))?;
        let found = hash(Value::Object(fields).to_string().as_bytes());
        let has_hash = manifest.format >= Manifest::BOUND;
        manifest.unbound |= !has_hash;
        if has_hash && own != Some(Value::String(found.clone())) {
            let own = own.map_or("none".into(), |own| own.to_string());
            return Err(Error::data(format!(
                "{} was altered: its content has the hash {found}, and it states {own}",
                path.display()
            ))
            .hint("put the run's own manifest back"));
        }
        Ok(manifest)
    }

    /// Writes it, under the version of this program.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &RunFolder) -> Result<()> {
        let current = Manifest { format: FORMAT, ..self.clone() };
        folder.write(Manifest::FILE, current.to_json().as_bytes())
    }

    /// The text for people: without the contents of trials, and without the hashes of files, which come when
    /// the run ends.
    pub fn summary(&self) -> String {
        let mut shown = self.clone();
        shown.dataset.contents = None;
        shown.files.clear();
        to_json(&shown)
    }

    /// The text of the file, with a hash of its content.
    pub fn to_json(&self) -> String {
        let mut fields = serde_json::to_value(self).expect("the files of a run are plain values");
        let hash = hash(fields.to_string().as_bytes());
        fields[HASH] = hash.into();
        to_json(&fields)
    }
}
