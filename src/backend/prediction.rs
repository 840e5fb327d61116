//! Predicted times of launches, for `engine profile` on a machine without the device.

use serde::Serialize;
use std::fmt;

/// The reason for the predicted time of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Its machine code, with the main loop as often as its arguments say.
    Loop,
    /// Its machine code, with the main loop once, because its arguments do not say how often.
    Once,
    /// Its bytes over the bandwidth of memory.
    Memory,
    /// Its bytes over the bandwidth of the L2 cache.
    L2,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(match self {
            Rule::Loop => "loop",
            Rule::Once => "once",
            Rule::Memory => "memory",
            Rule::L2 => "l2",
        })
    }
}

/// The predicted time of one launch.
#[derive(Clone, Copy, Debug)]
pub struct PredictedLaunch {
    /// Label of the kernel.
    pub kernel: &'static str,
    /// Its time in a queue of launches, in microseconds.
    pub us: f64,
    /// The reason for it.
    pub rule: Rule,
    /// Whether the error of predictions is known for such kernels.
    pub has_record: bool,
}

/// The predicted times of launches, one behind the other.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// The device for which they are predicted.
    pub device: &'static str,
    /// By how much a prediction of a whole training step may be off, as a share of the measured time.
    pub error: f64,
    /// The launches, in their order.
    pub launches: Vec<PredictedLaunch>,
}
