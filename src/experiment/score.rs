//! Scores of predictions.

use super::prepare::Experiment;
use crate::data::split::{Leak, Scope};
use crate::error::{Error, Result};
use crate::metrics::{Names, Prediction, Scores, TrialLabel, Verdict};
use crate::progress::Silent;
use crate::run::{Predictions, RunFolder, Status, looks};
use serde_json::json;

impl Experiment {
    pub(super) fn names(&self) -> Names<'_> {
        Names {
            folds: &self.fold_names,
            subjects: &self.dataset.frames.subjects,
            classes: &self.dataset.class_names,
        }
    }

    /// The scores of a run that has finished; none of one that has not.
    pub fn scores_of(&self, folder: &RunFolder) -> Result<Option<Scores>> {
        if Status::read(folder.path())? != Status::Finished {
            return Ok(None);
        }
        let predictions = Predictions::read(folder.path(), self.names())?;
        let mut scores = self.with_permutation_test(self.score(&predictions)?, folder.path())?;
        scores = self.with_tuning(scores, folder.path())?;
        // Whoever scored the run was told of damage.
        looks::count(folder.path(), "best", &mut scores, &predictions, &Silent);
        Ok(Some(scores))
    }

    /// Scores test predictions beside the baselines that the same folds' training labels give.
    pub fn score(&self, predictions: &[Prediction]) -> Result<Scores> {
        let folds: std::collections::BTreeSet<u32> = predictions.iter().map(|p| p.fold).collect();
        let train: Vec<TrialLabel> = folds
            .iter()
            .flat_map(|&f| {
                let train = self.split.folds()[f as usize].train().sequences();
                train.iter().map(move |&i| (f, i))
            })
            .map(|(fold, i)| {
                let s = &self.dataset.sequences[i as usize];
                TrialLabel { fold, subject: s.subject, trial: s.trial, label: s.label }
            })
            .collect();
        let d = &self.dataset;
        let stimuli = d.stimuli();
        let mut scores = Scores::from(predictions, &train, self.names(), stimuli.as_ref())?;
        if let Some(stimuli) = stimuli.filter(|_| self.split.kind().keeps_stimuli_apart()) {
            scores = scores.over_stimuli(predictions, &train, &stimuli)?;
        }
        if !d.grouping.knows_people() {
            scores.verdict = scores.verdict.map(Verdict::of_unknown_people);
        }
        if self.leaks() {
            scores.verdict = scores.verdict.map(Verdict::of_leak);
        } else if !d.grouping.has_trials() {
            scores.verdict = scores.verdict.map(Verdict::of_unknown_trials);
        }
        if !d.grouping.has_trials() {
            // Windows of one series are not independent, and nobody knows which these are.
            scores.trial.accuracy_interval = None;
        }
        Ok(scores)
    }

    /// Predictions as the file predictions.csv.
    ///
    /// # Errors
    /// If they cannot be written as CSV.
    pub fn predictions_csv(&self, predictions: &[Prediction]) -> Result<Vec<u8>> {
        Predictions::csv(predictions, self.names())
    }

    /// Whether the split leaks by its kind, or by copies that the user allowed.
    pub fn leaks(&self) -> bool {
        // Copies are refused elsewhere unless they are allowed, so the audit is seldom made for them.
        let has_copies = || Leak::of(&self.split.audit(&self.dataset)).has_copies();
        self.split.kind().is_leaky() || (self.dataset.allows_copies && has_copies())
    }

    /// Writes scores.json.
    pub fn write_scores(&self, folder: &RunFolder, scores: &Scores) -> Result<()> {
        folder.write("scores.json", format!("{:#}\n", self.scores_json(scores)?).as_bytes())
    }

    /// The scope of the scores of these folds.
    pub fn scope(&self, folds: &[usize]) -> Scope {
        let scope = Scope::of(&self.split, &self.dataset, folds, self.config.frames.normalize);
        Scope { unbound: self.is_unbound, ..scope }
    }

    /// The scope of these scores: of the folds that they are of.
    pub fn scope_of(&self, scores: &Scores) -> Scope {
        let rows = scores.trial.by_fold.rows.iter();
        let number = |name: &String| self.fold_names.iter().position(|fold| fold == name);
        self.scope(&rows.filter_map(|row| number(&row.name)).collect::<Vec<_>>())
    }

    /// The scores for programs, with their context: the split, its leak, their scope, and the label rule.
    pub fn scores_json(&self, scores: &Scores) -> Result<serde_json::Value> {
        let mut json = serde_json::to_value(scores).map_err(|e| Error::data(format!("scores: {e}")))?;
        json["split"] = json!(self.split.kind());
        json["leaky"] = json!(self.leaks());
        json["leak"] = json!(Leak::of(&self.split.audit(&self.dataset)));
        json["scope"] = json!(self.scope_of(scores));
        json["labels"] = json!(self.dataset.label_rule);
        Ok(json)
    }
}
