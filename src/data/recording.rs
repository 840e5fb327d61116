//! The signals of one subject, independent of the file format.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// The kind of signal that a channel measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Modality {
    /// Electroencephalogram: brain.
    Eeg,
    /// Electrooculogram: eye movements.
    Eog,
    /// Electromyogram: muscles.
    Emg,
    /// Galvanic skin response.
    Gsr,
    /// Respiration.
    Resp,
    /// Plethysmogram: blood volume pulse.
    Pleth,
    /// Skin temperature.
    Temp,
    /// Anything else, or unknown.
    Other,
}

impl Modality {
    /// All modalities.
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

    /// The name in channel lists: `eeg`, `eog`, `emg`, `gsr`, `resp`, `pleth`, `temp` or `other`.
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

/// A channel of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name, as in the file or by the electrode system: `Fp1`.
    pub name: String,
    /// The kind of signal.
    pub modality: Modality,
}

/// The rating or class of a trial, from which a label scheme makes the label.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Self-assessment from 1 to 9: valence, arousal, dominance, liking. NaN for one that the data do not
    /// have.
    Ratings([f32; 4]),
    /// Index into the class names of the data set.
    Class(u32),
    /// Ratings, and a class beside them.
    Both([f32; 4], u32),
    /// Not known. A model can predict such trials but not train on them.
    Unknown,
}

impl Target {
    /// The target with these ratings and this class, as far as they are known.
    pub fn of(ratings: Option<[f32; 4]>, class: Option<u32>) -> Self {
        match (ratings, class) {
            (Some(ratings), Some(class)) => Target::Both(ratings, class),
            (Some(ratings), None) => Target::Ratings(ratings),
            (None, Some(class)) => Target::Class(class),
            (None, None) => Target::Unknown,
        }
    }

    /// The ratings, if they are known.
    pub fn ratings(&self) -> Option<[f32; 4]> {
        match self {
            Target::Ratings(ratings) | Target::Both(ratings, _) => Some(*ratings),
            Target::Class(_) | Target::Unknown => None,
        }
    }

    /// The class, if it is known.
    pub fn class(&self) -> Option<u32> {
        match self {
            Target::Class(class) | Target::Both(_, class) => Some(*class),
            Target::Ratings(_) | Target::Unknown => None,
        }
    }
}

/// A continuous signal: one trial, or a part of it in archives that cut trials into windows.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Number of the trial within its subject, from 0.
    pub trial: u32,
    /// Number of its stimulus, equal for all subjects: in DEAP that of the video. Where stimuli are unknown,
    /// it is the number of the trial and means nothing.
    pub stimulus: u32,
    /// Offset of this trial's `(channels, samples)` block in [`Recording::samples`].
    pub offset: usize,
    /// Samples per channel.
    pub length: usize,
    /// Number of samples before the stimulus.
    pub baseline: usize,
    /// Its rating or class.
    pub target: Target,
    /// Whether the trial belongs to the TEST part of an archive.
    pub predefined_test: bool,
}

/// All signals of one subject, in the file's own units and in `f64`, as in most files. After subtracting its
/// level, a skin conductance may vary by no more than the rounding error of `f32`.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The name of the subject, unique within a data set: `s01`.
    pub subject: String,
    /// Sampling rate in Hz, if the file states it.
    pub rate: Option<f64>,
    /// The channels, in the order of `samples`.
    pub channels: Vec<Channel>,
    /// The trials, in the order of the file.
    pub trials: Vec<Trial>,
    /// The samples of all trials, each `(channels, samples)` in row-major order.
    pub samples: Vec<f64>,
    /// The blake3 hash of the bytes of the file, in hexadecimal. Two subjects with the same hash are one
    /// person.
    pub hash: String,
}

impl Recording {
    /// The samples of a channel of `self.trials[index]`.
    pub fn channel(&self, index: usize, channel: usize) -> &[f64] {
        let trial = &self.trials[index];
        &self.samples[trial.offset + channel * trial.length..][..trial.length]
    }

    /// The signal `(channels, samples)` of `self.trials[index]`.
    pub fn signal(&self, index: usize) -> ArrayView2<'_, f64> {
        let trial = &self.trials[index];
        let shape = (self.channels.len(), trial.length);
        let block = &self.samples[trial.offset..trial.offset + shape.0 * shape.1];
        ArrayView2::from_shape(shape, block).expect("a trial's block is channels x samples long")
    }
}
