//! Whom a split asks about, in words: which people, trials and videos of the test part are known from
//! training.

use super::audit::FoldAudit;
use super::kind::SplitKind;
use crate::data::grouping::{Grouping, Knowledge};

/// The answer of folds without a test part.
pub const UNTESTED: &str = "nothing: there is no test part, so no score is claimed";

/// How much of the test part is known from training.
enum Known {
    All,
    Some,
    No,
}

impl Known {
    /// Of the trials of all folds. `None` if a fold does not tell.
    fn of(folds: &[FoldAudit], count: fn(&FoldAudit) -> Option<usize>) -> Option<Self> {
        let known = folds.iter().map(count).sum::<Option<usize>>()?;
        let all = folds.iter().map(|fold| fold.test_trials).sum::<Option<usize>>()?;
        Some(match known {
            0 => Known::No,
            _ if known == all => Known::All,
            _ => Known::Some,
        })
    }

    fn word(&self) -> &'static str {
        match self {
            Known::All => "known",
            Known::Some => "partly known",
            Known::No => "new",
        }
    }
}

/// Whom the test parts of these folds ask about: `new people, known videos`.
pub fn asks(kind: SplitKind, grouping: &Grouping, folds: &[FoldAudit]) -> String {
    if folds.iter().all(|fold| fold.test == 0) {
        return UNTESTED.into();
    }
    let people = Known::of(folds, |fold| fold.known_people);
    let videos = Known::of(folds, |fold| fold.known_stimuli);
    if kind.is_leaky() {
        return match grouping.has_trials() {
            true => "windows of trials that were trained on",
            false => "windows at random; nobody knows which of them are from trials that were trained on",
        }
        .into();
    }
    let subject = match kind {
        SplitKind::Subject => "new people".to_string(),
        SplitKind::TrialWithinSubject => "new trials, one person at a time".into(),
        SplitKind::SubjectStimulus => return "new people and new videos".into(),
        _ => {
            let unit = match grouping.trials {
                Knowledge::Known => "trials",
                Knowledge::Assumed => "cases",
                Knowledge::Promised | Knowledge::Unknown => "windows",
            };
            match &people {
                Some(people) if kind == SplitKind::Stimulus => format!("{unit} of {} people", people.word()),
                Some(people) => format!("new {unit} of {} people", people.word()),
                None => format!(
                    "new {unit}; grouping unknown: nobody knows whether {unit} of one person are on both sides"
                ),
            }
        }
    };
    // With one person at a time, the videos of a fold are always new to it.
    match videos {
        Some(videos) if kind != SplitKind::TrialWithinSubject => {
            format!("{subject}, {} videos", videos.word())
        }
        _ => subject,
    }
}

/// The same for a run of an older version, which recorded no grouping.
pub fn asks_by_kind(kind: SplitKind) -> &'static str {
    match kind {
        SplitKind::Window | SplitKind::WindowHoldout => "windows of trials that were trained on",
        SplitKind::Trial => "new trials (grouping not recorded)",
        SplitKind::TrialWithinSubject => "new trials, one person at a time (grouping not recorded)",
        SplitKind::Subject => "new people (grouping not recorded)",
        SplitKind::Stimulus => "new stimuli (grouping not recorded)",
        SplitKind::SubjectStimulus => "new people and new stimuli (grouping not recorded)",
        SplitKind::Predefined => "the data's own test part (grouping not recorded)",
        SplitKind::All => UNTESTED,
    }
}
