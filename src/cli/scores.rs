//! Prints the scores of a run.

use super::output::{out, out_json};
use crate::data::split::Leak;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::metrics::{self, Scores};

/// Prints the scores as tables or as JSON. Those of a leaky split end with a warning.
pub fn print_scores(experiment: &Experiment, scores: &Scores, json: bool) -> Result<()> {
    if json {
        return out_json(&experiment.scores_json(scores)?);
    }
    let mut text = metrics::text::render(scores);
    let split = experiment.split.kind();
    text.push_str(&format!("\nlabels: {}; split by {}", experiment.dataset.label_rule, split.name()));
    if split.is_leaky() {
        let leak = Leak::of(&experiment.split.audit(&experiment.dataset));
        text.push_str(&format!(
            "\n\nDO NOT BELIEVE THESE SCORES: the split by {} leaks. {}.\nThe network was tested on trials that it was \
             trained on, so it can score without knowing any emotion.\nFor honest scores, run the same command with `--split trial` (new \
             trials) or `--split subject` (new people).",
            split.name(),
            capitalize(&leak.describe())
        ));
    }
    out(&text)
}

fn capitalize(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
