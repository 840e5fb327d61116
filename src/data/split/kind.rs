//! The kinds of splits: which groups stay together.

use crate::data::sequences::Sequence;
use serde::{Deserialize, Serialize};

/// The groups that a split keeps together: no group has windows in both the training and the test part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum SplitKind {
    /// Single windows, in random order. LEAKY: windows of one trial are in both parts, so a network that
    /// recognizes the trial seems to recognize the emotion. Use it only to compare with published results.
    Window,
    /// Single windows, in one fold. The validation share applies twice, to the validation and to the test
    /// part. The parts are those of train_test_split in scikit-learn. LEAKY in the same way.
    WindowHoldout,
    /// Trials. Tests on new trials of the training subjects.
    Trial,
    /// Trials, with folds of one subject each. Tests models that are trained for a single person.
    TrialWithinSubject,
    /// Subjects. Tests on new people; leave-one-subject-out, unless the number of folds is given.
    Subject,
    /// Stimuli. Tests on new videos and the training subjects.
    Stimulus,
    /// Subjects and stimuli. Tests on new people who watch new videos.
    SubjectStimulus,
    /// The TRAIN and TEST parts of the data set itself.
    Predefined,
    /// No test part: one network is trained on all data, for use on others, and nothing is scored. The
    /// validation part is cut by trial, or by subject where only people are known.
    All,
}

impl SplitKind {
    /// The name on the command line and in files.
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
            SplitKind::All => "all",
        }
    }

    /// Whether windows of one trial can be in both parts, so that scores may be far too high.
    pub fn is_leaky(self) -> bool {
        matches!(self, SplitKind::Window | SplitKind::WindowHoldout)
    }

    /// Whether the test asks about new stimuli, which all people share: their scores are then not
    /// independent.
    pub fn keeps_stimuli_apart(self) -> bool {
        matches!(self, SplitKind::Stimulus | SplitKind::SubjectStimulus)
    }

    /// The kind of folds inside the training part of a fold of this kind. A training part has no part of its
    /// archive's own for the test: where `by_trial`, its folds are of trials, and else of people. A holdout
    /// becomes folds of windows.
    pub fn inner(self, by_trial: bool) -> SplitKind {
        match self {
            SplitKind::WindowHoldout => SplitKind::Window,
            SplitKind::Predefined if by_trial => SplitKind::Trial,
            SplitKind::Predefined => SplitKind::Subject,
            own => own,
        }
    }

    /// The groups of a sequence. No group may be in two parts of a fold.
    pub(super) fn groups(self, index: u32, s: &Sequence) -> Vec<(u8, u32, u32)> {
        match self {
            SplitKind::Window | SplitKind::WindowHoldout => vec![(0, index, 0)],
            SplitKind::Trial | SplitKind::TrialWithinSubject | SplitKind::Predefined | SplitKind::All => {
                vec![(1, s.subject, s.trial)]
            }
            SplitKind::Subject => vec![(2, s.subject, 0)],
            SplitKind::Stimulus => vec![(3, s.stimulus, 0)],
            SplitKind::SubjectStimulus => vec![(2, s.subject, 0), (3, s.stimulus, 0)],
        }
    }
}
