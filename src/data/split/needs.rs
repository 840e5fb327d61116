//! The grouping that each kind of split needs. A split that cannot keep its groups apart is refused.

use super::kind::SplitKind;
use crate::data::grouping::Grouping;
use crate::data::sequences::Dataset;
use crate::error::{Error, Result};

/// The kinds that keep trials or people apart and suit the grouping, for advice.
pub fn honest_kinds(grouping: &Grouping) -> Vec<SplitKind> {
    let kinds = [SplitKind::Trial, SplitKind::Subject];
    kinds.into_iter().filter(|&kind| lacking(kind, grouping).is_none()).collect()
}

/// The split of data without a TEST part and with so many people: by trial where trials are known, else by
/// subject where two people are.
///
/// # Errors
///
/// [`ErrorKind::Data`](crate::ErrorKind::Data) with the ways out if neither is known.
pub fn default_kind(grouping: &Grouping, people: usize) -> Result<SplitKind> {
    match grouping.has_trials() {
        true => Ok(SplitKind::Trial),
        false if grouping.knows_people() && people > 1 => Ok(SplitKind::Subject),
        false => {
            Err(refusal(SplitKind::Trial, "which windows were cut from one series (their trial)", grouping))
        }
    }
}

/// Refuses a split by groups that the data do not name.
///
/// # Errors
///
/// [`ErrorKind::Data`](crate::ErrorKind::Data) with the ways out.
pub fn check(kind: SplitKind, grouping: &Grouping) -> Result<()> {
    match lacking(kind, grouping) {
        None => Ok(()),
        Some(unknown) => Err(refusal(kind, unknown, grouping)),
    }
}

/// Refuses data without labels: parts are stratified by them, and training needs two classes.
///
/// # Errors
///
/// [`ErrorKind::Data`](crate::ErrorKind::Data).
pub fn check_labels(dataset: &Dataset) -> Result<()> {
    match dataset.class_names.is_empty() {
        true => Err(Error::data("the data have no labels, and a split needs the class of each window")
            .hint("give an array `labels`; data without labels can be predicted only")),
        false => Ok(()),
    }
}

/// The unknown facts that a split of this kind needs; `None` if nothing is lacking.
fn lacking(kind: SplitKind, grouping: &Grouping) -> Option<&'static str> {
    let (trials, people, stimuli) = match kind {
        SplitKind::Window | SplitKind::WindowHoldout | SplitKind::Predefined | SplitKind::All => {
            (false, false, false)
        }
        SplitKind::Trial => (true, false, false),
        SplitKind::TrialWithinSubject => (true, true, false),
        SplitKind::Subject => (false, true, false),
        SplitKind::Stimulus => (false, false, true),
        SplitKind::SubjectStimulus => (false, true, true),
    };
    if stimuli && !grouping.shares_stimuli() {
        return Some("which trials have the same stimulus");
    }
    if people && !grouping.knows_people() {
        return Some("which person each window is of");
    }
    (trials && !grouping.has_trials()).then_some("which windows were cut from one series (their trial)")
}

fn refusal(kind: SplitKind, unknown: &str, grouping: &Grouping) -> Error {
    let trials = (!grouping.has_trials()).then(|| {
        "for a split by trial, give an array `trials` (windows cut from one series share a number), or \
         promise with `promise_independent_windows` that no two windows were cut from one series"
            .to_string()
    });
    let people = (!grouping.knows_people())
        .then(|| "for a split by subject, give an array `groups` (the person of each window)".into());
    let mut ways: Vec<String> = match kind {
        SplitKind::Trial => [trials, people],
        _ => [people, trials],
    }
    .into_iter()
    .flatten()
    .collect();
    let usable = honest_kinds(grouping).into_iter().filter(|&other| other != kind);
    ways.extend(usable.map(|other| format!("use `split_by = {}`", other.name())));
    ways.push("use `split_by = window`, which leaks and says so".to_string());
    Error::data(format!(
        "a split by {} needs to know {unknown}, and these data do not say ({})",
        kind.name(),
        grouping.describe()
    ))
    .hint(ways.join("; "))
}
