//! The test trials of each subject, with the answers of the network and of the rules without signals.

use super::baseline::Guess;
use super::confusion::Confusion;
use super::prediction::Prediction;
use std::collections::{BTreeMap, BTreeSet};

/// A rule's answer for a trial.
pub(super) type Rule = fn(&Guess) -> u32;

/// The test trials of one subject. Where several folds test a trial, each has a row for it.
pub(super) struct Subject<'a> {
    rows: Vec<(&'a Prediction, &'a Guess)>,
}

/// The subjects, with the trials that `is_kept` keeps. `trials` and `guesses` are both sorted by fold,
/// subject and trial.
pub(super) fn subjects<'a>(
    trials: &'a [Prediction],
    guesses: &'a [Guess],
    is_kept: impl Fn(&Prediction) -> bool,
) -> Vec<Subject<'a>> {
    let mut subjects: BTreeMap<u32, Subject> = BTreeMap::new();
    for row in trials.iter().zip(guesses).filter(|(trial, _)| is_kept(trial)) {
        subjects.entry(row.0.subject).or_insert_with(|| Subject { rows: Vec::new() }).rows.push(row);
    }
    subjects.into_values().collect()
}

impl Subject<'_> {
    /// The number of different trials.
    pub(super) fn trials(&self) -> usize {
        self.rows.iter().map(|(p, _)| p.trial).collect::<BTreeSet<_>>().len()
    }

    /// The share of trials that the network predicts right.
    pub(super) fn accuracy(&self) -> f64 {
        self.share(|p, _| p.argmax() == p.label)
    }

    /// The share of trials that a rule predicts right.
    pub(super) fn accuracy_of(&self, rule: Rule) -> f64 {
        self.share(|p, guess| rule(guess) == p.label)
    }

    /// The number of trials that only the network predicts right, and that only the rule does.
    pub(super) fn discordant(&self, rule: Rule) -> [f64; 2] {
        let right = |p: &Prediction, guess: &Guess| (p.argmax() == p.label, rule(guess) == p.label);
        [(true, false), (false, true)]
            .map(|wanted| self.share(|p, guess| right(p, guess) == wanted) * self.trials() as f64)
    }

    /// The network's predictions.
    pub(super) fn predictions(&self) -> Vec<&Prediction> {
        self.rows.iter().map(|(p, _)| *p).collect()
    }

    /// The network's confusion matrix.
    pub(super) fn confusion(&self, classes: usize) -> Confusion {
        Confusion::of(&self.predictions(), classes)
    }

    fn share(&self, wanted: impl Fn(&Prediction, &Guess) -> bool) -> f64 {
        self.rows.iter().filter(|(p, guess)| wanted(p, guess)).count() as f64 / self.rows.len() as f64
    }
}
