//! Copies: the same samples under two names of a person or a trial.

use super::contents::{Contents, Likeness};
use super::frames::FrameTable;
use super::grouping::{Grouping, Knowledge};
use serde::Serialize;
use std::collections::BTreeMap;

/// The name of a series: the trial that it is of, in whole or in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrialName {
    /// Index into the names of the subjects.
    pub subject: u32,
    /// Number of the trial within its subject.
    pub trial: u32,
    /// Whether it belongs to the TEST part of an archive.
    pub predefined_test: bool,
}

impl TrialName {
    /// The names of the segments of a frame table.
    pub fn of_segments(frames: &FrameTable) -> Vec<TrialName> {
        let segments = frames.segments.iter();
        segments
            .map(|s| TrialName { subject: s.subject, trial: s.trial, predefined_test: s.predefined_test })
            .collect()
    }

    /// In words: `trial 3 of subject s01`, `case 7 of the TEST part`, `window 12`.
    pub fn describe(&self, subjects: &[String], grouping: &Grouping) -> String {
        let unit = match grouping.trials {
            Knowledge::Known => "trial",
            Knowledge::Assumed => "case",
            Knowledge::Promised | Knowledge::Unknown => "window",
        };
        let of = match (grouping.knows_people(), self.predefined_test) {
            (true, _) => format!(" of subject {}", subjects[self.subject as usize]),
            (false, true) => " of the TEST part".into(),
            (false, false) => String::new(),
        };
        format!("{unit} {}{of}", self.trial)
    }
}

/// Two trials with common samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialPair {
    /// The two trials in words.
    pub trials: [String; 2],
    /// Whether they are of one person, by name.
    pub is_one_person: bool,
    /// Whether the samples are the same, not only alike.
    pub is_exact: bool,
    /// The longest common stretch that was found, in samples a channel.
    pub samples: u32,
}

impl TrialPair {
    /// `trial 3 of subject s01 and trial 0 of subject s33 hold the same samples`.
    pub fn describe(&self) -> String {
        let [one, other] = &self.trials;
        let alike = match self.is_exact {
            true => "hold the same samples",
            false => "hold the same signals but for noise, scale or level",
        };
        format!("{one} and {other} {alike} ({} of each channel)", self.samples)
    }
}

/// Whether windows of two trials, given as subject and number, may overlap by their names: they are of one
/// trial, or nobody knows the trials of their person.
pub fn is_one_series(trials: [(u32, u32); 2], grouping: &Grouping) -> bool {
    let [one, other] = trials;
    one == other || (grouping.trials == Knowledge::Unknown && one.0 == other.0)
}

/// The pairs of trials with common samples, by the names of their series, which have so many rows.
pub fn copies(
    contents: &Contents,
    rows: &[u32],
    names: &[TrialName],
    subjects: &[String],
    grouping: &Grouping,
) -> Vec<TrialPair> {
    let mut found = BTreeMap::<[TrialName; 2], (Likeness, u32)>::new();
    let mut add = |mut pair: [TrialName; 2], likeness: Likeness, rows: u32| {
        pair.sort_unstable();
        let entry = found.entry(pair).or_insert((likeness, rows));
        *entry = (entry.0.min(likeness), entry.1.max(rows));
    };
    for equal in &contents.equal {
        // Each with the first: a list of all pairs would be long, and say no more.
        let first = names[equal[0] as usize];
        for other in equal[1..].iter().map(|&series| names[series as usize]) {
            if (first.subject, first.trial) != (other.subject, other.trial) {
                add([first, other], Likeness::Same, rows[equal[0] as usize]);
            }
        }
    }
    for shared in &contents.shared {
        let pair = shared.series.map(|series| names[series as usize]);
        if !is_one_series(pair.map(|name| (name.subject, name.trial)), grouping) {
            add(pair, shared.likeness, shared.rows);
        }
    }
    let copy = |(pair, (likeness, samples)): ([TrialName; 2], (Likeness, u32))| TrialPair {
        is_one_person: pair[0].subject == pair[1].subject,
        trials: pair.map(|name| name.describe(subjects, grouping)),
        is_exact: likeness == Likeness::Same,
        samples,
    };
    found.into_iter().map(copy).collect()
}

/// The first of several copies in words, and how many more there are.
pub fn describe(copies: &[TrialPair]) -> Option<String> {
    let first = copies.first()?.describe();
    Some(match copies.len() - 1 {
        0 => first,
        1 => format!("{first}; so does one more pair"),
        more => format!("{first}; so do {more} more pairs"),
    })
}
