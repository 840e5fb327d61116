//! The audit of a split: it refuses folds with a group in two parts, and counts how close test and training
//! windows are.

use super::copies;
use super::fold::Fold;
use super::kind::SplitKind;
use crate::data::grouping::Knowledge;
use crate::data::sequences::Dataset;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// How much a fold's test part has in common with its training part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldAudit {
    /// Name of the fold.
    pub name: String,
    /// Number of training windows.
    pub train: usize,
    /// Number of validation windows.
    pub validation: usize,
    /// Number of test windows.
    pub test: usize,
    /// Number of test windows that share raw samples with a training window, by name or by content. A
    /// subtracted baseline counts, too. `None` if nobody knows: the windows say too little to be told apart.
    pub overlapping: Option<usize>,
    /// Number of test windows that training holds under another name, the same or alike. `None` in older
    /// records.
    pub copies: Option<usize>,
    /// Mean number of sibling windows: training windows from the trial of a test window. `None` if trials are
    /// unknown or only promised.
    pub siblings: Option<f64>,
    /// Smallest number of sibling windows. `None` if trials are unknown.
    pub fewest_siblings: Option<usize>,
    /// Number of test trials; each window is one if trials are unknown. `None` in older records.
    pub test_trials: Option<usize>,
    /// Number of test trials whose person is in training. `None` if people are unknown.
    pub known_people: Option<usize>,
    /// Number of test trials whose stimulus is in training. `None` if stimuli are unknown.
    pub known_stimuli: Option<usize>,
}

/// How much the test parts of all folds have in common with their training parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// Mean number of sibling windows over all test windows. `None` if trials are unknown.
    pub siblings: Option<f64>,
    /// Smallest number of sibling windows. `None` if trials are unknown.
    pub fewest_siblings: Option<usize>,
    /// Share of test windows that overlap a training window. `None` if it is unknown, or nothing is tested.
    pub overlapping: Option<f64>,
    /// Share of test windows that training holds under another name. `None` in older records.
    pub copies: Option<f64>,
}

impl FoldAudit {
    /// Counts what the parts of any fold have in common, also of one that a [`Split`](super::Split) refuses.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) for an index that the data set has not.
    pub fn of(fold: &Fold, dataset: &Dataset) -> Result<Self> {
        let all = dataset.sequences.len();
        for (part, indices) in parts(fold) {
            if let Some(index) = indices.iter().find(|&&index| index as usize >= all) {
                return Err(Error::data(format!(
                    "fold {}: the {part} part has the sequence {index}, expected an index below {all}",
                    fold.name
                )));
            }
        }
        Ok(describe(SplitKind::Window, fold, dataset))
    }
}

impl Leak {
    /// Sums up the folds.
    pub fn of(folds: &[FoldAudit]) -> Self {
        let tests: usize = folds.iter().map(|fold| fold.test).sum();
        let mean = |value: fn(&FoldAudit) -> Option<f64>| {
            let sum: Option<f64> = folds.iter().map(value).sum();
            sum.filter(|_| tests > 0).map(|sum| sum / tests as f64)
        };
        let fewest: Option<Vec<usize>> = folds.iter().map(|fold| fold.fewest_siblings).collect();
        Leak {
            siblings: mean(|fold| Some(fold.siblings? * fold.test as f64)),
            fewest_siblings: fewest.filter(|_| tests > 0).map(|fewest| fewest.into_iter().min().unwrap_or(0)),
            overlapping: mean(|fold| Some(fold.overlapping? as f64)),
            copies: mean(|fold| Some(fold.copies? as f64)),
        }
    }

    /// Whether test windows stand in training under another name.
    pub fn has_copies(&self) -> bool {
        self.copies.is_some_and(|share| share > 0.0)
    }

    /// The consequence for the scores of a leaky split, in one sentence.
    pub fn consequence(&self) -> &'static str {
        match self.siblings {
            Some(_) => {
                "The network was tested on trials that it was trained on, so it can score without knowing any emotion."
            }
            None => {
                "The network may have been tested on trials that it was trained on, so it can score without knowing any \
                 emotion."
            }
        }
    }

    /// The leak in one sentence.
    pub fn describe(&self) -> String {
        let siblings = match (self.siblings, self.fewest_siblings) {
            (Some(siblings), Some(fewest)) => format!(
                "a test window has on average {siblings:.2} sibling windows (same trial) in training, at least {fewest}"
            ),
            _ => "it is unknown how many training windows are from the trial of a test window, because the data do \
                  not name their trials"
                .into(),
        };
        let overlapping = match self.overlapping {
            Some(share) => {
                format!("{:.1} % of the test windows share raw samples with a training window", 100.0 * share)
            }
            None => "how many share raw samples with a training window is unknown, too".into(),
        };
        let copies = self.copies.filter(|&share| share > 0.0).map_or(String::new(), |share| {
            format!("; {:.1} % are copies of training windows under another name", 100.0 * share)
        });
        format!("{siblings}; {overlapping}{copies}")
    }
}

