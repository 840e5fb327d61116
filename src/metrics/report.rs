//! All scores of a run: by window and by trial, overall, by fold and by subject, with the baselines.

use super::baseline::{Baselines, Stimuli, TrialLabel, guesses};
use super::confusion::{ClassScores, Confusion, Overall};
use super::interval::{self, Summary};
use super::looks::{Looks, Tally};
use super::permutation::PermutationTest;
use super::prediction::{self, Prediction};
use super::tuning::Tuning;
use super::verdict::Verdict;
use super::{auc, average_precision};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The names behind the indices of a [`Prediction`].
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The name of each fold.
    pub folds: &'a [String],
    /// The name of each subject.
    pub subjects: &'a [String],
    /// The name of each class.
    pub classes: &'a [String],
}

/// All scores of a run's predictions, as scores.json holds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The names of the classes, in the order of every list by class.
    pub class_names: Vec<String>,
    /// The scores of trials, whose probabilities are the means over their windows. These are the scores to
    /// quote.
    pub trial: Level,
    /// The scores of single windows.
    pub window: Level,
    /// The scores of rules that never look at a signal.
    pub baselines: Baselines,
    /// Whether the network is shown to do better than they do; `None` in files of versions before it.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// How often the test trials were scored; `None` if nobody counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks: Option<Looks>,
    /// The permutation test, if the run has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permutation: Option<PermutationTest>,
    /// The choice of settings inside the folds, if the run made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuning>,
}

/// The scores of trials, or of windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The scores of the confusion matrix, pooled over all folds.
    pub overall: Overall,
    /// The 95 % Wilson interval of the accuracy, as if trials were independent; `None` for windows, which are
    /// not. A trial that several folds test counts once. For statements about new people use the interval
    /// over subjects.
    pub accuracy_interval: Option<[f64; 2]>,
    /// The area under the ROC curve ([`auc::multiclass`]), pooled over all folds. Unlike the mean over folds,
    /// it is high only if the probabilities of the folds' networks are on the same scale (Forman and Scholz,
    /// "Apples-to-apples in cross-validation studies", 2010).
    pub auc: Option<f64>,
    /// The average precision (PR-AUC), [`average_precision::multiclass`], pooled over all folds.
    pub average_precision: Option<f64>,
    /// The Brier score, [`prediction::brier`].
    pub brier: Option<f64>,
    /// The log loss in nats, [`prediction::log_loss`].
    pub log_loss: Option<f64>,
    /// The scores of each class against the rest.
    pub by_class: Vec<ClassScores>,
    /// The scores of each fold.
    pub by_fold: Groups,
    /// The scores of each subject, over all folds that test it.
    pub by_subject: Groups,
    /// The confusion matrix, pooled over all folds.
    pub confusion: Confusion,
}

/// The scores of each fold or subject, and the mean and spread of each score over those for which it is
/// defined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    /// One entry for each fold or subject.
    pub rows: Vec<Group>,
    /// Of the accuracies.
    pub accuracy: Summary,
    /// Of the balanced accuracies.
    pub balanced_accuracy: Summary,
    /// Of the macro F1 scores.
    pub macro_f1: Summary,
    /// Of the AUCs.
    pub auc: Summary,
}

/// The scores of one fold, or of one subject over all folds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The name of the fold or subject.
    pub name: String,
    /// The number of trials or windows.
    pub n: u64,
    /// The share of the group's most frequent class: the accuracy of always predicting it.
    pub majority: Option<f64>,
    /// See [`Confusion::accuracy`].
    pub accuracy: Option<f64>,
    /// See [`Confusion::balanced_accuracy`]; `None` if the group has one class.
    pub balanced_accuracy: Option<f64>,
    /// The unweighted mean of the classes' F1 scores; `None` if the group has one class.
    pub macro_f1: Option<f64>,
    /// See [`auc::multiclass`]; `None` if the group lacks a class.
    pub auc: Option<f64>,
}

impl Scores {
    /// Scores the predictions for the test parts of one or more folds.
    ///
    /// `train` lists the training trials of the same folds, for the baselines. `stimuli` are the
    /// trials' stimuli, if they are known.
    ///
    /// # Errors
    /// Without predictions, for fewer than two classes, for a subject or fold without a name, and those of
    /// [`prediction::check`], [`prediction::trials`] and [`Baselines::of`].
    pub fn from(
        predictions: &[Prediction],
        train: &[TrialLabel],
        names: Names,
        stimuli: Option<&Stimuli>,
    ) -> Result<Scores> {
        let classes = names.classes.len();
        if predictions.is_empty() || classes < 2 {
            let n = predictions.len();
            return Err(Error::data(format!(
                "scores need predictions and at least two classes, and there are {n} predictions of {classes} classes"
            )));
        }
        for p in predictions {
            for (what, found, named) in
                [("subject", p.subject, names.subjects.len()), ("fold", p.fold, names.folds.len())]
            {
                if found as usize >= named {
                    return Err(Error::data(format!(
                        "a prediction is for {what} {found}, but only {named} have names"
                    )));
                }
            }
        }
        prediction::check(predictions, classes)?;
        let trials = prediction::trials(predictions)?;
        let test: Vec<TrialLabel> = trials.iter().map(TrialLabel::of).collect();

        let ratio = test_to_training(train, &test);
        let guesses = guesses(train, &test, classes, stimuli)?;
        let mut trial = Level::of(&trials, names, ratio);
        let units = test.iter().map(|t| (t.subject, t.trial)).collect::<BTreeSet<_>>().len();
        trial.accuracy_interval = trial.overall.accuracy.and_then(|p| interval::wilson(p, units));
        Ok(Scores {
            class_names: names.classes.to_vec(),
            trial,
            window: Level::of(predictions, names, ratio),
            baselines: Baselines::score(&guesses, classes),
            verdict: Some(Verdict::of(&trials, &guesses, classes)),
            looks: None,
            permutation: None,
            tuning: None,
        })
    }

