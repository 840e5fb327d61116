//! Baselines: the scores of rules that never look at a signal.
//!
//! A network that does not beat them has not shown that it reads anything from the signals.

use super::confusion::{Confusion, Overall};
use super::prediction::Prediction;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The actual class of one trial in the training or the test part of one fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrialLabel {
    /// Index of the fold.
    pub fold: u32,
    /// Index into the list of subject names.
    pub subject: u32,
    /// Number of the trial within its subject.
    pub trial: u32,
    /// The actual class.
    pub label: u32,
}

impl TrialLabel {
    /// Of a trial that was predicted.
    pub(super) fn of(p: &Prediction) -> Self {
        TrialLabel { fold: p.fold, subject: p.subject, trial: p.trial, label: p.label }
    }
}

/// The stimulus of each trial, by subject and number of the trial.
pub type Stimuli = BTreeMap<(u32, u32), u32>;

/// The scores of one rule over the test trials of all folds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The scores of the rule's predictions.
    pub scores: Overall,
    /// The number of test trials for which the rule had no training trial, so that its second choice was
    /// used.
    pub second_choice: u64,
}

/// The baselines at trial level, pooled over folds. Of equally frequent classes, each rule predicts the
/// lowest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// The most frequent class among the training trials of the fold.
    pub global: Baseline,
    /// The subject's own most frequent class among its training trials in the fold: the score that knowing
    /// the person's bias alone can reach. If there are none (leave one subject out), the second choice is the
    /// most frequent class among the subject's own *test* labels in all folds: an oracle, and thus an upper
    /// bound.
    pub subject: Baseline,
    /// The most frequent class of the other subjects' training trials with the same stimulus. The second
    /// choice is the global rule. `None` if subjects do not share stimuli, or if no stimulus of a test trial
    /// occurs in training.
    pub stimulus: Option<Baseline>,
}

/// The answers of all rules for one test trial.
pub(super) struct Guess {
    /// The trial and its actual class.
    pub trial: TrialLabel,
    /// The most frequent class of the fold's training trials.
    pub global: u32,
    /// The subject's own most frequent class among its training trials in the fold.
    pub own: Option<u32>,
    /// The subject's most frequent class among its test trials in all folds.
    pub oracle: u32,
    /// The most frequent class of the other subjects' training trials with the same stimulus.
    pub stimulus: Option<u32>,
}

/// The guesses for all trials of `test`, each once, sorted by fold, subject and trial. Errors as
/// [`Baselines::of`].
pub(super) fn guesses(
    train: &[TrialLabel],
    test: &[TrialLabel],
    classes: usize,
    stimuli: Option<&Stimuli>,
) -> Result<Vec<Guess>> {
    let (train, test) = (distinct(train, classes)?, distinct(test, classes)?);
    let fold = majorities(&train, |t| t.fold);
    let known = majorities(&train, |t| (t.fold, t.subject));
    let oracle = majorities(&test, |t| t.subject);
    let stimulus = |t: &TrialLabel| stimuli?.get(&(t.subject, t.trial)).copied();
    let by_stimulus = group(&train, |t| (t.fold, stimulus(t)));
    let others = |t: &TrialLabel| {
        let same = by_stimulus.get(&(t.fold, Some(stimulus(t)?)))?;
        majority(same.iter().filter(|other| other.subject != t.subject))
    };
    let guess = |&trial: &TrialLabel| {
        let Some(&global) = fold.get(&trial.fold) else {
            let fold = trial.fold;
            return Err(Error::data(format!("fold {fold} has test trials but no training trials")));
        };
        Ok(Guess {
            trial,
            global,
            own: known.get(&(trial.fold, trial.subject)).copied(),
            oracle: oracle[&trial.subject],
            stimulus: others(&trial),
        })
    };
    test.iter().map(guess).collect()
}

impl Baselines {
    /// Scores all rules on the trials of `test`. A trial that is listed more than once counts once.
    ///
    /// `stimuli` are the trials' stimuli, if they are known.
    ///
    /// # Errors
    /// [`Data`](crate::ErrorKind::Data) for a fold without training trials, a trial with two labels, and a
    /// label that is not below `classes`.
    pub fn of(
        train: &[TrialLabel],
        test: &[TrialLabel],
        classes: usize,
        stimuli: Option<&Stimuli>,
    ) -> Result<Baselines> {
        Ok(Baselines::score(&guesses(train, test, classes, stimuli)?, classes))
    }

    pub(super) fn score(guesses: &[Guess], classes: usize) -> Baselines {
        let shared = guesses.iter().any(|guess| guess.stimulus.is_some());
        Baselines {
            global: score(guesses, classes, |g| Some(g.global), |g| g.global),
            subject: score(guesses, classes, |g| g.own, |g| g.oracle),
            stimulus: shared.then(|| score(guesses, classes, |g| g.stimulus, |g| g.global)),
        }
    }
}

fn score(
    guesses: &[Guess],
    classes: usize,
    first: fn(&Guess) -> Option<u32>,
    second: fn(&Guess) -> u32,
) -> Baseline {
    let (mut confusion, mut second_choice) = (Confusion::new(classes), 0);
    for guess in guesses {
        let answer = first(guess).unwrap_or_else(|| {
            second_choice += 1;
            second(guess)
        });
        confusion.add(guess.trial.label, answer);
    }
    Baseline { scores: confusion.overall(), second_choice }
}

fn distinct(trials: &[TrialLabel], classes: usize) -> Result<BTreeSet<TrialLabel>> {
    let place = |t: &TrialLabel| format!("fold {}, subject {}, trial {}", t.fold, t.subject, t.trial);
    if let Some(t) = trials.iter().find(|t| t.label as usize >= classes) {
        return Err(Error::data(format!("label {}, expected {classes} classes", t.label)).at(place(t)));
    }
    let trials: BTreeSet<TrialLabel> = trials.iter().copied().collect();
    let same = |a: &TrialLabel, b: &TrialLabel| (a.fold, a.subject, a.trial) == (b.fold, b.subject, b.trial);
    // The set is sorted, so two labels of one trial are neighbors.
    match trials.iter().zip(trials.iter().skip(1)).find(|(a, b)| same(a, b)) {
        Some((t, _)) => Err(Error::data("the trial has two labels").at(place(t))),
        None => Ok(trials),
    }
}

fn group<K: Ord>(
    trials: &BTreeSet<TrialLabel>,
    key: impl Fn(&TrialLabel) -> K,
) -> BTreeMap<K, Vec<TrialLabel>> {
    let mut groups: BTreeMap<K, Vec<TrialLabel>> = BTreeMap::new();
    for trial in trials {
        groups.entry(key(trial)).or_default().push(*trial);
    }
    groups
}

fn majorities<K: Ord>(trials: &BTreeSet<TrialLabel>, key: impl Fn(&TrialLabel) -> K) -> BTreeMap<K, u32> {
    group(trials, key).into_iter().filter_map(|(key, group)| Some((key, majority(group.iter())?))).collect()
}

/// The most frequent label, and the lowest of equally frequent ones; `None` without trials.
fn majority<'a>(trials: impl Iterator<Item = &'a TrialLabel>) -> Option<u32> {
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    for trial in trials {
        *counts.entry(trial.label).or_default() += 1;
    }
    // `max_by_key` returns the last of equal maxima, hence the reversal.
    counts.into_iter().rev().max_by_key(|&(_, count)| count).map(|(label, _)| label)
}
