//! The options of the choice of settings inside the folds.

use serde::{Deserialize, Serialize};

/// The choice of settings inside the folds of a cross-validation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[cfg_attr(feature = "cli", command(next_help_heading = "Choice inside the folds"))]
#[serde(default, deny_unknown_fields)]
pub struct TuningConfig {
    /// Only for crossval: choose this option of the network or the training inside the folds, among these
    /// values, as in lr=1e-3,3e-4. Values that have commas are separated by semicolons, in quotes:
    /// "hidden=32;64,32". Several options make all combinations. Each fold compares them by inner folds of
    /// its own training and validation part, trains the best, and tests it. So no choice sees a test part,
    /// and the scores are those of the whole procedure, choice included. It takes about as long as one run
    /// for each combination and inner fold
    #[cfg_attr(feature = "cli", arg(long, value_name = "OPTION=VALUES"))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tune: Vec<String>,
    /// Number of inner folds by which a fold compares the combinations [default: 5]. They keep together the
    /// groups that the folds keep together
    #[cfg_attr(feature = "cli", arg(long, value_name = "K"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner_folds: Option<usize>,
}

impl TuningConfig {
    /// The number of inner folds.
    pub fn inner_folds(&self) -> usize {
        self.inner_folds.unwrap_or(5)
    }

    /// Whether no option is given.
    pub(super) fn is_absent(&self) -> bool {
        *self == TuningConfig::default()
    }
}
