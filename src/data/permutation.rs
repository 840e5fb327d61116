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
use std::collections::{BTreeMap, BTreeSet};

/// The units of a data set whose labels may change places.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchangeable {
    /// Labels change places within a block.
    blocks: Vec<Vec<Unit>>,
    /// Whether all blocks, which are of one length, take the same order.
    is_joint: bool,
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
    /// TEST part keeps its own labels. Where stimuli are kept apart, the stimuli: people share them, so the
    /// labels of all people change places alike.
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
        let by_stimulus = kind.keeps_stimuli_apart() && !by_person;
        if !by_person && !by_stimulus && !dataset.grouping.has_trials() {
            return Err(unknown_trials(dataset));
        }
        for (index, s) in dataset.sequences.iter().enumerate() {
            let trial = match (by_person, by_stimulus) {
                (true, _) => 0,
                (false, true) => s.stimulus,
                (false, false) => s.trial,
            };
            let key = (parts && s.predefined_test, s.subject, trial);
            let unit = units.entry(key).or_insert_with(|| Unit { label: s.label, sequences: Vec::new() });
            if unit.label != s.label {
                let what = if by_stimulus { "stimulus" } else { "trial" };
                let place =
                    format!("subject {}, {what} {trial}", dataset.frames.subjects[s.subject as usize]);
                let [one, other] = [unit.label, s.label].map(|label| &dataset.class_names[label as usize]);
                return Err(Error::data(format!(
                    "windows of the classes {one:?} and {other:?}, expected one class"
                ))
                .at(place)
                .hint(match by_stimulus {
                    true => "labels are permuted over stimuli, so all windows of a person and stimulus need one label",
                    false => "labels are permuted over trials, so all windows of a trial need one label",
                }));
            }
            unit.sequences.push(index as u32);
        }
        let mut blocks: BTreeMap<(bool, u32), Vec<Unit>> = BTreeMap::new();
        if by_stimulus {
            check_complete(dataset, units.keys().map(|&(_, subject, stimulus)| (subject, stimulus)))?;
        }
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
            _ if by_stimulus => "labels permuted over stimuli, for all people alike",
            (true, _, false) => "labels permuted over people, each of whom has one class",
            (true, _, true) => "labels permuted over the people of TRAIN and, apart, over those of TEST",
            (false, true, false) => "labels permuted over the trials of each person",
            (false, true, true) => "labels permuted over the trials of each person, TRAIN and TEST apart",
            (false, false, false) => "labels permuted over all trials",
            (false, false, true) => "labels permuted over the trials of TRAIN and, apart, over those of TEST",
        };
        Ok(Exchangeable {
            blocks,
            is_joint: by_stimulus,
            sequences: dataset.sequences.len(),
            rule: rule.into(),
        })
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
            let stream = if self.is_joint { 0 } else { block as u32 };
            Random::new(seed, Stream::Permutation, [number, stream]).shuffle(&mut order);
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

/// Refuses people who lack a stimulus: labels that change places between stimuli would leave it without one.
fn check_complete(dataset: &Dataset, found: impl Iterator<Item = (u32, u32)>) -> Result<()> {
    let mut of_people: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for (subject, stimulus) in found {
        of_people.entry(subject).or_default().insert(stimulus);
    }
    let all: BTreeSet<u32> = of_people.values().flatten().copied().collect();
    let lacks = |(subject, own): (&u32, &BTreeSet<u32>)| Some((*subject, *all.difference(own).next()?));
    match of_people.iter().find_map(lacks) {
        None => Ok(()),
        Some((subject, stimulus)) => Err(Error::data(format!(
            "subject {} lacks stimulus {stimulus}, and labels are permuted over stimuli, for all people alike",
            dataset.frames.subjects[subject as usize]
        ))
        .hint("leave `permutations` out, or leave out what not every person has")),
    }
}

fn unknown_trials(dataset: &Dataset) -> Error {
    Error::data(format!(
        "a permutation test needs to know which windows were cut from one series (their trial), and these data do not \
         say ({})",
        dataset.grouping.describe()
    ))
    .hint(
        "give an array `trials` (windows cut from one series share a number); or promise with \
         `promise_independent_windows` that no two windows were cut from one series; or leave `permutations` out",
    )
}
