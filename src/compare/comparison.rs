//! The comparison: every run and every pair of runs.

use super::runs::{Runs, Unit};
use crate::error::Result;
use crate::metrics::Summary;
use crate::metrics::interval::wilson;
use crate::metrics::paired::{Paired, holm};
use serde::Serialize;
use std::path::PathBuf;

/// A run of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// The name in the comparison: `R1`, `R2` ...
    pub name: String,
    /// The run's folder, as the user named it.
    pub folder: PathBuf,
    /// The kind of its split.
    pub split: String,
    /// Whether the split leaks.
    pub leaky: bool,
    /// The accuracy of trials by unit, in the order of [`RunComparison::units`].
    pub by_unit: Vec<f64>,
    /// Its mean over the units, with an interval. Over the trials of one subject the interval is Wilson's.
    pub accuracy: Summary,
}

/// Two runs of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The name of one run.
    pub first: String,
    /// The name of the other.
    pub second: String,
    /// The accuracy of the first run minus that of the second.
    #[serde(flatten)]
    pub paired: Paired,
    /// The p value after Holm's correction for all pairs.
    pub p_holm: Option<f64>,
}

/// Two or more runs, and every pair of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunComparison {
    /// The heading of its page.
    pub title: String,
    /// The kind of the units.
    pub unit: Unit,
    /// Their names.
    pub units: Vec<String>,
    /// The number of different test trials.
    pub trials: usize,
    /// Whether the test asks about new stimuli, which the subjects share: then there is no interval and no p
    /// by subject.
    pub shares_stimuli: bool,
    /// Hash of the windows and labels that all runs have.
    pub dataset: String,
    /// The runs.
    pub runs: Vec<Entry>,
    /// Every pair of runs, or those with the first run.
    pub pairs: Vec<Pair>,
    /// Whether the split of any run leaks.
    pub leaky: bool,
}

impl RunComparison {
    /// Compares the runs in `folders` by subject, or by trial where there is one subject; by fold only if
    /// `by_fold` asks for it.
    ///
    /// # Errors
    ///
    /// [`Data`](crate::ErrorKind::Data) for a run that is not finished, and for runs of other windows,
    /// labels, test trials or, by fold, folds. [`Config`](crate::ErrorKind::Config) for fewer than two runs,
    /// and for a run that is named twice.
    pub fn of(folders: &[PathBuf], by_fold: bool) -> Result<Self> {
        let runs = Runs::read(folders, by_fold)?;
        let pairs = (1..folders.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
        let names = (1..=folders.len()).map(|i| format!("R{i}")).collect();
        Ok(RunComparison::between(runs, names, pairs.collect(), format!("{} runs compared", folders.len())))
    }

    /// Compares every run but the first with the first, under the names of their folders.
    ///
    /// # Errors
    ///
    /// As [`RunComparison::of`].
    pub fn with_first(folders: &[PathBuf], title: String) -> Result<Self> {
        let runs = Runs::read(folders, false)?;
        let name = |folder: &PathBuf| folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let pairs = (1..folders.len()).map(|run| (run, 0)).collect();
        Ok(RunComparison::between(runs, folders.iter().map(name).collect(), pairs, title))
    }

    fn between(runs: Runs, names: Vec<String>, pairs: Vec<(usize, usize)>, title: String) -> Self {
        let pair = |&(first, second): &(usize, usize)| {
            let paired = runs.compare(first, second);
            Pair { first: names[first].clone(), second: names[second].clone(), paired, p_holm: None }
        };
        let mut pairs: Vec<Pair> = pairs.iter().map(pair).collect();
        // A pair without a p value is part of the family all the same.
        let p_values: Vec<f64> = pairs.iter().map(|pair| pair.paired.p.unwrap_or(1.0)).collect();
        for (pair, p) in pairs.iter_mut().zip(holm(&p_values)) {
            pair.p_holm = pair.paired.p.map(|_| p);
        }
        let entry = |(i, name): (usize, &String)| Entry::of(&runs, i, name.clone());
        let entries: Vec<Entry> = names.iter().enumerate().map(entry).collect();
        RunComparison {
            title,
            unit: runs.unit,
            leaky: entries.iter().any(|entry| entry.leaky),
            runs: entries,
            units: runs.units,
            trials: runs.trials,
            shares_stimuli: runs.shares_stimuli,
            dataset: runs.dataset,
            pairs,
        }
    }
}

impl Entry {
    fn of(runs: &Runs, run: usize, name: String) -> Self {
        let (record, scores, trials) = (&runs.records[run], &runs.scores[run], runs.trials as u64);
        let accuracy = match runs.unit {
            Unit::Subject if runs.shares_stimuli => Summary { interval: None, ..Summary::of(scores, trials) },
            Unit::Subject => Summary::of(scores, trials),
            Unit::Fold => Summary::of_folds(scores, trials, runs.test_to_training),
            Unit::Trial => {
                let summary = Summary::of(scores, trials);
                Summary { interval: summary.mean.and_then(|p| wilson(p, runs.trials)), ..summary }
            }
        };
        let kind = record.manifest.split.kind;
        Entry {
            name,
            folder: record.folder.clone(),
            split: kind.name().into(),
            leaky: record.manifest.split.leaks(),
            by_unit: scores.clone(),
            accuracy,
        }
    }
}
