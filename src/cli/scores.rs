//! Prints the scores of a run.

use super::output::{out, out_json};
use crate::data::grouping::Grouping;
use crate::data::split::{Leak, honest_kinds};
use crate::error::Result;
use crate::experiment::Experiment;
use crate::metrics::{self, Scores};

/// Prints the scores as tables or as JSON. Those of a split that leaks end with a warning.
pub fn print_scores(experiment: &Experiment, scores: &Scores, json: bool) -> Result<()> {
    if json {
        return out_json(&experiment.scores_json(scores)?);
    }
    let scope = experiment.scope_of(scores);
    let mut text = format!("Scores on {}.\n", scope.headline());
    let looks = scores.looks.iter().flat_map(|looks| looks.text());
    looks.for_each(|paragraph| text.push_str(&format!("{}\n", metrics::text::wrapped(&paragraph))));
    scope.notes().iter().for_each(|note| text.push_str(&format!("{note}\n")));
    text.push('\n');
    text.push_str(&metrics::text::render(scores));
    let split = experiment.split.kind();
    text.push_str(&format!("\nlabels: {}; split by {}", experiment.dataset.label_rule, split.name()));
    if experiment.leaks() {
        let leak = Leak::of(&experiment.split.audit(&experiment.dataset));
        text.push_str(&format!(
            "\n\nDO NOT BELIEVE THESE SCORES: the split by {} leaks. {}.\n{}\n{}",
            split.name(),
            capitalize(&leak.describe()),
            leak.consequence(),
            honest_ways(&scope.grouping)
        ));
    }
    out(&text)
}

/// The splits that these data allow and that keep trials or people apart.
fn honest_ways(grouping: &Grouping) -> String {
    let kinds = honest_kinds(grouping);
    let ways: Vec<String> = kinds.iter().map(|kind| format!("`--split {}`", kind.name())).collect();
    match ways.is_empty() {
        true => "For honest scores, add an array \"trials\" or \"groups\" to the data.".into(),
        false => format!("For honest scores, run the same command with {}.", ways.join(" or ")),
    }
}

fn capitalize(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
