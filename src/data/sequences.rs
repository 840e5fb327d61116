//! Sequences of frames with their labels: what is trained on and scored.

use super::frames::FrameTable;
use super::labels::Labels;
use super::normalize::Scale;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How long sequences are and how far apart they begin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowSpec {
    /// Length in seconds; the whole trial if absent.
    pub length: Option<f64>,
    /// From one to the next in seconds; the length, so without overlap, if absent.
    pub step: Option<f64>,
    pub scale: Scale,
}

/// What to do with windows that hold a number which is not finite, or a channel that never moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum BadWindows {
    /// Stop and say where they are.
    Fail,
    /// Leave them out.
    Drop,
}

/// One sample of the learning problem: a run of frames and its class.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// Index into [`FrameTable::segments`].
    pub segment: u32,
    /// Row of the frame table.
    pub first: u32,
    /// Steps.
    pub length: u32,
    /// What its frames were multiplied by.
    pub scale: f64,
    pub label: u32,
    pub subject: u32,
    pub trial: u32,
    /// Number within its subject and trial.
    pub window: u32,
    pub predefined_test: bool,
    /// What it reads of its segment's recording.
    pub samples: Range<u32>,
}

/// Frames, the sequences cut from them, and the names that go with the numbers.
#[derive(Clone)]
pub struct Dataset {
    pub frames: FrameTable,
    pub sequences: Vec<Sequence>,
    pub class_names: Vec<String>,
    /// The rule that made the classes, in words.
    pub label_rule: String,
    /// Whether a trial number names the same stimulus for all subjects.
    pub shared_stimuli: bool,
    /// Things to tell the user.
    pub warnings: Vec<String>,
    /// [`Dataset::hash`] before windows were scaled, if they were.
    pub hash_before_scaling: Option<String>,
}

/// Whether labels are needed.
pub enum Labeling<'a> {
    /// Sequences get the class that the scheme says.
    Known(&'a Labels),
    /// Nothing is known; every label is 0.
    Unknown,
}

impl Dataset {
    /// Frames `(length, D)` of a sequence.
    pub fn sequence(&self, s: &Sequence) -> ArrayView2<'_, f32> {
        self.frames.rows(s.first as usize, s.length as usize)
    }

    /// `T`: steps of the longest sequence.
    pub fn steps(&self) -> usize {
        self.sequences.iter().map(|s| s.length as usize).max().unwrap_or(0)
    }

    /// Sequences per class.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.class_names.len()];
        self.sequences.iter().for_each(|s| counts[s.label as usize] += 1);
        counts
    }

    /// blake3, in hexadecimal, of what the recordings held and how sequences were cut and labeled: a split or a
    /// checkpoint made for one data set must not be used on another.
    pub fn hash(&self) -> String {
        if let Some(hash) = &self.hash_before_scaling {
            return hash.clone();
        }
        let mut hasher = blake3::Hasher::new();
        for (subject, hash) in self.frames.subjects.iter().zip(&self.frames.hashes) {
            hasher.update(subject.as_bytes()).update(hash.as_bytes());
        }
        self.frames.features.iter().for_each(|feature| {
            hasher.update(feature.as_bytes());
        });
        for s in &self.sequences {
            for number in
                [s.first, s.length, s.label, s.subject, s.trial, s.window, s.samples.start, s.samples.end]
            {
                hasher.update(&number.to_le_bytes());
            }
            hasher.update(&(s.scale as f32).to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}
