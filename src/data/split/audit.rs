//! The auditor: proves that nothing stands on both sides, and counts what is close.

use super::fold::Fold;
use super::kind::SplitKind;
use crate::data::sequences::Dataset;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How much a fold's test part has in common with its training part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldAudit {
    pub name: String,
    pub train: usize,
    pub validation: usize,
    pub test: usize,
    /// Test windows whose raw samples, the baseline that corrected them included, overlap those of a training window.
    pub overlapping: usize,
    /// Mean number of training windows from the trial of a test window.
    pub siblings: f64,
    /// The smallest such number.
    pub fewest_siblings: usize,
}

/// All folds together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// Mean over all test windows.
    pub siblings: f64,
    pub fewest_siblings: usize,
    /// Share of test windows that overlap a training window.
    pub overlapping: f64,
}

impl Leak {
    pub fn of(folds: &[FoldAudit]) -> Self {
        let tests: usize = folds.iter().map(|fold| fold.test).sum();
        let mean = |value: fn(&FoldAudit) -> f64| folds.iter().map(value).sum::<f64>() / tests as f64;
        Leak {
            siblings: mean(|fold| fold.siblings * fold.test as f64),
            fewest_siblings: folds.iter().map(|fold| fold.fewest_siblings).min().unwrap_or(0),
            overlapping: mean(|fold| fold.overlapping as f64),
        }
    }

    /// One sentence for people.
    pub fn describe(&self) -> String {
        format!(
            "a test window has on average {:.2} sibling windows (same trial) in training, at least {}; {:.1} % of the test \
             windows share raw samples with a training window",
            self.siblings,
            self.fewest_siblings,
            100.0 * self.overlapping
        )
    }
}

/// Refuses a fold in which an index, a group or a raw sample stands in two parts, a part is empty or cannot be used.
pub fn check(kind: SplitKind, fold: &Fold, dataset: &Dataset) -> Result<()> {
    let parts = [("train", &fold.train), ("validation", &fold.validation), ("test", &fold.test)];
    let mut part_of_index = vec![None; dataset.sequences.len()];
    let mut part_of_group = HashMap::new();
    for (part, indices) in parts {
        for &index in indices {
            let Some(seen) = part_of_index.get_mut(index as usize) else {
                return Err(Error::data(format!(
                    "{part} names sequence {index}, and there are {}",
                    dataset.sequences.len()
                )));
            };
            if let Some(other) = seen.replace(part) {
                return Err(Error::data(format!("sequence {index} stands in {other} and in {part}")));
            }
            for group in kind.groups(index, &dataset.sequences[index as usize]) {
                let other = *part_of_group.entry(group).or_insert(part);
                if other != part {
                    return Err(shared_group(kind, group, [other, part], dataset));
                }
            }
        }
    }
    if !kind.is_leaky() {
        overlap(fold, dataset)?;
    }
    promises(kind, fold, dataset)?;
    if fold.train.is_empty() || fold.test.is_empty() {
        let part = if fold.train.is_empty() { "training" } else { "test" };
        return Err(Error::data(format!("the {part} part is empty")));
    }
    let first = dataset.sequences[fold.train[0] as usize].label;
    if fold.train.iter().all(|&i| dataset.sequences[i as usize].label == first) {
        let class = &dataset.class_names[first as usize];
        return Err(Error::data(format!("all training sequences are of the class `{class}`")).hint(
            "nothing can be learned from one class; choose another `--threshold`, `--label` or `--split`",
        ));
    }
    Ok(())
}

/// What a kind promises beyond disjoint groups.
fn promises(kind: SplitKind, fold: &Fold, dataset: &Dataset) -> Result<()> {
    let sequence = |&index: &u32| &dataset.sequences[index as usize];
    let rest = || fold.train.iter().chain(&fold.validation).map(sequence);
    match kind {
        SplitKind::TrialWithinSubject => {
            let mut subjects: Vec<u32> =
                rest().chain(fold.test.iter().map(sequence)).map(|s| s.subject).collect();
            subjects.sort_unstable();
            subjects.dedup();
            if subjects.len() > 1 {
                return Err(Error::data(format!(
                    "{} subjects in one fold, which a split within subjects forbids",
                    subjects.len()
                )));
            }
        }
        SplitKind::Predefined
            if rest().any(|s| s.predefined_test)
                || fold.test.iter().map(sequence).any(|s| !s.predefined_test) =>
        {
            return Err(Error::data(
                "a case of the archive's TRAIN part is tested, or one of its TEST part is not",
            ));
        }
        SplitKind::Stimulus | SplitKind::SubjectStimulus if !dataset.shared_stimuli => {
            return Err(Error::config("trials of these data are no stimuli that subjects share")
                .hint("split by `trial` or by `subject`"));
        }
        _ => {}
    }
    Ok(())
}

