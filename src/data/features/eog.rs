//! EOG: blinks by their shape (Makowski et al., NeuroKit2, Behav Res Methods 53, 2021), and power below 4 Hz.

use super::family::Family;
use super::filter::{Filter, Pass};
use super::measure::{InFrames, InWindows, Quantity, Value};
use super::moments::{deviation, mean};
use super::peaks::{maxima, prominence};
use crate::data::bandpower::BandPower;
use crate::data::bands::Band;
use std::ops::Range;

/// The highest frequency of a blink in Hz.
pub const HIGHEST: f64 = 7.5;

/// Standard deviations above the mean by which the prominence of a blink stands out.
const TALL: f64 = 1.25;
/// The least time between two blinks in seconds.
const APART: f64 = 0.2;
/// The time before the maximum at which its second begins.
const BEFORE: f64 = 0.4;
/// The greatest root mean square difference from the shape of a blink.
const ALIKE: f64 = 0.33;

/// The quantities of a frame.
pub fn frame_quantities() -> Vec<Quantity> {
    vec![Quantity::new(Family::SlowPower, "log power below 4 Hz", "ln u^2")]
}

/// The quantities of a window.
pub fn window_quantities() -> Vec<Quantity> {
    vec![Quantity::new(Family::Blinks, "blink rate", "1/min")]
}

/// Measures the power of slow movements of the eyes.
pub struct SlowPower(BandPower);

impl SlowPower {
    /// For frames of `frame` samples at `rate` Hz: the frequencies above 0 and below 4 Hz. The spectrum is
    /// that of up to 4 s.
    pub fn new(frame: usize, rate: f64) -> Self {
        let piece = frame.min((4.0 * rate).round() as usize).max(1);
        // The mean is no movement, so the band begins within the first bin.
        let low = 0.5 * rate / piece as f64;
        SlowPower(BandPower::of_pieces(piece, rate, &[Band { name: "slow".into(), low, high: 4.0 }]))
    }

    /// Whether frames are long enough to tell a frequency below 4 Hz from the mean.
    pub fn is_resolved(&self) -> bool {
        self.0.missing_band().is_none()
    }

    /// The power in squared units of the signal.
    pub fn power(&mut self, signal: &[f64]) -> f64 {
        self.0.measure(signal)[0]
    }
}

impl InFrames for SlowPower {
    fn measure(&mut self, frame: &[f64]) -> Vec<Value> {
        vec![Ok(self.power(frame).ln())]
    }
}

/// The blinks of a trial, and the steps by which they are found.
pub struct Blinks {
    /// The signal between 0.25 and 7.5 Hz.
    pub clean: Vec<f64>,
    /// The maxima whose prominence stands out.
    pub tall: Vec<usize>,
    /// Those of them that do not follow another at once.
    pub apart: Vec<usize>,
    /// The difference of each of these from the shape of a blink; `None` too near an end.
    pub distances: Vec<Option<f64>>,
    /// Those of them that have the shape.
    pub peaks: Vec<usize>,
    rate: f64,
}

impl Blinks {
    /// Of a signal of `rate` Hz in which blinks are maxima.
    pub fn of(signal: &[f64], rate: f64) -> Self {
        let clean = Filter::new(6, Pass::Band(0.25, HIGHEST), rate).apply(signal);
        let tall = tall(&clean);
        let apart = apart(&tall, rate);
        let shape = shape(rate.round() as usize);
        let distances: Vec<Option<f64>> =
            apart.iter().map(|&peak| distance(&clean, peak, &shape, rate)).collect();
        let is_blink = |distance: &Option<f64>| distance.is_some_and(|distance| distance < ALIKE);
        let peaks =
            apart.iter().zip(&distances).filter(|(_, d)| is_blink(d)).map(|(&peak, _)| peak).collect();
        Blinks { clean, tall, apart, distances, peaks, rate }
    }
}

fn tall(clean: &[f64]) -> Vec<usize> {
    let maxima = maxima(clean);
    let heights: Vec<f64> = maxima.iter().map(|&peak| prominence(clean, peak)).collect();
    if heights.len() < 2 {
        return maxima;
    }
    let least = mean(&heights) + TALL * deviation(&heights);
    maxima.into_iter().zip(heights).filter(|(_, height)| *height >= least).map(|(peak, _)| peak).collect()
}

/// Each peak that is far enough from the one before it; the first, if peaks are so in the mean.
fn apart(peaks: &[usize], rate: f64) -> Vec<usize> {
    let far = |from: usize, to: usize, count: usize| (to - from) as f64 / rate > APART * count as f64;
    let keeps = |&i: &usize| match i {
        0 => peaks.len() == 1 || far(peaks[0], peaks[peaks.len() - 1], peaks.len() - 1),
        _ => far(peaks[i - 1], peaks[i], 1),
    };
    (0..peaks.len()).filter(keeps).map(|i| peaks[i]).collect()
}

/// The shape of a blink in `samples` samples, which are a second: a gamma density, scaled to a maximum of 1.
pub fn shape(samples: usize) -> Vec<f64> {
    let density = |i: usize| {
        let x = (10.0 * i as f64 / (samples as f64 - 1.0) - 2.659) / 0.317;
        if x > 0.0 { x.powf(4.172) * (-x).exp() } else { 0.0 }
    };
    let shape: Vec<f64> = (0..samples).map(density).collect();
    let top = shape.iter().copied().fold(0.0, f64::max);
    shape.into_iter().map(|x| x / top).collect()
}

/// The root mean square difference of the second around a peak, scaled to 0 to 1, from the shape.
fn distance(clean: &[f64], peak: usize, shape: &[f64], rate: f64) -> Option<f64> {
    let start = peak.checked_sub((BEFORE * rate).ceil() as usize)?;
    let part = clean.get(start..start + shape.len())?;
    let low = part.iter().copied().fold(f64::INFINITY, f64::min);
    let high = part.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let squares = part.iter().zip(shape).map(|(x, shape)| ((x - low) / (high - low) - shape).powi(2));
    Some((squares.sum::<f64>() / shape.len() as f64).sqrt())
}

impl InWindows for Blinks {
    fn measure(&self, window: Range<usize>) -> Vec<Value> {
        let minutes = window.len() as f64 / self.rate / 60.0;
        vec![Ok(self.peaks.iter().filter(|peak| window.contains(peak)).count() as f64 / minutes)]
    }
}
