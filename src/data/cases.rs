//! The ledger of cases: every trial or series that was read is used, or left out by a rule.

use super::frames::{FrameTable, Segment};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A rule by which a case is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Shorter than a window or a frame, or than the convolution blocks of a trained network need.
    TooShort,
    /// Longer than the statistics by time step of a trained network.
    TooLong,
    /// All its windows hold values that are not finite, or constant channels.
    BadSignals,
    /// Its rating is in the dead zone.
    DeadZone,
    /// It has no label.
    NoLabel,
}

impl Rule {
    /// The rule in words, after the number of its cases: `3 too short`.
    pub fn describe(self) -> &'static str {
        match self {
            Rule::TooShort => "too short",
            Rule::TooLong => "too long",
            Rule::BadSignals => "with bad signals only",
            Rule::DeadZone => "with a rating in the dead zone",
            Rule::NoLabel => "without label",
        }
    }
}

/// The fate of one case, which is a segment of the frame table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its class; `None` without a label and in the dead zone.
    pub label: Option<u32>,
    /// The rule by which it is left out; `None` if it has a sequence.
    pub left_out: Option<Rule>,
}

/// The number of cases of one subject, part and class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseCounts {
    /// The subject's name.
    pub subject: String,
    /// Whether they belong to the TEST part of an archive.
    pub test: bool,
    /// The class; `None` without a label and in the dead zone.
    pub class: Option<String>,
    /// Cases that were read.
    pub read: usize,
    /// Cases with at least one sequence.
    pub used: usize,
    /// Cases that were left out, by rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<Rule, usize>,
}

/// All cases of a data set, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// By subject, part and class, in this order.
    pub counts: Vec<CaseCounts>,
    /// Windows that were left out for bad signals, also those of cases that are used.
    pub bad_windows: usize,
}

/// The most groups that a message lists.
const LISTED: usize = 8;

impl Ledger {
    /// Counts `cases`, one for each segment of `frames`.
    pub fn of(frames: &FrameTable, class_names: &[String], cases: &[Case], bad_windows: usize) -> Self {
        let mut groups = BTreeMap::<(u32, bool, Option<u32>), CaseCounts>::new();
        for (Segment { subject, predefined_test, .. }, case) in frames.segments.iter().zip(cases) {
            let counts =
                groups.entry((*subject, *predefined_test, case.label)).or_insert_with(|| CaseCounts {
                    subject: frames.subjects[*subject as usize].clone(),
                    test: *predefined_test,
                    class: case.label.and_then(|label| class_names.get(label as usize).cloned()),
                    read: 0,
                    used: 0,
                    left_out: BTreeMap::new(),
                });
            counts.read += 1;
            match case.left_out {
                None => counts.used += 1,
                Some(rule) => *counts.left_out.entry(rule).or_default() += 1,
            }
        }
        Ledger { counts: groups.into_values().collect(), bad_windows }
    }

    /// Cases that were read, and those that are used.
    pub fn total(&self) -> [usize; 2] {
        [self.counts.iter().map(|c| c.read).sum(), self.counts.iter().map(|c| c.used).sum()]
    }

    /// `36 read, 22 used; left out: 14 too short`.
    pub fn describe(&self) -> String {
        let [read, used] = self.total();
        let rules = left_out(self.counts.iter());
        let rules = if rules.is_empty() { String::new() } else { format!("; left out: {rules}") };
        format!("{read} read, {used} used{rules}")
    }

    /// Where cases were left out: a line for each class, part and subject of which some are.
    pub fn losses(&self) -> Vec<String> {
        let class = |c: &CaseCounts| c.class.as_ref().map(|class| format!("class {class:?}"));
        let has_parts = self.counts.iter().any(|c| c.test);
        let part = |c: &CaseCounts| {
            has_parts.then(|| if c.test { "TEST part".to_string() } else { "TRAIN part".to_string() })
        };
        let has_subjects = self.counts.iter().any(|c| c.subject != self.counts[0].subject);
        let subject = |c: &CaseCounts| has_subjects.then(|| format!("subject {}", c.subject));
        let mut lines = self.losses_by(&class);
        lines.extend(self.losses_by(&part));
        lines.extend(self.losses_by(&subject));
        lines
    }

