//! Copies across a split: what names keep apart may be the same by content.

use super::fold::Fold;
use super::kind::SplitKind;
use crate::data::contents::Likeness;
use crate::data::copies::{TrialName, TrialPair, copies, describe, is_one_series};
use crate::data::grouping::Knowledge;
use crate::data::sequences::Dataset;
use crate::error::{Error, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The copies of the data set.
pub fn of(dataset: &Dataset) -> Vec<TrialPair> {
    let names = TrialName::of_segments(&dataset.frames);
    let rows: Vec<u32> = dataset.frames.sketches.iter().map(|sketch| sketch.rows as u32).collect();
    copies(&dataset.contents, &rows, &names, &dataset.frames.subjects, &dataset.grouping)
}

/// The copies in one sentence, with their consequence; `None` if there are none.
pub fn statement(kind: SplitKind, folds: &[Fold], dataset: &Dataset) -> Option<String> {
    if dataset.allows_copies && folds.iter().all(|fold| fold.validation.is_empty() && fold.test.is_empty()) {
        return Some(
            "copies are allowed by the user, and nobody looked for them: no fold has two parts".into(),
        );
    }
    let unclear: Vec<String> = undecided(dataset).into_iter().chain(recurring(dataset)).collect();
    let Some(found) = describe(&of(dataset)) else {
        return Some(unclear.join("; ")).filter(|text| !text.is_empty());
    };
    let also: String = unclear.iter().map(|also| format!("; {also}")).collect();
    let consequence = match (dataset.allows_copies, kind.is_leaky()) {
        (true, _) => "copies are allowed by the user, and may be in training and test",
        (false, true) => "they may be in training and test",
        (false, false) => "they are in one part of each fold, and count as trials of their own",
    };
    Some(format!("copies: {found}; {consequence}{also}"))
}

/// Of series that are equal and short.
fn undecided(dataset: &Dataset) -> Option<String> {
    let (some, all) = (dataset.contents.undecided, dataset.frames.segments.len());
    (some > 0).then(|| {
        format!("{some} of {all} series equal another one, number for number, and say too little to tell a copy from chance")
    })
}

/// Of shapes that recur.
fn recurring(dataset: &Dataset) -> Option<String> {
    let (some, all) = (dataset.contents.recurring, dataset.frames.segments.len());
    (some > 0).then(|| {
        format!(
            "{some} of {all} series resemble many others (correlation above .999): nobody can tell near-copies from shapes \
             that recur"
        )
    })
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
    if dataset.contents.is_all_different() {
        return Ok(());
    }
    let copies = of(dataset);
    let people: Vec<TrialPair> = copies.iter().filter(|copy| !copy.is_one_person).cloned().collect();
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
    if dataset.allows_copies || dataset.contents.is_all_different() {
        return Ok(());
    }
    let part = parts(fold, dataset);
    // The window of each pair that is named first, so that each counts once.
    let mut between = BTreeMap::new();
    for common in Common::of(dataset, &part, &[Part::Train, Part::Validation, Part::Test]) {
        for &i in &common.order {
            let differs = |j: usize| part[i].zip(part[j]).is_some_and(|(one, other)| one < other);
            if let Some(j) = common.partner(i, |j| differs(j) && !common.is_one_name(dataset, [i, j])) {
                let entry = between.entry(i).or_insert((j, common.likeness));
                entry.1 = entry.1.min(common.likeness);
            }
        }
    }
    let Some((&i, &(j, likeness))) = between.first_key_value() else { return Ok(()) };
    let [one, other] = [i, j].map(|i| part[i].expect("both are in a part"));
    let names = TrialName::of_segments(&dataset.frames);
    let place = |i: usize| {
        let name = names[dataset.sequences[i].segment as usize];
        name.describe(&dataset.frames.subjects, &dataset.grouping)
    };
    let alike = match likeness {
        Likeness::Same => "they hold the same samples",
        Likeness::Similar => "they hold the same signals but for noise, scale or level",
    };
    let more = match between.len() - 1 {
        0 => String::new(),
        more => format!(" ({more} more such windows)"),
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
    if fold.test.is_empty() || dataset.contents.is_all_different() {
        return Found { overlapping: vec![false; fold.test.len()], copies: 0 };
    }
    let part = parts(fold, dataset);
    let (mut same, mut copied) = (BTreeSet::new(), BTreeSet::new());
    for common in Common::of(dataset, &part, &[Part::Train, Part::Test]) {
        for &i in common.order.iter().filter(|&&i| part[i] == Some(Part::Test)) {
            let is_train = |j: usize| part[j] == Some(Part::Train);
            if common.likeness == Likeness::Same && common.partner(i, is_train).is_some() {
                same.insert(i);
            }
            if common.partner(i, |j| is_train(j) && !common.is_one_name(dataset, [i, j])).is_some() {
                copied.insert(i);
            }
        }
    }
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

/// Samples that several series have in common, and the windows that cover some of them.
struct Common {
    likeness: Likeness,
    /// Whether whole series are equal, so that they are copies and do not merely overlap.
    is_whole: bool,
    /// The windows in the order of their starts.
    order: Vec<usize>,
    /// Where each of these windows begins and ends, counted along the common samples.
    covers: BTreeMap<usize, (i64, i64)>,
    /// The length of the longest of them.
    longest: i64,
}

impl Common {
    /// Those of the data set with windows in two of these parts.
    fn of(dataset: &Dataset, part: &[Option<Part>], among: &[Part]) -> impl Iterator<Item = Common> {
        // For each series, the parts that its windows are in, one bit each.
        let mut parts_of = vec![0u8; dataset.frames.segments.len()];
        for (s, part) in dataset.sequences.iter().zip(part) {
            if let Some(part) = part.filter(|part| among.contains(part)) {
                parts_of[s.segment as usize] |= 1 << part as u8;
            }
        }
        let is_split = move |series: &[u32]| {
            let parts = series.iter().fold(0, |parts, &series| parts | parts_of[series as usize]);
            parts.count_ones() > 1
        };
        let is_also_split = is_split.clone();
        let equal = dataset.contents.equal.iter().filter(move |series| is_split(series)).map(|series| {
            let parts: Vec<(u32, u32)> = series.iter().map(|&series| (series, 0)).collect();
            Common::new(dataset, Likeness::Same, true, &parts, u32::MAX)
        });
        let shared = dataset.contents.shared.iter().filter(move |shared| is_also_split(&shared.series));
        let shared = shared.map(|shared| {
            let parts = [0, 1].map(|side| (shared.series[side], shared.at[side]));
            Common::new(dataset, shared.likeness, false, &parts, shared.rows)
        });
        equal.chain(shared)
    }

    /// The windows of these series, of which each has the common rows from its own row on.
    fn new(dataset: &Dataset, likeness: Likeness, is_whole: bool, series: &[(u32, u32)], rows: u32) -> Self {
        let mut covers = BTreeMap::new();
        for &(series, at) in series {
            let is_across = dataset.frames.sketches[series as usize].is_across;
            // Sequences are in the order of their segments.
            let from = dataset.sequences.partition_point(|s| s.segment < series);
            let own = dataset.sequences[from..].iter().take_while(|s| s.segment == series);
            for (i, s) in own.enumerate() {
                let [start, end] = [s.samples.start, s.samples.end].map(|row| i64::from(row) - i64::from(at));
                let cover = if is_across { (0, 1) } else { (start.max(0), end.min(i64::from(rows))) };
                if cover.0 < cover.1 {
                    covers.insert(from + i, cover);
                }
            }
        }
        let mut order: Vec<usize> = covers.keys().copied().collect();
        order.sort_by_key(|i| covers[i]);
        let longest = covers.values().map(|(from, until)| until - from).max().unwrap_or(0);
        Common { likeness, is_whole, order, covers, longest }
    }

    /// A window that covers some of the rows of window `i`, and passes.
    fn partner(&self, i: usize, passes: impl Fn(usize) -> bool) -> Option<usize> {
        let (from, until) = self.covers[&i];
        let first = self.order.partition_point(|j| self.covers[j].0 <= from - self.longest);
        let near = self.order[first..].iter().copied().take_while(|j| self.covers[j].0 < until);
        near.filter(|&j| j != i && self.covers[&j].1 > from).find(|&j| passes(j))
    }

    /// Whether two windows may share samples by their names.
    fn is_one_name(&self, dataset: &Dataset, pair: [usize; 2]) -> bool {
        let trials = pair.map(|i| (dataset.sequences[i].subject, dataset.sequences[i].trial));
        match self.is_whole {
            true => trials[0] == trials[1],
            false => is_one_series(trials, &dataset.grouping),
        }
    }
}
