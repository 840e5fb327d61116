//! The grouping of a data set: what is known of the people, trials and stimuli behind its windows.
//!
//! A split can keep apart only groups that are known. Where nobody knows them, scores must say so.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// How far the groups of one kind are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Knowledge {
    /// The data name the group of each window.
    Known,
    /// Each case of an archive counts as a group. Nobody knows whether cases belong together.
    Assumed,
    /// Each window counts as a group, because the user promised that no two were cut from one series.
    Promised,
    /// The data do not name the groups.
    Unknown,
}

impl Knowledge {
    /// The name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Knowledge::Known => "known",
            Knowledge::Assumed => "assumed",
            Knowledge::Promised => "promised",
            Knowledge::Unknown => "unknown",
        }
    }
}

/// The knowledge of the people, trials and stimuli behind the windows of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grouping {
    /// The person of each window.
    pub people: Knowledge,
    /// The trial of each window: the series that it was cut from.
    pub trials: Knowledge,
    /// The stimulus of each trial, equal for all subjects.
    pub stimuli: Knowledge,
}

impl Grouping {
    /// Everything is known, as in DEAP.
    pub const KNOWN: Grouping =
        Grouping { people: Knowledge::Known, trials: Knowledge::Known, stimuli: Knowledge::Known };

    /// Nothing is known.
    pub const UNKNOWN: Grouping =
        Grouping { people: Knowledge::Unknown, trials: Knowledge::Unknown, stimuli: Knowledge::Unknown };

    /// The cases of an archive that names neither people nor stimuli. Each counts as one trial.
    pub const CASES: Grouping = Grouping { trials: Knowledge::Assumed, ..Grouping::UNKNOWN };

    /// Windows with or without arrays that name their people and trials.
    pub fn of_windows(people: bool, trials: bool) -> Self {
        let knowledge = |known| if known { Knowledge::Known } else { Knowledge::Unknown };
        Grouping { people: knowledge(people), trials: knowledge(trials), ..Grouping::UNKNOWN }
    }

    /// The grouping after the user's promise that no two windows of the file were cut from one series.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the data name their trials themselves.
    pub fn promised(self) -> Result<Self> {
        match self.trials {
            Knowledge::Known => {
                Err(Error::config("these data name the trial of each window, so there is nothing to promise")
                    .hint("leave `promise_independent_windows` out"))
            }
            _ => Ok(Grouping { trials: Knowledge::Promised, ..self }),
        }
    }

    /// Whether the data name the person of each window.
    pub fn knows_people(&self) -> bool {
        self.people == Knowledge::Known
    }

    /// Whether there are trials to keep together: known, assumed or promised ones.
    pub fn has_trials(&self) -> bool {
        self.trials != Knowledge::Unknown
    }

    /// Whether the data name the stimulus of each trial.
    pub fn shares_stimuli(&self) -> bool {
        self.stimuli == Knowledge::Known
    }

    /// The grouping in one line.
    pub fn describe(&self) -> String {
        let Grouping { people, trials, stimuli } = self;
        let counts_as = match trials {
            Knowledge::Assumed => " (each case counts as one)",
            Knowledge::Promised => " by the user (each window counts as one)",
            Knowledge::Unknown => " (each window counts as one in the scores)",
            Knowledge::Known => "",
        };
        let one = if self.knows_people() { "" } else { " (all windows count as one person's)" };
        let prefix = match self.knows_people() || *trials == Knowledge::Known {
            true => "grouping",
            false => "grouping unknown",
        };
        format!(
            "{prefix}: people {}{one}, trials {}{counts_as}, stimuli {}",
            people.name(),
            trials.name(),
            stimuli.name()
        )
    }

    /// The number of people and trials in words, as far as they are known.
    pub fn count(&self, people: usize, trials: usize) -> String {
        let people = if self.knows_people() { format!("{people} subjects") } else { "people unknown".into() };
        let trials = if self.has_trials() { format!("{trials} trials") } else { "trials unknown".into() };
        format!("{people}, {trials}")
    }

    /// The leak that the missing knowledge may hide, or the promise that replaces it. `None` if people and
    /// trials are known.
    pub fn caution(&self) -> Option<&'static str> {
        match (self.trials, self.knows_people()) {
            (Knowledge::Promised, true) => Some(PROMISE),
            (Knowledge::Promised, false) => Some(PROMISE_AND_PEOPLE),
            // A split by subject keeps unknown trials apart, and no other is made by groups.
            (Knowledge::Known | Knowledge::Unknown, true) => None,
            (Knowledge::Known, false) => Some(
                "people unknown: nobody knows whether trials of one person are on both sides of the split",
            ),
            (Knowledge::Assumed, _) => Some(
                "grouping unknown: nobody knows whether cases of one person are on both sides of the split",
            ),
            (Knowledge::Unknown, false) => Some(
                "grouping unknown: nobody knows whether windows of one trial or person are on both sides of the split",
            ),
        }
    }
}

const PROMISE: &str = "promised by the user, not checked: no two windows were cut from one series";
const PROMISE_AND_PEOPLE: &str = "promised by the user, not checked: no two windows were cut from one series; people unknown: nobody \
     knows whether windows of one person are on both sides of the split";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_for_windows_whose_trials_nobody_names() {
        let promised = Grouping::of_windows(true, false).promised().unwrap();
        assert!(promised.has_trials() && promised.caution().unwrap().contains("promised by the user"));
        assert!(
            Grouping::KNOWN.promised().unwrap_err().hint.unwrap().contains("promise_independent_windows")
        );
    }

    #[test]
    fn unknown_grouping_is_called_so() {
        assert_eq!(Grouping::KNOWN.describe(), "grouping: people known, trials known, stimuli known");
        assert_eq!(Grouping::KNOWN.caution(), None);
        for grouping in [Grouping::UNKNOWN, Grouping::CASES] {
            assert!(grouping.describe().starts_with("grouping unknown: people unknown"), "{grouping:?}");
        }
        for grouping in [Grouping::UNKNOWN, Grouping::CASES, Grouping::of_windows(false, true)] {
            assert!(grouping.caution().unwrap().contains("nobody knows"), "{grouping:?}");
        }
    }
}
