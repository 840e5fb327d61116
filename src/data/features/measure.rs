//! The parts that the features of all modalities share: named quantities, and their measurement in frames or
//! in windows of a trial.

use super::family::Family;
use std::ops::Range;

/// A quantity that is measured in a channel.
#[derive(Clone, Debug)]
pub struct Quantity {
    /// The family that it belongs to.
    pub family: Family,
    /// The name of its frequency band, if it has one.
    pub band: Option<String>,
    /// Its name: `heart rate`.
    pub name: String,
    /// Its unit, where `u` is the unit of the signal and `1` none.
    pub unit: &'static str,
}

impl Quantity {
    /// A quantity without a frequency band.
    pub fn new(family: Family, name: &str, unit: &'static str) -> Self {
        Quantity { family, band: None, name: name.into(), unit }
    }
}

/// A number, or the reason why there is none.
pub type Value = Result<f64, String>;

/// Measures the quantities of a fast signal.
pub trait InFrames {
    /// Those of one frame.
    fn measure(&mut self, frame: &[f64]) -> Vec<Value>;
}

/// Measures the quantities of a slow signal, of which the whole trial is known.
pub trait InWindows {
    /// Those of the window of these samples of the trial.
    fn measure(&self, window: Range<usize>) -> Vec<Value>;
}
