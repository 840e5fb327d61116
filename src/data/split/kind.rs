//! What a split keeps apart.

use crate::data::sequences::Sequence;
use serde::{Deserialize, Serialize};

/// What never stands on both sides of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum SplitKind {
    /// Nothing but the window itself. LEAKY: windows of one trial stand on both sides, and a network that recognizes the
    /// trial looks as if it recognized the emotion. For comparison with published figures only.
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
    pub(super) fn groups(self, index: u32, s: &Sequence) -> Vec<(u8, u32, u32)> {
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
