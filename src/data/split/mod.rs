//! Who is trained on and who is tested: splits by group, made before anything is fitted, and audited.

mod audit;
mod build;
mod file;
mod sklearn;

pub use audit::{FoldAudit, Leak};
pub use build::SplitSpec;

use super::sequences::{Dataset, Sequence};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// What never stands on both sides of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum SplitKind {
    /// Nothing but the window itself. LEAKY: windows of one trial stand on both sides, and a network that recognises the
    /// trial looks as if it recognised the emotion. For comparison with published figures only.
    Window,
    /// The same in one fold: random windows for testing, as many for validation (`--validation` is their share, each), the rest for
    /// training, index for index those of scikit-learn's `train_test_split`. LEAKY, like `window`.
    WindowHoldout,
    /// No trial: new trials of known subjects.
    Trial,
    /// No trial, and each fold is one subject's: models of one person each.
    TrialWithinSubject,
    /// No subject: new people. Leave-one-subject-out unless `--folds` says how many groups.
    Subject,
    /// No stimulus: new videos, known subjects.
    Stimulus,
    /// Neither subject nor stimulus.
    SubjectStimulus,
    /// The data set's own TRAIN and TEST parts.
    Predefined,
}

impl SplitKind {
    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            SplitKind::Window => "window",
            SplitKind::WindowHoldout => "window-holdout",
            SplitKind::Trial => "trial",
            SplitKind::TrialWithinSubject => "trial-within-subject",
            SplitKind::Subject => "subject",
            SplitKind::Stimulus => "stimulus",
            SplitKind::SubjectStimulus => "subject-stimulus",
            SplitKind::Predefined => "predefined",
        }
    }

    /// Whether results may be far too good.
    pub fn is_leaky(self) -> bool {
        matches!(self, SplitKind::Window | SplitKind::WindowHoldout)
    }

    /// The groups that a sequence belongs to, none of which may stand in two parts of a fold.
    fn groups(self, index: u32, s: &Sequence) -> Vec<(u8, u32, u32)> {
        match self {
            SplitKind::Window | SplitKind::WindowHoldout => vec![(0, index, 0)],
            SplitKind::Trial | SplitKind::TrialWithinSubject | SplitKind::Predefined => {
                vec![(1, s.subject, s.trial)]
            }
            SplitKind::Subject => vec![(2, s.subject, 0)],
            SplitKind::Stimulus => vec![(3, s.trial, 0)],
            SplitKind::SubjectStimulus => vec![(2, s.subject, 0), (3, s.trial, 0)],
        }
    }
}

/// Indices of sequences by part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {
    pub name: String,
    train: Vec<u32>,
    validation: Vec<u32>,
    test: Vec<u32>,
}

/// The training part of a fold: the only thing that anything can be fitted on.
#[derive(Clone, Copy)]
pub struct Train<'a>(&'a [u32]);

impl<'a> Train<'a> {
    pub fn sequences(self) -> &'a [u32] {
        self.0
    }
}

impl Fold {
    pub fn train(&self) -> Train<'_> {
        Train(&self.train)
    }

    pub fn validation(&self) -> &[u32] {
        &self.validation
    }

    pub fn test(&self) -> &[u32] {
        &self.test
    }
}

/// Folds that passed the audit: there is no other way to make one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Split {
    kind: SplitKind,
    /// Of the data set that the indices point into.
    dataset: String,
    folds: Vec<Fold>,
}

impl Split {
    /// Checks the folds against what `kind` promises; a violation is an error that names it.
    pub fn new(kind: SplitKind, folds: Vec<Fold>, dataset: &Dataset) -> Result<Self> {
        if folds.is_empty() {
            return Err(Error::data("a split without folds"));
        }
        for (number, fold) in folds.iter().enumerate() {
            if folds[..number].iter().any(|other| other.name == fold.name) {
                return Err(Error::data(format!("two folds are called {}", fold.name))
                    .hint("predictions are kept by fold name: give each its own"));
            }
            audit::check(kind, fold, dataset).map_err(|e| e.at(format!("fold {}", fold.name)))?;
        }
        Ok(Split { kind, dataset: dataset.hash(), folds })
    }

    pub fn kind(&self) -> SplitKind {
        self.kind
    }

    pub fn folds(&self) -> &[Fold] {
        &self.folds
    }

    /// What each fold's test windows share with its training windows.
    pub fn audit(&self, dataset: &Dataset) -> Vec<FoldAudit> {
        self.folds.iter().map(|fold| audit::describe(fold, dataset)).collect()
    }
}
