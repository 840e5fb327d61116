//! What numbers are scaled by: each window by itself, and each feature over many.

use serde::{Deserialize, Serialize};

/// What features are scaled by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Normalize {
    /// Mean 0 and deviation 1 over the training part of each fold.
    Train,
    /// The same for every step of a window by itself: for windows of one length that begin at fixed places.
    TrainSteps,
    /// Mean 0 and deviation 1 over each subject's own frames. TRANSDUCTIVE: it sees the test subjects' signals, though
    /// not their labels.
    Subject,
    /// As they are.
    None,
}

/// What each window is multiplied by, before its features are standardized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// One.
    None,
    /// What makes the sum of its squares one.
    L2,
}

impl Scale {
    /// For a window of these numbers. One of zeros only stays as it is.
    pub fn of(self, numbers: impl Iterator<Item = f64>) -> f64 {
        match self {
            Scale::None => 1.0,
            Scale::L2 => match numbers.map(|x| x * x).sum::<f64>() {
                squares if squares > 0.0 => 1.0 / squares.sqrt(),
                _ => 1.0,
            },
        }
    }
}
