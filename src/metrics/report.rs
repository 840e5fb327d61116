//! All scores of a run: at window and at trial level, overall, by fold and by subject, beside the baselines.

use super::baseline::{Baselines, TrialLabel};
use super::confusion::{ClassScores, Confusion, Overall};
use super::interval::{self, Summary};
use super::prediction::{self, Prediction};
use super::{auc, average_precision};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The names behind the numbers of [`Prediction`]s.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub folds: &'a [String],
    pub subjects: &'a [String],
    pub classes: &'a [String],
}

/// Everything that is to be said about a run's predictions; what `--json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The names of the classes, in the order of all per-class values.
    pub class_names: Vec<String>,
    /// Each trial once per fold, its probabilities the mean of its windows': the scores to quote.
    pub trial: Level,
    /// Each window by itself.
    pub window: Level,
    pub baselines: Baselines,
}

/// The scores at one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Pooled over all folds.
    pub overall: Overall,
    /// The 95 % Wilson interval of the accuracy over trials, which it takes for independent; `None` for windows,
    /// which are not. A trial that several folds test counts as one. For new subjects the interval over subjects
    /// holds, not this one.
    pub accuracy_interval: Option<[f64; 2]>,
    /// Pooled over all folds, so it also asks that the folds' models agree in scale; the mean over folds does not
    /// (Forman and Scholz, "Apples-to-apples in cross-validation studies", 2010).
    pub auc: Option<f64>,
    /// PR-AUC, pooled as `auc`.
    pub average_precision: Option<f64>,
    pub brier: Option<f64>,
    /// In nats.
    pub log_loss: Option<f64>,
    pub by_class: Vec<ClassScores>,
    pub by_fold: Groups,
    pub by_subject: Groups,
    /// Rows actual, columns predicted.
    pub confusion: Confusion,
}

/// One row per fold or subject, and how each score spreads over those for which it is defined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    pub rows: Vec<Group>,
    pub accuracy: Summary,
    pub balanced_accuracy: Summary,
    pub macro_f1: Summary,
    pub auc: Summary,
}

/// The scores of one fold, or of one subject over all folds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    /// How many trials or windows were scored.
    pub n: u64,
    /// The share of the group's most frequent class; 1 if it has one class only.
    pub majority: Option<f64>,
    pub accuracy: Option<f64>,
    pub balanced_accuracy: Option<f64>,
    pub macro_f1: Option<f64>,
    pub auc: Option<f64>,
}

impl Scores {
    /// Scores the predictions for the test parts of one or more folds.
    ///
    /// `train` lists the training trials of the same folds, for the baselines; `shared_stimuli` says that a trial
    /// index names the same stimulus for all subjects. Refuses empty and invalid predictions ([`prediction::check`],
    /// [`prediction::trials`]), fewer than two classes, subjects and folds without a name, and folds without training trials.
    pub fn from(
        predictions: &[Prediction],
        train: &[TrialLabel],
        names: Names,
        shared_stimuli: bool,
    ) -> Result<Scores> {
        let classes = names.classes.len();
        if predictions.is_empty() || classes < 2 {
            let n = predictions.len();
            return Err(Error::data(format!("{n} predictions of {classes} classes: nothing to score")));
        }
        for p in predictions {
            for (what, found, named) in
                [("subject", p.subject, names.subjects.len()), ("fold", p.fold, names.folds.len())]
            {
                if found as usize >= named {
                    return Err(Error::data(format!(
                        "a prediction for {what} {found}, but only {named} have names"
                    )));
                }
            }
        }
        prediction::check(predictions, classes)?;
        let trials = prediction::trials(predictions)?;
        let label =
            |p: &Prediction| TrialLabel { fold: p.fold, subject: p.subject, trial: p.trial, label: p.label };
        let test: Vec<TrialLabel> = trials.iter().map(label).collect();

        let mut trial = Level::of(&trials, names);
        let units = test.iter().map(|t| (t.subject, t.trial)).collect::<BTreeSet<_>>().len();
        trial.accuracy_interval = trial.overall.accuracy.and_then(|p| interval::wilson(p, units));
        Ok(Scores {
            class_names: names.classes.to_vec(),
            trial,
            window: Level::of(predictions, names),
            baselines: Baselines::of(train, &test, classes, shared_stimuli)?,
        })
    }
}

impl Level {
    fn of(predictions: &[Prediction], names: Names) -> Level {
        let classes = names.classes.len();
        let confusion = Confusion::of(predictions, classes);
        Level {
            overall: confusion.overall(),
            accuracy_interval: None,
            auc: auc::multiclass(predictions),
            average_precision: average_precision::multiclass(predictions),
            brier: prediction::brier(predictions),
            log_loss: prediction::log_loss(predictions),
            by_class: confusion.per_class(),
            by_fold: Groups::of(predictions, classes, |p| p.fold, |fold| names.folds[fold as usize].clone()),
            by_subject: Groups::of(
                predictions,
                classes,
                |p| p.subject,
                |subject| names.subjects[subject as usize].clone(),
            ),
            confusion,
        }
    }
}

impl Groups {
    fn of(
        predictions: &[Prediction],
        classes: usize,
        key: impl Fn(&Prediction) -> u32,
        name: impl Fn(u32) -> String,
    ) -> Groups {
        let mut groups: BTreeMap<u32, Vec<&Prediction>> = BTreeMap::new();
        for p in predictions {
            groups.entry(key(p)).or_default().push(p);
        }
        let rows: Vec<Group> =
            groups.into_iter().map(|(key, members)| Group::of(name(key), &members, classes)).collect();
        let spread = |score: fn(&Group) -> Option<f64>| {
            Summary::of(&rows.iter().filter_map(score).collect::<Vec<f64>>())
        };
        Groups {
            accuracy: spread(|group| group.accuracy),
            balanced_accuracy: spread(|group| group.balanced_accuracy),
            macro_f1: spread(|group| group.macro_f1),
            auc: spread(|group| group.auc),
            rows,
        }
    }
}

impl Group {
    fn of(name: String, members: &[&Prediction], classes: usize) -> Group {
        let confusion = Confusion::of(members, classes);
        Group {
            name,
            n: confusion.n(),
            majority: confusion.majority(),
            accuracy: confusion.accuracy(),
            balanced_accuracy: confusion.balanced_accuracy(),
            macro_f1: confusion.macro_average().map(|average| average.f1),
            auc: auc::multiclass(members),
        }
    }
}
