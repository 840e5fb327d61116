//! The runs of a comparison: read, found to be of the same test trials, and scored by unit.

use crate::error::{Error, Result};
use crate::experiment::Record;
use crate::metrics::interval;
use crate::metrics::paired::Paired;
use crate::metrics::{Prediction, prediction};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The units of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Subjects, each with the mean over its trials.
    Subject,
    /// The trials of a single subject.
    Trial,
    /// Folds, each with the mean over its trials.
    Fold,
}

/// Runs of the same data and test trials.
pub(super) struct Runs {
    pub(super) unit: Unit,
    pub(super) units: Vec<String>,
    pub(super) trials: usize,
    /// Whether the test asks about new stimuli, which the subjects share.
    pub(super) shares_stimuli: bool,
    pub(super) dataset: String,
    /// Mean over the folds of test windows for each training window.
    pub(super) test_to_training: f64,
    pub(super) records: Vec<Record>,
    /// Accuracy by run and unit.
    pub(super) scores: Vec<Vec<f64>>,
}

/// Whether a trial of a fold is predicted right, by fold, subject and trial.
type Answers = BTreeMap<(u32, u32, u32), f64>;

/// The unit that a trial belongs to: one number for its kind, sorted as the units are.
type Key = fn((u32, u32, u32)) -> (u32, u32);

impl Runs {
    pub(super) fn read(folders: &[PathBuf], by_fold: bool) -> Result<Self> {
        if folders.len() < 2 {
            return Err(Error::config("a comparison needs at least two runs"));
        }
        let mut places = BTreeSet::new();
        for folder in folders {
            let place = folder.canonicalize().map_err(|e| Error::io("open", folder, e))?;
            if !places.insert(place) {
                return Err(Error::config(format!("{} is named twice", folder.display()))
                    .hint("a run has no difference to itself: name other runs"));
            }
        }
        let records = folders.iter().map(|folder| Record::read(folder)).collect::<Result<Vec<_>>>()?;
        records.iter().try_for_each(|other| same_data(&records[0], other))?;
        let answers = records.iter().map(answers).collect::<Result<Vec<_>>>()?;
        for (record, other) in records.iter().zip(&answers).skip(1) {
            same_trials([&records[0], record], [&answers[0], other])?;
            if by_fold && answers[0].keys().ne(other.keys()) {
                let [first, second] = [&records[0], record].map(|r| r.folder.display());
                return Err(Error::data(format!("{first} and {second} have other trials in their folds"))
                    .hint("compare them by subject"));
            }
        }
        let subjects = distinct(&answers[0], |(_, subject, _)| (subject, 0));
        let (unit, key): (Unit, Key) = match (by_fold, subjects.len()) {
            (true, _) => (Unit::Fold, |(fold, _, _)| (fold, 0)),
            (false, 1) => (Unit::Trial, |(_, subject, trial)| (subject, trial)),
            (false, _) => (Unit::Subject, |(_, subject, _)| (subject, 0)),
        };
        let units = distinct(&answers[0], key);
        let first = &records[0].manifest;
        if by_fold && units.len() < 2 {
            return Err(Error::data("by fold, a comparison needs at least two folds")
                .hint("compare the runs by subject"));
        }
        let name = |&(one, trial): &(u32, u32)| match unit {
            Unit::Fold => first.split.folds[one as usize].name.clone(),
            Unit::Subject => first.dataset.recordings[one as usize].subject.clone(),
            Unit::Trial => format!("trial {trial}"),
        };
        let tested = distinct(&answers[0], |(fold, _, _)| (fold, 0));
        let ratios: Vec<f64> = tested
            .iter()
            .map(|&(fold, _)| &first.split.folds[fold as usize])
            .map(|fold| fold.test as f64 / fold.train.max(1) as f64)
            .collect();
        Ok(Runs {
            unit,
            trials: distinct(&answers[0], |(_, subject, trial)| (subject, trial)).len(),
            shares_stimuli: unit == Unit::Subject
                && records.iter().any(|record| record.manifest.split.kind.keeps_stimuli_apart()),
            dataset: first.dataset.blake3.clone(),
            test_to_training: interval::mean(&ratios).unwrap_or(0.0),
            scores: answers.iter().map(|answers| by_unit(answers, key)).collect(),
            units: units.iter().map(name).collect(),
            records,
        })
    }

    /// The first run minus the second.
    pub(super) fn compare(&self, first: usize, second: usize) -> Paired {
        let differences: Vec<f64> =
            self.scores[first].iter().zip(&self.scores[second]).map(|(a, b)| a - b).collect();
        match self.unit {
            // They are not independent, and nothing here knows the stimulus of a trial.
            Unit::Subject if self.shares_stimuli => Paired::described(&differences, None),
            Unit::Subject => Paired::by_subject(&differences, self.trials as u64),
            Unit::Trial => Paired::by_trial(&differences),
            Unit::Fold => Paired::by_fold(&differences, self.trials as u64, self.test_to_training),
        }
    }
}

fn answers(record: &Record) -> Result<Answers> {
    let (_, predictions) = record.results()?;
    let right = |p: &Prediction| f64::from(u32::from(p.argmax() == p.label));
    Ok(prediction::trials(&predictions)?.iter().map(|p| ((p.fold, p.subject, p.trial), right(p))).collect())
}

fn distinct(answers: &Answers, key: Key) -> BTreeSet<(u32, u32)> {
    answers.keys().map(|&place| key(place)).collect()
}

/// The mean of each unit, in the order of the units.
fn by_unit(answers: &Answers, key: Key) -> Vec<f64> {
    let mut units: BTreeMap<(u32, u32), Vec<f64>> = BTreeMap::new();
    for (&place, &right) in answers {
        units.entry(key(place)).or_default().push(right);
    }
    units.values().filter_map(|unit| interval::mean(unit)).collect()
}

fn same_data(first: &Record, other: &Record) -> Result<()> {
    let hash = |record: &Record| record.manifest.dataset.blake3.clone();
    if hash(first) == hash(other) {
        return Ok(());
    }
    Err(Error::data(format!(
        "the runs have other windows or labels: the data of {} have the hash {}, and those of {} the hash {}",
        first.folder.display(),
        hash(first),
        other.folder.display(),
        hash(other)
    ))
    .hint("compare runs of the same recordings, channels, windows and labels"))
}

fn same_trials(records: [&Record; 2], answers: [&Answers; 2]) -> Result<()> {
    let [first, other] = answers.map(|answers| distinct(answers, |(_, subject, trial)| (subject, trial)));
    let Some((subject, trial)) = first.symmetric_difference(&other).next() else { return Ok(()) };
    let name = &records[0].manifest.dataset.recordings[*subject as usize].subject;
    let [one, two] = records.map(|record| record.folder.display());
    Err(Error::data(format!(
        "the runs tested other trials: {one} tested {} and {two} tested {}; only one of them tested trial {trial} of subject {name}",
        first.len(),
        other.len()
    ))
    .hint("compare runs that tested the same folds of the same split, or all folds"))
}
