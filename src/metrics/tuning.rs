//! The choice of settings inside the folds, as nested cross-validation makes it: each fold compares
//! candidates by inner folds of its own training and validation part.
//!
//! A choice by test scores is optimistic: Varma and Simon, "Bias in error estimation when using
//! cross-validation for model selection", 2006; Cawley and Talbot, "On over-fitting in model selection and
//! subsequent selection bias in performance evaluation", 2010.

use super::prediction::{Prediction, log_loss, trials};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The choices of all folds, as tuning.json and scores.json hold them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// The number of inner folds that were asked for.
    pub inner_folds: usize,
    /// The candidates, in the order of the grid.
    pub candidates: Vec<Candidate>,
    /// The folds that have chosen, in order.
    pub folds: Vec<FoldChoice>,
}

/// Settings that a fold may choose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The options in words: `lr 1e-3, hidden 32`.
    pub setting: String,
    /// The options and their values, as on the command line.
    pub options: BTreeMap<String, String>,
    /// The number of folds that chose it.
    pub chosen: usize,
}

/// The choice of a fold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldChoice {
    /// The name of the fold.
    pub fold: String,
    /// The scores of each candidate over the fold's inner test parts.
    pub inner: Vec<InnerScore>,
    /// The chosen candidate, from 0.
    pub chosen: usize,
}

/// The scores of a candidate over all inner test parts of a fold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InnerScore {
    /// The accuracy of trials.
    pub accuracy: f64,
    /// The mean log loss of windows, in nats.
    pub log_loss: f64,
}

impl InnerScore {
    /// Of the predictions of all inner folds. `None` without predictions.
    ///
    /// # Errors
    ///
    /// Those of [`trials`].
    pub fn of(predictions: &[Prediction]) -> Result<Option<Self>> {
        let trials = trials(predictions)?;
        let right = trials.iter().filter(|trial| trial.argmax() == trial.label).count();
        let accuracy = right as f64 / trials.len() as f64;
        Ok(log_loss(predictions).map(|log_loss| InnerScore { accuracy, log_loss }))
    }
}

/// The index of the best candidate: that with the highest accuracy, among equal ones that with the lowest log
/// loss, and then the first.
pub fn best(inner: &[InnerScore]) -> usize {
    let better = |a: &InnerScore, b: &InnerScore| {
        a.accuracy.total_cmp(&b.accuracy).then(b.log_loss.total_cmp(&a.log_loss)).is_gt()
    };
    (1..inner.len()).fold(0, |best, i| if better(&inner[i], &inner[best]) { i } else { best })
}

impl Tuning {
    /// Before the first choice. Each candidate has its options and values, and `in_words` names it.
    pub fn new<'a>(
        inner_folds: usize,
        candidates: impl IntoIterator<Item = &'a [(String, String)]>,
        in_words: fn(&[(String, String)]) -> String,
    ) -> Self {
        let candidate = |options: &[(String, String)]| Candidate {
            setting: in_words(options),
            options: options.iter().cloned().collect(),
            chosen: 0,
        };
        Tuning { inner_folds, candidates: candidates.into_iter().map(candidate).collect(), folds: Vec::new() }
    }

    /// Adds the choice of the next fold, by these scores of all candidates.
    pub fn choose(&mut self, fold: &str, inner: Vec<InnerScore>) {
        let chosen = best(&inner);
        self.candidates[chosen].chosen += 1;
        self.folds.push(FoldChoice { fold: fold.into(), inner, chosen });
    }

    /// Forgets the choices after the first so many folds.
    pub fn truncate(&mut self, folds: usize) {
        for choice in self.folds.drain(folds.min(self.folds.len())..) {
            self.candidates[choice.chosen].chosen -= 1;
        }
    }

    /// Whether these choices are of the candidates of `other`, each among them, and counted right.
    pub fn is_of(&self, other: &Tuning) -> bool {
        let mut counted = other.clone();
        counted.truncate(0);
        let is_whole = |choice: &FoldChoice| choice.inner.len() == counted.candidates.len();
        if !self.folds.iter().all(is_whole) {
            return false;
        }
        self.folds.iter().for_each(|choice| counted.choose(&choice.fold, choice.inner.clone()));
        counted == *self
    }

    /// The inner accuracies of a candidate, by fold.
    pub fn accuracies(&self, candidate: usize) -> Vec<f64> {
        self.folds.iter().map(|choice| choice.inner[candidate].accuracy).collect()
    }

    /// The choice in words.
    pub fn text(&self) -> String {
        let all = self.folds.len();
        let mut order: Vec<&Candidate> = self.candidates.iter().filter(|c| c.chosen > 0).collect();
        order.sort_by_key(|candidate| std::cmp::Reverse(candidate.chosen));
        let counts: Vec<String> =
            order.iter().map(|c| format!("{} by {} of {all} folds", c.setting, c.chosen)).collect();
        let stability = match order.len() {
            _ if all < 2 => "",
            1 => " All folds agree.",
            _ => " Folds that choose differently say that these data hardly tell the candidates apart.",
        };
        format!(
            "Settings were chosen inside the folds, among {} candidates: {}.{stability} No choice saw the test part of its \
             fold, so the scores are those of the whole procedure, choice included.",
            self.candidates.len(),
            counts.join("; ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_lower_loss_and_then_to_the_first() {
        let score = |accuracy, log_loss| InnerScore { accuracy, log_loss };
        assert_eq!(best(&[score(0.5, 0.1), score(0.6, 0.9)]), 1);
        assert_eq!(best(&[score(0.6, 0.9), score(0.6, 0.8), score(0.6, 0.8)]), 1);
        assert_eq!(best(&[score(0.6, 0.8), score(0.6, 0.8)]), 0);
    }
}
