//! Test trials by the recordings that they are in, whatever a configuration makes of these.

use crate::metrics::Prediction;
use crate::run::Manifest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Digits of a recording's hash that name it.
const DIGITS: usize = 16;

/// Numbers of trials by the hash of their recording. Neither windows, features and labels nor the names of
/// subjects change it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub(crate) struct Trials(BTreeMap<String, BTreeSet<u32>>);

impl Trials {
    /// The trials of these subjects, as indices into the manifest's recordings; `None` if it lacks one.
    pub(super) fn of(tested: impl IntoIterator<Item = (u32, u32)>, manifest: &Manifest) -> Option<Self> {
        let mut trials: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for (subject, trial) in tested {
            let hash = &manifest.dataset.recordings.get(subject as usize)?.blake3;
            trials.entry(abbreviated(hash)).or_default().insert(trial);
        }
        Some(Trials(trials))
    }

    /// The trials of predictions.
    pub(crate) fn predicted(predictions: &[Prediction], manifest: &Manifest) -> Option<Self> {
        Trials::of(predictions.iter().map(|p| (p.subject, p.trial)), manifest)
    }

    /// The number of trials.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// The number of trials that are in both.
    pub(super) fn shared(&self, other: &Trials) -> usize {
        let both = |(hash, trials): (_, &BTreeSet<u32>)| {
            other.0.get(hash).map_or(0, |others| trials.intersection(others).count())
        };
        self.0.iter().map(both).sum()
    }
}

/// The hash of an archive's two files is two hashes with a blank between them.
fn abbreviated(hash: &str) -> String {
    hash.split(' ').map(|part| part.get(..DIGITS).unwrap_or(part)).collect::<Vec<_>>().join(" ")
}

impl From<Trials> for BTreeMap<String, String> {
    fn from(trials: Trials) -> Self {
        trials.0.into_iter().map(|(hash, numbers)| (hash, ranges(&numbers))).collect()
    }
}

impl TryFrom<BTreeMap<String, String>> for Trials {
    type Error = String;

    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, String> {
        let numbers = |(hash, text): (String, String)| Ok((hash, numbers(&text)?));
        entries.into_iter().map(numbers).collect::<Result<_, String>>().map(Trials)
    }
}

/// `0-39,41`
fn ranges(numbers: &BTreeSet<u32>) -> String {
    let mut ranges: Vec<[u32; 2]> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some([_, last]) if *last + 1 == number => *last = number,
            _ => ranges.push([number, number]),
        }
    }
    let text = |[first, last]: [u32; 2]| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    ranges.into_iter().map(text).collect::<Vec<_>>().join(",")
}

fn numbers(text: &str) -> Result<BTreeSet<u32>, String> {
    /// More trials than a recording has: such a range is damage, and would only fill the memory.
    const MOST: u32 = 10_000_000;
    let mut numbers = BTreeSet::new();
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        match (first.parse::<u32>(), last.parse::<u32>()) {
            (Ok(first), Ok(last)) if first <= last && last < MOST => numbers.extend(first..=last),
            _ => return Err(format!("`{range}` in `trials` is no range of trial numbers such as 0-39")),
        }
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_back() {
        for text in ["0", "0-39", "0-3,5,7-8", "4294967"] {
            assert_eq!(ranges(&numbers(text).unwrap()), text);
        }
        for text in ["", "x", "3-1", "1,", "0-4294967295"] {
            assert!(numbers(text).unwrap_err().contains("no range of trial numbers"), "{text}");
        }
    }
}
