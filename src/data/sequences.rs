//! Labeled sequences of frames: the samples that models are trained and scored on.

use super::cases::{Case, Ledger, Rule};
use super::contents::LazyContents;
use super::frames::FrameTable;
use super::grouping::Grouping;
use super::labels::Labels;
use super::normalize::Scale;
use crate::error::{Error, Result};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

/// How trials are cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowSpec {
    /// Length of a window in seconds; `None` for whole trials.
    pub length: Option<f64>,
    /// Time from the start of one window to the start of the next, in seconds; `None` for windows without
    /// overlap.
    pub step: Option<f64>,
    /// The scaling of each window by itself.
    pub scale: Scale,
}

/// How to handle windows with a value that is not finite, or with a channel that is constant over the trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum BadWindows {
    /// Stop with an error that lists them.
    Fail,
    /// Leave them out, with a warning.
    Drop,
    /// Use windows with a constant channel as they are. Values that are not finite remain an error.
    Keep,
}

/// One labeled sequence: consecutive frames of a trial, and their class.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// Index into [`FrameTable::segments`].
    pub segment: u32,
    /// Row of its first frame in the frame table.
    pub first: u32,
    /// Number of frames, which are time steps.
    pub length: u32,
    /// The factor by which its frames were multiplied.
    pub scale: f64,
    /// Index into [`Dataset::class_names`]; 0 without labels.
    pub label: u32,
    /// Index into [`FrameTable::subjects`].
    pub subject: u32,
    /// Number of the trial within its subject.
    pub trial: u32,
    /// Number of the trial's stimulus, as in [`Trial`](super::recording::Trial).
    pub stimulus: u32,
    /// Number of the window within its trial.
    pub window: u32,
    /// Whether the trial belongs to the TEST part of an archive.
    pub predefined_test: bool,
    /// The samples of the trial that its frames cover.
    pub samples: Range<u32>,
}

/// Frames, the sequences cut from them, and the names of the classes.
#[derive(Clone)]
pub struct Dataset {
    /// The frames of all subjects.
    pub frames: FrameTable,
    /// The sequences, in the order of their frames.
    pub sequences: Vec<Sequence>,
    /// The names of the classes; empty without labels.
    pub class_names: Vec<String>,
    /// A description of how ratings became classes.
    pub label_rule: String,
    /// The knowledge of the people, trials and stimuli behind the sequences.
    pub grouping: Grouping,
    /// The samples that segments share, whatever their names.
    pub contents: Arc<LazyContents>,
    /// Whether copies under other names are let through, because the user allows it.
    pub allows_copies: bool,
    /// The fate of each segment, whether it gave a sequence or not.
    pub cases: Vec<Case>,
    /// The number of windows that were left out for bad signals.
    pub bad_windows: usize,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// [`Dataset::hash`] from before the scaling of windows, if they were scaled.
    pub hash_before_scaling: Option<String>,
}

/// The source of the labels.
pub enum Labeling<'a> {
    /// The scheme labels every trial.
    Known(&'a Labels),
    /// There are no labels; every label is 0.
    Unknown,
}

impl Dataset {
    /// The frames `(length, D)` of a sequence.
    pub fn sequence(&self, s: &Sequence) -> ArrayView2<'_, f32> {
        self.frames.rows(s.first as usize, s.length as usize)
    }

    /// `T`, the number of time steps of the longest sequence.
    pub fn steps(&self) -> usize {
        self.sequences.iter().map(|s| s.length as usize).max().unwrap_or(0)
    }

    /// The same sequences with other labels, one for each. The frames are shared, not copied.
    ///
    /// # Panics
    /// For another number of labels.
    pub fn with_labels(&self, labels: &[u32]) -> Dataset {
        assert_eq!(labels.len(), self.sequences.len(), "one label for each sequence");
        let mut other = self.clone();
        other.sequences.iter_mut().zip(labels).for_each(|(sequence, &label)| sequence.label = label);
        other
    }

    /// The cases by subject, part and class.
    pub fn ledger(&self) -> Ledger {
        Ledger::of(&self.frames, &self.class_names, &self.cases, self.bad_windows)
    }

    /// Leaves out the sequences of cases that are shorter or longer than a trained network can read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) if none is left.
    pub fn leave_out_lengths(&mut self, lengths: RangeInclusive<usize>) -> Result<()> {
        let rule = |length: usize| match length {
            short if short < *lengths.start() => Some(Rule::TooShort),
            long if long > *lengths.end() => Some(Rule::TooLong),
            _ => None,
        };
        for sequence in &self.sequences {
            self.cases[sequence.segment as usize].left_out = rule(sequence.length as usize);
        }
        let cases = &self.cases;
        self.sequences.retain(|sequence| cases[sequence.segment as usize].left_out.is_none());
        match self.sequences.is_empty() {
            false => Ok(()),
            true => Err(Error::data(format!(
                "the network reads {} to {} steps, and no sequence has so many",
                lengths.start(),
                lengths.end()
            ))),
        }
    }

    /// The number of sequences per class.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.class_names.len()];
        self.sequences.iter().for_each(|s| counts[s.label as usize] += 1);
        counts
    }

    /// The trials of some of the sequences, as pairs of subject and trial number.
    pub fn trials<'a>(&self, indices: impl IntoIterator<Item = &'a u32>) -> BTreeSet<(u32, u32)> {
        let sequence = |&index: &u32| &self.sequences[index as usize];
        indices.into_iter().map(sequence).map(|s| (s.subject, s.trial)).collect()
    }

    /// The stimulus of each trial, by subject and trial number; `None` if stimuli are unknown.
    pub fn stimuli(&self) -> Option<BTreeMap<(u32, u32), u32>> {
        let stimulus = |s: &Sequence| ((s.subject, s.trial), s.stimulus);
        self.grouping.shares_stimuli().then(|| self.sequences.iter().map(stimulus).collect())
    }

    /// The subjects that have sequences, as indices into [`FrameTable::subjects`].
    pub fn people(&self) -> BTreeSet<u32> {
        self.sequences.iter().map(|s| s.subject).collect()
    }

    /// A blake3 hash, in hexadecimal, of the recordings and of how sequences were cut and labeled. It detects
    /// the use of a split or checkpoint with other data.
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
            // Data that number their trials by stimulus keep the hash that they had before stimuli were read.
            if s.stimulus != s.trial {
                hasher.update(b"stimulus").update(&s.stimulus.to_le_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}
