//! Scaling of each window by itself, and normalization of each feature over many windows.

use serde::{Deserialize, Serialize};

/// The data by whose mean and standard deviation features are standardized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Normalize {
    /// The training part of each fold: mean 0 and standard deviation 1 there.
    Train,
    /// The training part of each fold, separately for every time step of a window. Only for windows of one
    /// length that start at fixed times.
    TrainSteps,
    /// All frames of each subject. TRANSDUCTIVE: this uses the signals of test subjects, though not their
    /// labels.
    Subject,
    /// No normalization.
    None,
}

/// The scaling of each window by itself, before its features are standardized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// No scaling.
    None,
    /// Divide the window by its L2 norm, so that the squares of its values add up to 1.
    L2,
}

impl Scale {
    /// The factor for a window with these values. A window of zeros has the factor 1.
    pub fn of(self, values: impl Iterator<Item = f64>) -> f64 {
        match self {
            Scale::None => 1.0,
            Scale::L2 => match values.map(|x| x * x).sum::<f64>() {
                squares if squares > 0.0 => 1.0 / squares.sqrt(),
                _ => 1.0,
            },
        }
    }
}
