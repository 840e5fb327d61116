//! Looks at test trials: how often they were scored, and how much luck that allows.

use super::best_of::BestOf;
use serde::{Deserialize, Serialize};

/// How often the test trials of a score were scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Looks {
    /// The scores are counted.
    Counted(Count),
    /// They could not be.
    Unknown {
        /// The reason.
        problem: String,
    },
}

/// The count, and its meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// The numbers.
    #[serde(flatten)]
    pub tally: Tally,
    /// The best of so many guesses; `None` for the first score, and for scores that are evidence of nothing.
    pub best_of: Option<BestOf>,
    /// The same in words, a paragraph for each idea.
    pub text: Vec<String>,
}

/// The place of a score among all scores of any of its test trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Its number, from 1, when it was first computed.
    pub number: usize,
    /// The number of scores until now, itself included.
    pub so_far: usize,
    /// The folder whose runs were counted.
    pub runs: String,
    /// The number of its test trials.
    pub trials: usize,
    /// The other scores that share some of them and not all.
    pub partly: Option<Partly>,
    /// The number of other scores that had other labels.
    pub other_labels: usize,
}

/// Scores that share some trials and not all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partly {
    /// Their number.
    pub scores: usize,
    /// The fewest trials that one of them shares.
    pub fewest: usize,
    /// The most.
    pub most: usize,
}

impl Looks {
    /// The meaning of a count. `chance` is the accuracy to beat, where there is one.
    pub(super) fn counted(tally: Tally, chance: Option<f64>) -> Self {
        let best_of = chance
            .filter(|_| tally.so_far > 1)
            .and_then(|chance| BestOf::of(tally.so_far, tally.trials, chance));
        let mut text = vec![tally.sentence()];
        text.extend(best_of.as_ref().map(BestOf::sentence));
        Looks::Counted(Count { tally, best_of, text })
    }

    /// In words, a paragraph for each idea.
    pub fn text(&self) -> Vec<String> {
        match self {
            Looks::Counted(count) => count.text.clone(),
            Looks::Unknown { problem } => {
                vec![format!("Nobody knows how often these test trials were scored: {problem}.")]
            }
        }
    }
}

impl Tally {
    fn sentence(&self) -> String {
        let Tally { number, so_far, runs, trials, partly, other_labels } = self;
        let until_now = if so_far > number { format!(", of {so_far} so far") } else { String::new() };
        let mut text =
            format!("This is the {} score on these test trials in {runs}/{until_now}.", ordinal(*number));
        if let Some(Partly { scores, fewest, most }) = partly {
            let range = if fewest == most { fewest.to_string() } else { format!("{fewest} to {most}") };
            let verb = if *scores == 1 { "shares" } else { "share" };
            text += &format!(" {scores} of the others {verb} only a part of the {trials} trials: {range}.");
        }
        if *other_labels > 0 {
            text += &format!(" {other_labels} of the others had other labels.");
        }
        text
    }
}

/// `first`, `2nd`, `11th`
fn ordinal(number: usize) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    if number == 1 { "first".into() } else { format!("{number}{ending}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_are_english() {
        let all = [1, 2, 3, 4, 11, 12, 13, 21, 22, 103, 111, 112].map(ordinal);
        let wanted = "first 2nd 3rd 4th 11th 12th 13th 21st 22nd 103rd 111th 112th";
        assert_eq!(all.join(" "), wanted);
    }
}
