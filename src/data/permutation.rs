//! Permuted labels: the null distribution of a permutation test.
//!
//! Labels change places only between units that are exchangeable: if the signals say nothing about the
//! labels, every order of them is equally likely. Windows are not exchangeable. Those of one trial have one
//! label and move together (Ojala and Garriga, "Permutation tests for studying classifier performance", 2010;
//! Winkler et al., "Permutation inference for the general linear model", 2014, on exchangeability blocks).

use super::sequences::Dataset;
use super::split::SplitKind;
use crate::error::{Error, Result};
use crate::random::{Random, Stream};
use std::collections::BTreeMap;

/// The units of a data set whose labels may change places.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchangeable {
    /// Labels change places within a block.
    blocks: Vec<Vec<Unit>>,
    /// The number of sequences.
    sequences: usize,
    rule: String,
}

/// Sequences that share a label, whatever it is.
#[derive(Clone, Debug, PartialEq)]
struct Unit {
    label: u32,
    sequences: Vec<u32>,
}

impl Exchangeable {
    /// The units of a data set that is split by `kind`: the trials of each person, or of everybody where
    /// people are unknown. Where each person has one label, the people themselves. A predefined TRAIN and
    /// TEST part keeps its own labels.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) with the ways out if trials are unknown, for a trial with
    /// several labels, and if no label can change its place.
    pub fn of(dataset: &Dataset, kind: SplitKind) -> Result<Self> {
        let parts = kind == SplitKind::Predefined;
        let people = dataset.grouping.knows_people();
        let mut units: BTreeMap<(bool, u32, u32), Unit> = BTreeMap::new();
        let by_person = people && one_label_each(dataset, parts);
        if !by_person && !dataset.grouping.has_trials() {
            return Err(unknown_trials(dataset));
        }
        for (index, s) in dataset.sequences.iter().enumerate() {
            let trial = if by_person { 0 } else { s.trial };
            let key = (parts && s.predefined_test, s.subject, trial);
            let unit = units.entry(key).or_insert_with(|| Unit { label: s.label, sequences: Vec::new() });
            if unit.label != s.label {
                let place = format!("subject {}, trial {trial}", dataset.frames.subjects[s.subject as usize]);
                let [one, other] = [unit.label, s.label].map(|label| &dataset.class_names[label as usize]);
                return Err(Error::data(format!(
                    "windows of the classes {one:?} and {other:?}, expected one class"
                ))
                .at(place)
                .hint("labels are permuted over trials, so all windows of a trial need one label"));
            }
            unit.sequences.push(index as u32);
        }
        let mut blocks: BTreeMap<(bool, u32), Vec<Unit>> = BTreeMap::new();
        for ((part, subject, _), unit) in units {
            let block = if by_person { 0 } else { subject };
            blocks.entry((part, block)).or_default().push(unit);
        }
        let blocks: Vec<Vec<Unit>> = blocks.into_values().collect();
        if blocks.iter().all(|block| block.iter().all(|unit| unit.label == block[0].label)) {
            return Err(Error::data(
                "no label can change its place: all that are exchangeable are of one class",
            )
            .hint("leave `permutations` out, or choose another `label` or `threshold`"));
        }
        let rule = match (by_person, people, parts) {
            (true, _, false) => "labels permuted over people, each of whom has one class",
            (true, _, true) => "labels permuted over the people of TRAIN and, apart, over those of TEST",
            (false, true, false) => "labels permuted over the trials of each person",
            (false, true, true) => "labels permuted over the trials of each person, TRAIN and TEST apart",
            (false, false, false) => "labels permuted over all trials",
            (false, false, true) => "labels permuted over the trials of TRAIN and, apart, over those of TEST",
        };
        Ok(Exchangeable { blocks, sequences: dataset.sequences.len(), rule: rule.into() })
    }

    /// The rule in words: `labels permuted over the trials of each person`.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// A label for each sequence, after permutation `number`. Every order within a block is equally likely,
    /// and each number and seed has an order of its own.
    pub fn permuted(&self, seed: u64, number: u32) -> Vec<u32> {
        let mut labels = vec![0; self.sequences];
        for (block, units) in self.blocks.iter().enumerate() {
            let mut order: Vec<u32> = units.iter().map(|unit| unit.label).collect();
            Random::new(seed, Stream::Permutation, [number, block as u32]).shuffle(&mut order);
            for (unit, label) in units.iter().zip(order) {
                unit.sequences.iter().for_each(|&index| labels[index as usize] = label);
            }
        }
        labels
    }
}

/// Whether every person has one label, within each part if there are parts.
fn one_label_each(dataset: &Dataset, parts: bool) -> bool {
    let mut labels: BTreeMap<(bool, u32), u32> = BTreeMap::new();
    let mut sequences = dataset.sequences.iter();
    sequences.all(|s| *labels.entry((parts && s.predefined_test, s.subject)).or_insert(s.label) == s.label)
}

fn unknown_trials(dataset: &Dataset) -> Error {
    Error::data(format!(
        "a permutation test needs to know which windows were cut from one series (their trial), and these data do not \
         say ({})",
        dataset.grouping.describe()
    ))
    .hint(
        "add an array \"trials\" to the .npz (windows cut from one series share a number); or promise with \
         `promise_independent_windows` that no two windows were cut from one series; or leave `permutations` out",
    )
}
