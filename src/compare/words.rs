//! The comparison in words.

use super::{Pair, RunComparison, Unit};
use crate::metrics::paired::{FLIPS, SEED, Test};
use std::collections::BTreeSet;

/// The most pairs without a difference that have a sentence each.
const LISTED: usize = 3;

/// The level of a test.
const LEVEL: f64 = 0.05;

/// The first thing to be read where a split leaks.
pub(super) const LEAKY: &str = "Do not believe this comparison: the split of a run leaks, and a leaky score is evidence of \
     nothing.";

/// Where stimuli are kept apart.
const SHARED_STIMULI: &str = "Nothing is concluded of the differences: the runs test new stimuli, and all subjects share them, so \
     subjects are not independent. Runs of a split by stimulus can be compared by fold: folds have stimuli of their own.";

impl RunComparison {
    /// In words, a paragraph for each idea.
    pub fn text(&self) -> Vec<String> {
        let mut text: Vec<String> = match self.leaky {
            true => vec![LEAKY.into()],
            false if self.shares_stimuli => vec![SHARED_STIMULI.into()],
            false => self.findings(),
        };
        if !self.shares_stimuli {
            text.extend(self.limit());
            text.push(self.about_units());
            text.push(self.about_test());
        }
        let splits: BTreeSet<&str> = self.runs.iter().map(|run| run.split.as_str()).collect();
        if splits.len() > 1 {
            let splits: Vec<&str> = splits.into_iter().collect();
            text.push(format!(
                "The runs have other splits ({}), so they answer other questions: the difference is not one of networks alone.",
                splits.join(", ")
            ));
        }
        text.push(
            "Each run is one training. Another seed gives other scores, so a small difference may be one of seeds.".into(),
        );
        text
    }

    /// A sentence for each pair; where there are many, one for all pairs without a difference.
    fn findings(&self) -> Vec<String> {
        let (found, none): (Vec<&Pair>, Vec<&Pair>) = self.pairs.iter().partition(|pair| pair.is_found());
        if none.len() <= LISTED {
            return self.pairs.iter().map(Pair::sentence).collect();
        }
        let which = if found.is_empty() { "any of the" } else { "the other" };
        let mut findings: Vec<String> = found.into_iter().map(Pair::sentence).collect();
        findings.push(format!("No difference is shown in {which} {} pairs.", none.len()));
        findings
    }

    fn about_units(&self) -> String {
        let (n, trials) = (self.units.len(), self.trials);
        match self.unit {
            Unit::Subject => format!(
                "The runs are paired by subject: {n} subjects with {trials} trials, each subject counts alike. Intervals are 95 % \
                 intervals of the mean difference. They cannot know that the folds share training data, so they are somewhat too \
                 narrow."
            ),
            Unit::Trial => format!(
                "The runs are paired by trial: {n} trials of one subject. Intervals are 95 % intervals of the difference (Bonett \
                 and Price 2012). They say nothing about other people."
            ),
            Unit::Fold => format!(
                "The runs are paired by fold: {n} folds with {trials} trials. Intervals and p values are corrected for the \
                 overlap of the folds' training parts (Nadeau and Bengio 2003)."
            ),
        }
    }

    fn about_test(&self) -> String {
        let test = match self.pairs.iter().map(|pair| pair.paired.test).max_by_key(|&test| test as u8) {
            Some(Test::CorrectedT) => "p is that of a t test of no difference".to_string(),
            Some(Test::RandomSigns) => format!(
                "p is that of a sign-flip permutation test of no difference, with {FLIPS} random choices of signs (seed {SEED}) where \
                 all are too many"
            ),
            _ => "p is that of a sign-flip permutation test of no difference, with every choice of signs"
                .to_string(),
        };
        let pairs = self.pairs.len();
        format!(
            "{test}; p (Holm) is corrected for {pairs} {}. d is Cohen's d: the mean difference in standard deviations of the differences.",
            if pairs == 1 { "pair" } else { "pairs" }
        )
    }

    /// Too few units for any finding, in the best case for the test.
    fn limit(&self) -> Option<String> {
        let smallest = self.pairs.len() as f64 * 2.0 / 2f64.powi(self.units.len().min(60) as i32);
        (self.unit != Unit::Fold && smallest > LEVEL).then(|| {
            format!(
                "With {} units and {} pairs this test can find nothing: its smallest p (Holm) is {:.3}.",
                self.units.len(),
                self.pairs.len(),
                smallest.min(1.0)
            )
        })
    }
}

impl Pair {
    fn is_found(&self) -> bool {
        self.p_holm.is_some_and(|p| p <= LEVEL)
    }

    fn sentence(&self) -> String {
        let Pair { first, second, paired, .. } = self;
        let (better, worse) = if paired.difference < 0.0 { (second, first) } else { (first, second) };
        match self.is_found() {
            true => format!(
                "{better} is better than {worse}: its accuracy is higher by {:.3}.",
                paired.difference.abs()
            ),
            false => format!("No difference is shown between {first} and {second}."),
        }
    }
}