    fn losses_by(&self, group: &dyn Fn(&CaseCounts) -> Option<String>) -> Vec<String> {
        let mut groups = BTreeMap::<String, Vec<&CaseCounts>>::new();
        for counts in &self.counts {
            if let Some(name) = group(counts) {
                groups.entry(name).or_default().push(counts);
            }
        }
        groups.retain(|_, counts| counts.iter().any(|c| c.used < c.read));
        let line = |(name, counts): (&String, &Vec<&CaseCounts>)| {
            let sum = |of: fn(&CaseCounts) -> usize| counts.iter().map(|c| of(c)).sum::<usize>();
            let rules = left_out(counts.iter().copied());
            format!("{name}: {} of {} cases used; left out: {rules}", sum(|c| c.used), sum(|c| c.read))
        };
        let mut lines: Vec<String> = groups.iter().take(LISTED).map(line).collect();
        if groups.len() > LISTED {
            lines.push(format!("and {} more", groups.len() - LISTED));
        }
        lines
    }

    /// The published test cases that were left out: `9 of 450 published test cases left out (9 too short)`;
    /// `None` if all are used.
    pub fn lost_test_cases(&self) -> Option<String> {
        let test = || self.counts.iter().filter(|c| c.test);
        let [read, used] = [test().map(|c| c.read).sum::<usize>(), test().map(|c| c.used).sum()];
        (used < read).then(|| {
            format!("{} of {read} published test cases left out ({})", read - used, left_out(test()))
        })
    }

    /// Refuses a data set of which a class, or a published test case, is lost.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) with the numbers and the ways out.
    pub fn refuse_lost(&self) -> Result<()> {
        let mut classes = BTreeMap::<&String, [usize; 2]>::new();
        for counts in &self.counts {
            if let Some(class) = &counts.class {
                let [read, used] = classes.entry(class).or_default();
                *read += counts.read;
                *used += counts.used;
            }
        }
        let lost =
            classes.iter().find(|(_, [read, used])| *read > 0 && *used == 0).map(|(class, [read, _])| {
                let counts = self.counts.iter().filter(|c| c.class.as_ref() == Some(class));
                format!("no case of class {class:?} is left: all {read} were left out ({})", left_out(counts))
            });
        match lost.or_else(|| self.lost_test_cases()) {
            None => Ok(()),
            Some(what) => Err(Error::data(what).hint(self.way_out())),
        }
    }

    /// How to lose less, by the rules that lost something.
    fn way_out(&self) -> String {
        let mut ways = Vec::new();
        let by = |rule: Rule| self.counts.iter().any(|c| c.left_out.contains_key(&rule));
        if by(Rule::TooShort) {
            ways.push("use a shorter `window`, or none");
        }
        if by(Rule::BadSignals) {
            ways.push("keep constant channels with `bad_windows = keep`, or choose other `channels`");
        }
        if by(Rule::DeadZone) {
            ways.push("use a smaller `dead_zone`");
        }
        ways.push("go on without these cases with `allow_lost_cases`");
        ways.join("; ")
    }
}

/// `3 too short, 2 with bad signals only`.
fn left_out<'a>(counts: impl Iterator<Item = &'a CaseCounts>) -> String {
    let mut rules = BTreeMap::<Rule, usize>::new();
    for counts in counts {
        for (&rule, number) in &counts.left_out {
            *rules.entry(rule).or_default() += number;
        }
    }
    let parts: Vec<String> = rules.iter().map(|(rule, n)| format!("{n} {}", rule.describe())).collect();
    parts.join(", ")
}
