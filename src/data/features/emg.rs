//! EMG: amplitude and median frequency (De Luca 1997; Stulen and De Luca 1981).

use super::family::Family;
use super::measure::{InFrames, Quantity, Value};
use super::moments::variance;
use crate::data::welch::Welch;

/// The quantities of a frame.
pub fn quantities() -> Vec<Quantity> {
    vec![
        Quantity::new(Family::Rms, "log RMS", "ln u"),
        Quantity::new(Family::MedianFrequency, "median frequency", "Hz"),
    ]
}

/// The natural logarithm of the root mean square about the mean.
pub fn log_rms(signal: &[f64]) -> f64 {
    0.5 * variance(signal).ln()
}

/// Measures a frame of EMG.
pub struct Emg {
    welch: Welch,
    rate: f64,
}

impl Emg {
    /// For frames of `frame` samples at `rate` Hz.
    pub fn new(frame: usize, rate: f64) -> Self {
        Emg { welch: Welch::new(frame.min(rate.round() as usize)), rate }
    }

    /// The frequency in Hz below which half of the power is, on the grid of the spectrum; `None` without
    /// power.
    pub fn median_frequency(&mut self, signal: &[f64]) -> Option<f64> {
        let power = self.welch.power(signal);
        let half = power.iter().sum::<f64>() / 2.0;
        let mut sum = 0.0;
        let bin = power.iter().position(|power| {
            sum += power;
            sum >= half
        });
        bin.filter(|_| half > 0.0).map(|bin| bin as f64 * self.welch.resolution(self.rate))
    }
}

impl InFrames for Emg {
    fn measure(&mut self, frame: &[f64]) -> Vec<Value> {
        let median = self.median_frequency(frame).ok_or_else(|| "a frame without power".to_string());
        vec![Ok(log_rms(frame)), median]
    }
}