    /// The scores of a split that keeps stimuli apart: the intervals of its verdict are over subjects and
    /// over the stimuli that they share, and means over subjects alone have none. The arguments are those of
    /// [`Scores::from`].
    ///
    /// # Errors
    /// Those of [`Scores::from`].
    pub fn over_stimuli(
        mut self,
        predictions: &[Prediction],
        train: &[TrialLabel],
        stimuli: &Stimuli,
    ) -> Result<Scores> {
        let classes = self.class_names.len();
        let trials = prediction::trials(predictions)?;
        let test: Vec<TrialLabel> = trials.iter().map(TrialLabel::of).collect();
        let guesses = guesses(train, &test, classes, Some(stimuli))?;
        self.verdict = self.verdict.map(|verdict| verdict.over_stimuli(&trials, &guesses, classes, stimuli));
        // People who share new stimuli are not independent.
        for level in [&mut self.trial, &mut self.window] {
            let by = &mut level.by_subject;
            for score in [&mut by.accuracy, &mut by.balanced_accuracy, &mut by.macro_f1, &mut by.auc] {
                score.interval = None;
            }
        }
        Ok(self)
    }

    /// Adds how often the test trials were scored, or why nobody knows.
    pub(crate) fn add_looks(&mut self, counted: std::result::Result<Tally, String>) {
        // Without an interval over trials, nobody knows how many independent ones there are.
        let verdict = self.verdict.as_ref().filter(|_| self.trial.accuracy_interval.is_some());
        self.looks = Some(match counted {
            Ok(tally) => Looks::counted(tally, verdict.and_then(Verdict::chance)),
            Err(problem) => Looks::Unknown { problem },
        });
    }
}

impl Scores {
    /// The scores with a permutation test, which the verdict then names.
    pub fn with_permutation(mut self, test: PermutationTest) -> Self {
        self.verdict = self.verdict.map(|verdict| verdict.with_permutation(&test.text));
        self.permutation = Some(test);
        self
    }
}

/// The mean over folds of the number of test trials for each training trial.
fn test_to_training(train: &[TrialLabel], test: &[TrialLabel]) -> f64 {
    let count = |list: &[TrialLabel]| {
        let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
        list.iter().collect::<BTreeSet<_>>().iter().for_each(|t| *counts.entry(t.fold).or_default() += 1.0);
        counts
    };
    let (train, test) = (count(train), count(test));
    let ratios: Vec<f64> = test.iter().filter_map(|(fold, n)| Some(n / train.get(fold)?)).collect();
    interval::mean(&ratios).unwrap_or(0.0)
}

impl Level {
    fn of(predictions: &[Prediction], names: Names, ratio: f64) -> Level {
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
            by_fold: Groups::of(
                predictions,
                classes,
                |p| p.fold,
                |fold| names.folds[fold as usize].clone(),
                |scores, trials| Summary::of_folds(scores, trials, ratio),
            ),
            by_subject: Groups::of(
                predictions,
                classes,
                |p| p.subject,
                |subject| names.subjects[subject as usize].clone(),
                Summary::of,
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
        summary: impl Fn(&[f64], u64) -> Summary,
    ) -> Groups {
        let mut groups: BTreeMap<u32, Vec<&Prediction>> = BTreeMap::new();
        for p in predictions {
            groups.entry(key(p)).or_default().push(p);
        }
        let trials = |members: &[&Prediction]| {
            members.iter().map(|p| (p.subject, p.trial)).collect::<BTreeSet<_>>().len() as u64
        };
        let (rows, trials): (Vec<Group>, Vec<u64>) = groups
            .into_iter()
            .map(|(key, members)| (Group::of(name(key), &members, classes), trials(&members)))
            .unzip();
        let spread = |score: fn(&Group) -> Option<f64>| {
            let (scores, trials): (Vec<f64>, Vec<u64>) =
                rows.iter().zip(&trials).filter_map(|(row, trials)| Some((score(row)?, trials))).unzip();
            summary(&scores, trials.iter().sum())
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
        // Of one class, any constant answer would be perfect.
        let has_several = confusion.majority().is_some_and(|share| share < 1.0);
        Group {
            name,
            n: confusion.n(),
            majority: confusion.majority(),
            accuracy: confusion.accuracy(),
            balanced_accuracy: confusion.balanced_accuracy().filter(|_| has_several),
            macro_f1: confusion.macro_average().map(|average| average.f1).filter(|_| has_several),
            auc: auc::multiclass(members),
        }
    }
}
