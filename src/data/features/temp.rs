//! Skin temperature: level and slope.

use super::family::Family;
use super::measure::{InWindows, Quantity, Value};
use super::moments::{mean, slope_per_minute};
use std::ops::Range;

/// The quantities of a window.
pub fn quantities() -> Vec<Quantity> {
    [("level", "u"), ("slope", "u/min")]
        .map(|(name, unit)| Quantity::new(Family::Temperature, name, unit))
        .to_vec()
}

/// The temperature of a trial.
pub struct Temperature<'a> {
    signal: &'a [f64],
    rate: f64,
}

impl<'a> Temperature<'a> {
    /// Of a signal of `rate` Hz.
    pub fn of(signal: &'a [f64], rate: f64) -> Self {
        Temperature { signal, rate }
    }
}

impl InWindows for Temperature<'_> {
    fn measure(&self, window: Range<usize>) -> Vec<Value> {
        let signal = &self.signal[window];
        vec![Ok(mean(signal)), Ok(slope_per_minute(signal, self.rate))]
    }
}
