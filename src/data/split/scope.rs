//! The scope of scores: whom the test asks about, how much of the data it covers, and what limits it. These
//! facts stand beside every score.

use super::Split;
use super::asks::asks;
use super::audit::FoldAudit;
use super::fold::Fold;
use crate::data::grouping::{Grouping, Knowledge};
use crate::data::normalize::Normalize;
use crate::data::sequences::Dataset;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most names in a list.
const LISTED: usize = 8;

/// The scope of the scores of some folds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    /// Whom the test asks about: `new people, known videos`.
    pub asks: String,
    /// The knowledge of people, trials and stimuli.
    pub grouping: Grouping,
    /// The leak that unknown grouping may hide, or the user's promise; `None` if there is neither.
    pub caution: Option<String>,
    /// The samples that stand under two names, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<String>,
    /// The number of test windows that training holds under another name.
    #[serde(default)]
    pub copied_windows: usize,
    /// Whether nobody can tell if the files of the run belong together: an older version wrote them.
    #[serde(default)]
    pub unbound: bool,
    /// The published test cases that were left out; `None` if the score is of all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_test_cases: Option<String>,
    /// Whether the signals of test trials, not their labels, shaped the scaling.
    pub transductive: bool,
    /// How much of the data the folds test.
    pub tested: Tested,
    /// The classes that a fold's training part, or a person, never has.
    pub missing_classes: Vec<MissingClass>,
}

/// How much of the data was tested. A trial or window that several folds test counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// Tested trials, and all trials; `None` if trials are unknown.
    pub trials: Option<[usize; 2]>,
    /// Tested windows, and all windows.
    pub windows: [usize; 2],
    /// Whether a trial was tested on some of its windows only.
    pub parts_of_trials: bool,
}

/// A class that does not occur somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingClass {
    /// The name of the class.
    pub class: String,
    /// The folds whose training part never has it.
    pub folds: Vec<String>,
    /// The people who never have it; empty if people are unknown.
    pub subjects: Vec<String>,
}

impl Scope {
    /// The scope of the folds with these indices. Folds that the split does not have are left out: the run of
    /// a damaged folder, or of other data, is refused elsewhere.
    pub fn of(split: &Split, dataset: &Dataset, selection: &[usize], normalize: Normalize) -> Self {
        let all = split.audit(dataset);
        let audits: Vec<FoldAudit> = selection.iter().filter_map(|&fold| all.get(fold).cloned()).collect();
        let folds: Vec<&Fold> = selection.iter().filter_map(|&fold| split.folds().get(fold)).collect();
        Scope {
            asks: asks(split.kind(), &dataset.grouping, &audits),
            grouping: dataset.grouping,
            caution: dataset.grouping.caution().map(String::from),
            copies: split.copies(dataset),
            copied_windows: audits.iter().filter_map(|fold| fold.copies).sum(),
            unbound: false,
            lost_test_cases: dataset.ledger().lost_test_cases(),
            transductive: normalize == Normalize::Subject,
            tested: Tested::of(&folds, dataset),
            missing_classes: missing_classes(&folds, dataset),
        }
    }

    /// Whom the scores are about, with what no reader may miss: `new people, known videos; tested 15 of 72
    /// trials (21 %)`.
    pub fn headline(&self) -> String {
        let promised = (self.grouping.trials == Knowledge::Promised)
            .then(|| "windows are independent by the user's promise, not checked".to_string());
        let copied = (self.copied_windows > 0)
            .then(|| format!("{} test windows are copies of training windows", self.copied_windows));
        let transductive = self.transductive.then(|| TRANSDUCTIVE.to_string());
        let lost = self.lost_test_cases.clone();
        let parts = [Some(self.asks.clone()), promised, copied, transductive, lost, self.tested.describe()];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    /// The facts below the headline, one a line.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = vec![self.grouping.describe()];
        notes.extend(self.caution.clone());
        notes.extend(self.copies.clone());
        notes.extend(self.unbound.then(|| UNBOUND.to_string()));
        notes.extend(self.missing_classes.iter().flat_map(MissingClass::describe));
        notes
    }
}

