//! Copies across a split: what names keep apart may be the same by content.

use super::fold::Fold;
use super::kind::SplitKind;
use crate::data::contents::{Likeness, Shared};
use crate::data::copies::{Copy, TrialName, copies, describe, is_one_series};
use crate::data::grouping::Knowledge;
use crate::data::sequences::{Dataset, Sequence};
use crate::error::{Error, Result};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

/// The copies of the data set.
pub fn of(dataset: &Dataset) -> Vec<Copy> {
    let names = TrialName::of_segments(&dataset.frames);
    copies(&dataset.contents, &names, &dataset.frames.subjects, &dataset.grouping)
}

/// The copies in one sentence, with their consequence; `None` if there are none.
pub fn statement(kind: SplitKind, dataset: &Dataset) -> Option<String> {
    let found = describe(&of(dataset))?;
    let consequence = match (dataset.allows_copies, kind.is_leaky()) {
        (true, _) => "copies are allowed by the user, and may be in training and test",
        (false, true) => "they may be in training and test",
        (false, false) => "they are in one part of each fold, and count as trials of their own",
    };
    Some(format!("copies: {found}; {consequence}"))
}

/// Refuses one person under two names, and windows that were promised to be independent and are not.
pub fn refuse(kind: SplitKind, dataset: &Dataset) -> Result<()> {
    if kind.is_leaky() || dataset.allows_copies {
        return Ok(());
    }
    let mut seen = HashMap::new();
    for (subject, hash) in dataset.frames.subjects.iter().zip(&dataset.frames.hashes) {
        if let Some(first) = seen.insert(hash, subject) {
            return Err(one_person(format!("{first} and {subject} are the same recording")));
        }
    }
    let copies = of(dataset);
    let people: Vec<Copy> = copies.iter().filter(|copy| !copy.is_one_person).cloned().collect();
    if let Some(found) = describe(&people) {
        return Err(one_person(found));
    }
    match describe(&copies) {
        Some(found) if dataset.grouping.trials == Knowledge::Promised => {
            Err(Error::data(format!("{found}, so the promise of independent windows does not hold"))
                .hint("name the trials in an array \"trials\" instead of `promise_independent_windows`"))
        }
        _ => Ok(()),
    }
}

fn one_person(found: String) -> Error {
    Error::data(format!("{found}, and one person must not count as two")).hint(
        "remove the copy, or give both the name of one person; `allow_copies` lets the data through, and every \
         result then states it",
    )
}

/// Refuses copies in two parts of a fold.
pub fn check(fold: &Fold, dataset: &Dataset) -> Result<()> {
    if dataset.allows_copies {
        return Ok(());
    }
    let part = parts(fold, dataset);
    let mut between = BTreeSet::new();
    let mut likeness = Likeness::Similar;
    each_pair(dataset, |[i, j], shared| {
        let parts = [part[i], part[j]];
        if let [Some(one), Some(other)] = parts
            && one != other
            && !is_one_name(dataset, [i, j])
        {
            between.insert([(i, one), (j, other)]);
            likeness = likeness.min(shared.likeness);
        }
    });
    let Some([(i, one), (j, other)]) = between.first() else { return Ok(()) };
    let names = TrialName::of_segments(&dataset.frames);
    let place = |&i: &usize| {
        let name = names[dataset.sequences[i].segment as usize];
        name.describe(&dataset.frames.subjects, &dataset.grouping)
    };
    let alike = match likeness {
        Likeness::Same => "they hold the same samples",
        Likeness::Similar => "they hold the same signals but for noise, scale or level",
    };
    let more = match between.len() - 1 {
        0 => String::new(),
        more => format!(" ({more} more such pairs)"),
    };
    Err(Error::data(format!(
        "{} is in the {} part and {} in the {} part, and {alike}{more}",
        place(i),
        one.name(),
        place(j),
        other.name()
    ))
    .hint(
        "give windows of one series one number in \"trials\", or remove the copies; `split_by = window` leaks and \
         says so; `allow_copies` lets the data through, and every result then states it",
    ))
}

/// How much of a fold's test part is in its training part by content.
pub struct Found {
    /// Whether each test window shares samples with a training window, in the order of the test part.
    pub overlapping: Vec<bool>,
    /// The number of test windows that training holds under another name, the same or alike.
    pub copies: usize,
}

/// Looks for the test windows of a fold among its training windows.
pub fn count(fold: &Fold, dataset: &Dataset) -> Found {
    let part = parts(fold, dataset);
    let (mut same, mut copied) = (BTreeSet::new(), BTreeSet::new());
    each_pair(dataset, |pair, shared| {
        for [test, train] in [pair, [pair[1], pair[0]]] {
            if (part[test], part[train]) == (Some(Part::Test), Some(Part::Train)) {
                if shared.likeness == Likeness::Same {
                    same.insert(test);
                }
                if !is_one_name(dataset, pair) {
                    copied.insert(test);
                }
            }
        }
    });
    let overlapping = fold.test.iter().map(|&i| same.contains(&(i as usize))).collect();
    Found { overlapping, copies: copied.len() }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Train,
    Validation,
    Test,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Train => "training",
            Part::Validation => "validation",
            Part::Test => "test",
        }
    }
}

/// The part of each sequence.
fn parts(fold: &Fold, dataset: &Dataset) -> Vec<Option<Part>> {
    let mut part = vec![None; dataset.sequences.len()];
    let all = [(Part::Train, &fold.train), (Part::Validation, &fold.validation), (Part::Test, &fold.test)];
    for (name, indices) in all {
        indices.iter().for_each(|&i| part[i as usize] = Some(name));
    }
    part
}

fn is_one_name(dataset: &Dataset, pair: [usize; 2]) -> bool {
    let trials = pair.map(|i| (dataset.sequences[i].subject, dataset.sequences[i].trial));
    is_one_series(trials, &dataset.grouping)
}

/// Every pair of sequences that cover a common stretch of their series.
fn each_pair(dataset: &Dataset, mut each: impl FnMut([usize; 2], &Shared)) {
    // Sequences are in the order of their segments.
    let of_segment = |segment: u32| -> Range<usize> {
        dataset.sequences.partition_point(|s| s.segment < segment)
            ..dataset.sequences.partition_point(|s| s.segment <= segment)
    };
    for shared in &dataset.contents.shared {
        let [a, b] = shared.series;
        let covers = |s: &Sequence, side: usize| -> (i64, i64) {
            // Counted from the start of the stretch.
            let from = i64::from(s.samples.start) - i64::from(shared.at[side]);
            let until = i64::from(s.samples.end) - i64::from(shared.at[side]);
            match dataset.frames.sketches[s.segment as usize].is_across {
                true => (0, 1),
                false => (from.max(0), until.min(i64::from(shared.rows))),
            }
        };
        for i in of_segment(a) {
            let one = covers(&dataset.sequences[i], 0);
            for j in of_segment(b) {
                let other = covers(&dataset.sequences[j], 1);
                if one.0.max(other.0) < one.1.min(other.1) {
                    each([i, j], shared);
                }
            }
        }
    }
}