fn shared_group(kind: SplitKind, group: (u8, u32, u32), parts: [&str; 2], dataset: &Dataset) -> Error {
    let name = |subject: u32| &dataset.frames.subjects[subject as usize];
    let group = match group {
        (1, subject, trial) => format!("trial {trial} of {}", name(subject)),
        (2, subject, _) => format!("subject {}", name(subject)),
        (3, stimulus, _) => format!("stimulus {stimulus}"),
        (_, window, _) => format!("window {window}"),
    };
    Error::data(format!(
        "{group} stands in {} and in {}, which a split by {} forbids",
        parts[0],
        parts[1],
        kind.name()
    ))
}

/// Parts by segment: no raw sample may be read by two of them.
fn overlap(fold: &Fold, dataset: &Dataset) -> Result<()> {
    let mut stretches = HashMap::<u32, Vec<(u32, u32, &str)>>::new();
    for (part, indices) in [("train", &fold.train), ("validation", &fold.validation), ("test", &fold.test)] {
        for &index in indices {
            let s = &dataset.sequences[index as usize];
            stretches.entry(s.segment).or_default().push((s.samples.start, s.samples.end, part));
        }
    }
    for stretches in stretches.values_mut() {
        stretches.sort_unstable();
        // With stretches in order of their start, the one reaching furthest so far, by part, decides.
        let mut reach: Vec<(&str, u32)> = Vec::new();
        for &(start, end, part) in stretches.iter() {
            if let Some((other, _)) = reach.iter().find(|(other, until)| *other != part && start < *until) {
                return Err(Error::data(format!(
                    "samples {start}..{end} of a trial stand in {other} and in {part}"
                )));
            }
            match reach.iter_mut().find(|(other, _)| *other == part) {
                Some((_, until)) => *until = (*until).max(end),
                None => reach.push((part, end)),
            }
        }
    }
    Ok(())
}

/// Counts what test windows have in common with training windows.
pub fn describe(fold: &Fold, dataset: &Dataset) -> FoldAudit {
    let sequence = |&index: &u32| &dataset.sequences[index as usize];
    let mut by_trial = HashMap::<(u32, u32), usize>::new();
    let mut by_segment = HashMap::<u32, Vec<(u32, u32)>>::new();
    for s in fold.train.iter().map(sequence) {
        *by_trial.entry((s.subject, s.trial)).or_default() += 1;
        by_segment.entry(s.segment).or_default().push((s.samples.start, s.samples.end));
    }
    let siblings: Vec<usize> = fold
        .test
        .iter()
        .map(sequence)
        .map(|s| by_trial.get(&(s.subject, s.trial)).copied().unwrap_or(0))
        .collect();
    let overlaps = |s: &crate::data::sequences::Sequence| {
        let stretches = by_segment.get(&s.segment).map_or(&[][..], Vec::as_slice);
        // Windows corrected by one baseline have all read it.
        let baseline = dataset.frames.segments[s.segment as usize].corrected && !stretches.is_empty();
        baseline || stretches.iter().any(|&(start, end)| start < s.samples.end && s.samples.start < end)
    };
    FoldAudit {
        name: fold.name.clone(),
        train: fold.train.len(),
        validation: fold.validation.len(),
        test: fold.test.len(),
        overlapping: fold.test.iter().map(sequence).filter(|s| overlaps(s)).count(),
        siblings: siblings.iter().sum::<usize>() as f64 / siblings.len().max(1) as f64,
        fewest_siblings: siblings.iter().copied().min().unwrap_or(0),
    }
}