/// The parts of a fold by name.
fn parts(fold: &Fold) -> [(&'static str, &Vec<u32>); 3] {
    [("training", &fold.train), ("validation", &fold.validation), ("test", &fold.test)]
}

/// Refuses a fold with an index, a group or a raw sample in two parts, and one whose parts cannot be used.
pub fn check(kind: SplitKind, fold: &Fold, dataset: &Dataset) -> Result<()> {
    let mut part_of_index = vec![None; dataset.sequences.len()];
    let mut part_of_group = HashMap::new();
    for (part, indices) in parts(fold) {
        for &index in indices {
            let Some(seen) = part_of_index.get_mut(index as usize) else {
                return Err(Error::data(format!(
                    "the {part} part has the sequence {index}, expected an index below {}",
                    dataset.sequences.len()
                )));
            };
            if let Some(other) = seen.replace(part) {
                return Err(Error::data(format!(
                    "sequence {index} is in both the {other} and the {part} part"
                )));
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
        copies::check(fold, dataset)?;
    }
    rules(kind, fold, dataset)?;
    if fold.train.is_empty() {
        return Err(Error::data("the training part is empty"));
    }
    let first = dataset.sequences[fold.train[0] as usize].label;
    if fold.train.iter().all(|&i| dataset.sequences[i as usize].label == first) {
        let class = &dataset.class_names[first as usize];
        return Err(Error::data(format!("all training sequences are of the class {class:?}"))
            .hint("training needs at least two classes; change `threshold`, `label` or `split_by`"));
    }
    Ok(())
}

/// Checks the rules of a kind beyond disjoint groups.
fn rules(kind: SplitKind, fold: &Fold, dataset: &Dataset) -> Result<()> {
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
            return Err(Error::data("the test part must consist of the cases of the archive's TEST part"));
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
        "{group} is in both the {} and the {} part, which a split by {} forbids",
        parts[0],
        parts[1],
        kind.name()
    ))
}

/// Refuses a raw sample that windows of two parts cover.
fn overlap(fold: &Fold, dataset: &Dataset) -> Result<()> {
    let mut ranges = HashMap::<u32, Vec<(u32, u32, &str)>>::new();
    for (part, indices) in parts(fold) {
        for &index in indices {
            let s = &dataset.sequences[index as usize];
            ranges.entry(s.segment).or_default().push((s.samples.start, s.samples.end, part));
        }
    }
    for ranges in ranges.values_mut() {
        ranges.sort_unstable();
        // The ranges are in order of their start, so each is compared with the furthest end in each other
        // part.
        let mut reach: Vec<(&str, u32)> = Vec::new();
        for &(start, end, part) in ranges.iter() {
            if let Some((other, _)) = reach.iter().find(|(other, until)| *other != part && start < *until) {
                return Err(Error::data(format!(
                    "samples {start}..{end} of a trial are in both the {other} and the {part} part"
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
pub fn describe(kind: SplitKind, fold: &Fold, dataset: &Dataset) -> FoldAudit {
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
        let ranges = by_segment.get(&s.segment).map_or(&[][..], Vec::as_slice);
        // All corrected windows of a trial depend on the samples of its baseline.
        let baseline = dataset.frames.segments[s.segment as usize].corrected && !ranges.is_empty();
        baseline || ranges.iter().any(|&(start, end)| start < s.samples.end && s.samples.start < end)
    };
    let grouping = &dataset.grouping;
    // People who are kept apart share no trial. A promise is not counted: nobody checked it.
    let counted =
        matches!(grouping.trials, Knowledge::Known | Knowledge::Assumed) || kind == SplitKind::Subject;
    let by_content = copies::count(fold, dataset);
    let overlapping = fold.test.iter().map(sequence).zip(&by_content.overlapping);
    let overlapping = overlapping.filter(|&(s, &by_content)| by_content || overlaps(s)).count();
    // Where all windows of a trial are in one part, or were cut from one series, names suffice.
    let named = grouping.trials == Knowledge::Known && (!kind.is_leaky() || has_one_series_a_trial(dataset));
    let tells = || fold.test.iter().map(sequence).all(|s| dataset.contents.tells[s.segment as usize]);
    let (known, tested) = (dataset.trials(&fold.train), dataset.trials(&fold.test));
    let people: BTreeSet<u32> = known.iter().map(|&(person, _)| person).collect();
    let stimuli: BTreeSet<u32> = fold.train.iter().map(sequence).map(|s| s.stimulus).collect();
    let watched = fold.test.iter().filter(|&index| stimuli.contains(&sequence(index).stimulus));
    FoldAudit {
        name: fold.name.clone(),
        train: fold.train.len(),
        validation: fold.validation.len(),
        test: fold.test.len(),
        overlapping: (named || tells()).then_some(overlapping),
        copies: Some(by_content.copies),
        siblings: counted.then(|| siblings.iter().sum::<usize>() as f64 / siblings.len().max(1) as f64),
        fewest_siblings: counted.then(|| siblings.iter().copied().min().unwrap_or(0)),
        test_trials: Some(tested.len()),
        known_people: grouping
            .knows_people()
            .then(|| tested.iter().filter(|(person, _)| people.contains(person)).count()),
        known_stimuli: grouping.shares_stimuli().then(|| dataset.trials(watched).len()),
    }
}

/// Whether every trial is one segment, so that only its own windows can share its samples.
fn has_one_series_a_trial(dataset: &Dataset) -> bool {
    let trials: BTreeSet<(u32, u32)> =
        dataset.frames.segments.iter().map(|segment| (segment.subject, segment.trial)).collect();
    trials.len() == dataset.frames.segments.len()
}
