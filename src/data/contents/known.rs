//! Trials that a run was trained on, found again in other files.

use super::evidence::needed;
use super::marks::mark_rows;
use super::resolution::bits_per_row;
use super::sketch::Sketch;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// Marks of a trial that a manifest keeps.
const KEPT: usize = 16;

/// The contents of the trials of a run, short enough for its manifest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainedContents {
    /// The number of channels of the samples.
    pub channels: usize,
    /// The bits that a row says, on average over the trials.
    pub bits_per_row: f64,
    /// The trials.
    pub trials: Vec<KnownTrial>,
}

/// The contents of a trial, or of a window that another program cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownTrial {
    /// The name of the subject.
    pub subject: String,
    /// Number of the trial within its subject.
    pub trial: u32,
    /// The blake3 hash of its samples as `f32`, in the order `(channels, samples)`, in hexadecimal.
    pub blake3: String,
    /// Hashes of some short runs of its rows, 16 hexadecimal digits each.
    pub marks: String,
}

impl TrainedContents {
    /// The contents of trials, named by subject and number.
    pub fn of<'a>(trials: impl IntoIterator<Item = (&'a str, u32, &'a Sketch)>) -> Self {
        let mut changes = Vec::new();
        let mut contents = TrainedContents::default();
        for (subject, trial, sketch) in trials {
            changes.push(&sketch.changes);
            contents.channels = sketch.channels;
            // The lowest hashes: what every longer or shorter cut of the trial would choose, too.
            let mut marks: Vec<u64> = sketch.marks.iter().map(|mark| mark.hash).collect();
            marks.sort_unstable();
            marks.truncate(KEPT);
            contents.trials.push(KnownTrial {
                subject: subject.into(),
                trial,
                blake3: sketch.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
                marks: marks.iter().map(|mark| format!("{mark:016x}")).collect(),
            });
        }
        let bits = bits_per_row(&changes);
        contents.bits_per_row = bits.iter().sum::<f64>() / bits.len().max(1) as f64;
        contents
    }

    /// Finds these trials among other series: the trials that were found, and the series that hold them, both
    /// as indices.
    pub fn found_in(&self, sketches: &[Sketch]) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let (mut trials, mut holders) = (BTreeSet::new(), BTreeSet::new());
        let mut by_hash = HashMap::<String, Vec<usize>>::new();
        let mut by_mark = HashMap::<u64, Vec<usize>>::new();
        for (series, sketch) in sketches.iter().enumerate() {
            let hash = sketch.hash.iter().map(|byte| format!("{byte:02x}")).collect();
            by_hash.entry(hash).or_default().push(series);
            sketch.marks.iter().for_each(|mark| by_mark.entry(mark.hash).or_default().push(series));
        }
        // Series of few distinct rows are equal by chance.
        let whole = needed(self.trials.len() + sketches.len());
        let marks: usize = by_mark.len() + self.trials.len() * KEPT;
        let rows = mark_rows(self.channels) as f64;
        for (index, trial) in self.trials.iter().enumerate() {
            let equal = by_hash.get(&trial.blake3);
            if let Some(series) = equal
                && sketches[series[0]].novel as f64 * self.bits_per_row >= whole
            {
                trials.insert(index);
                holders.extend(series);
                continue;
            }
            let found: Vec<&Vec<usize>> = trial.marks().filter_map(|mark| by_mark.get(&mark)).collect();
            if found.len() as f64 * rows * self.bits_per_row >= needed(marks) {
                trials.insert(index);
                holders.extend(found.into_iter().flatten());
            }
        }
        (trials, holders)
    }
}

impl KnownTrial {
    fn marks(&self) -> impl Iterator<Item = u64> + '_ {
        let digits = (0..self.marks.len() / 16).filter_map(|i| self.marks.get(16 * i..16 * i + 16));
        digits.filter_map(|digits| u64::from_str_radix(digits, 16).ok())
    }
}