/// The statement of a run whose files nobody can tell to belong together.
pub const UNBOUND: &str =
    "unbound: an older version wrote this run, and nobody can tell whether its files belong together";

/// The statement of a transductive normalization.
pub const TRANSDUCTIVE: &str = "transductive: the signals of test trials, not their labels, shaped the scaling (normalization by subject)";

impl Tested {
    fn of(folds: &[&Fold], dataset: &Dataset) -> Self {
        let tested: BTreeSet<u32> = folds.iter().flat_map(|fold| fold.test()).copied().collect();
        let all: Vec<u32> = (0..dataset.sequences.len() as u32).collect();
        let trials = dataset.trials(&tested);
        let whole = dataset.sequences.iter().filter(|s| trials.contains(&(s.subject, s.trial))).count();
        Tested {
            trials: dataset.grouping.has_trials().then(|| [trials.len(), dataset.trials(&all).len()]),
            windows: [tested.len(), all.len()],
            parts_of_trials: dataset.grouping.has_trials() && tested.len() < whole,
        }
    }

    /// `tested 15 of 72 trials (21 %)`; `None` if everything was tested, or nothing.
    pub fn describe(&self) -> Option<String> {
        if self.windows[0] == 0 {
            return None;
        }
        let share = |[part, all]: [usize; 2], unit: &str| {
            format!("{part} of {all} {unit} ({:.0} %)", 100.0 * part as f64 / all.max(1) as f64)
        };
        let trials = self.trials.filter(|[part, all]| part < all).map(|counts| share(counts, "trials"));
        let windows = (self.windows[0] < self.windows[1] && (trials.is_none() || self.parts_of_trials))
            .then(|| share(self.windows, "windows"));
        let parts: Vec<String> = trials.into_iter().chain(windows).collect();
        (!parts.is_empty()).then(|| format!("tested {}", parts.join(", ")))
    }
}

impl MissingClass {
    /// A sentence each for training parts and people.
    fn describe(&self) -> Vec<String> {
        let folds = (!self.folds.is_empty()).then(|| {
            format!("class {:?} is in no training part of: fold {}", self.class, listed(&self.folds))
        });
        let subjects = (!self.subjects.is_empty())
            .then(|| format!("class {:?} is in no trial of: subject {}", self.class, listed(&self.subjects)));
        folds.into_iter().chain(subjects).collect()
    }
}

/// The first names of a list, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown = names[..names.len().min(LISTED)].join(", ");
    match names.len().checked_sub(LISTED) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

fn missing_classes(folds: &[&Fold], dataset: &Dataset) -> Vec<MissingClass> {
    let labels = |indices: &[u32]| -> BTreeSet<u32> {
        indices.iter().map(|&i| dataset.sequences[i as usize].label).collect()
    };
    let of_folds: Vec<(&String, BTreeSet<u32>)> =
        folds.iter().map(|fold| (&fold.name, labels(fold.train().sequences()))).collect();
    let of_people: BTreeSet<(u32, u32)> = dataset.sequences.iter().map(|s| (s.subject, s.label)).collect();
    let people = dataset.people();
    let missing = |(class, name): (usize, &String)| {
        let class = class as u32;
        let folds =
            of_folds.iter().filter(|(_, has)| !has.contains(&class)).map(|(fold, _)| fold.to_string());
        let lacking = people.iter().filter(|&&person| !of_people.contains(&(person, class)));
        let subjects = lacking.map(|&person| dataset.frames.subjects[person as usize].clone());
        let named = dataset.grouping.people == Knowledge::Known;
        MissingClass {
            class: name.clone(),
            folds: folds.collect(),
            subjects: if named { subjects.collect() } else { Vec::new() },
        }
    };
    let all = dataset.class_names.iter().enumerate().map(missing);
    all.filter(|missing| !missing.folds.is_empty() || !missing.subjects.is_empty()).collect()
}
