//! One subject's signals, whatever file they came from.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// What a channel measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Modality {
    Eeg,
    Eog,
    Emg,
    Gsr,
    Resp,
    Pleth,
    Temp,
    Other,
}

impl Modality {
    pub const ALL: [Modality; 8] = [
        Modality::Eeg,
        Modality::Eog,
        Modality::Emg,
        Modality::Gsr,
        Modality::Resp,
        Modality::Pleth,
        Modality::Temp,
        Modality::Other,
    ];

    /// The name used in channel lists: `eeg eog emg gsr resp pleth temp other`.
    pub fn name(self) -> &'static str {
        match self {
            Modality::Eeg => "eeg",
            Modality::Eog => "eog",
            Modality::Emg => "emg",
            Modality::Gsr => "gsr",
            Modality::Resp => "resp",
            Modality::Pleth => "pleth",
            Modality::Temp => "temp",
            Modality::Other => "other",
        }
    }
}

/// A channel's name and what it measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub name: String,
    pub modality: Modality,
}

/// What is known about a trial, before any label scheme turns it into a class.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Self-assessment from 1 to 9: valence, arousal, dominance, liking.
    Ratings([f32; 4]),
    /// Index into the class names of the data set.
    Class(u32),
    /// Not known: such trials can be predicted, not trained on.
    Unknown,
}

/// One stretch of signal without a gap. `trial` names the stimulus; archives may cut a trial into several stretches.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Number of the trial within its subject, from 0; in DEAP the video, the same for all subjects.
    pub trial: u32,
    /// Offset of this trial's `(channels, samples)` block in [`Recording::samples`].
    pub offset: usize,
    /// Samples per channel.
    pub length: usize,
    /// Samples at the start that precede the stimulus.
    pub baseline: usize,
    pub target: Target,
    /// The archive's own part, if it has one: `true` for TEST.
    pub predefined_test: bool,
}

/// All signals of one subject, channel-major as on disk, in the file's own units. In `f64`, as most files have them: what is left of
/// a skin conductance once its level is taken away may be as small as what `f32` rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Unique within a data set: `s01`.
    pub subject: String,
    /// Samples per second; `None` where the file does not say.
    pub rate: Option<f64>,
    pub channels: Vec<Channel>,
    pub trials: Vec<Trial>,
    /// The trials one after another, each `(channels, samples)` in row-major order.
    pub samples: Vec<f64>,
    /// blake3 of the bytes that were read, in hexadecimal: two subjects with one hash are one person.
    pub hash: String,
}

impl Recording {
    /// The signal of `self.trials[index]`, `(channels, samples)`.
    pub fn signal(&self, index: usize) -> ArrayView2<'_, f64> {
        let trial = &self.trials[index];
        let shape = (self.channels.len(), trial.length);
        let block = &self.samples[trial.offset..trial.offset + shape.0 * shape.1];
        ArrayView2::from_shape(shape, block).expect("a trial's block is channels x samples long")
    }
}
