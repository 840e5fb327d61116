//! Pulse: beats (Elgendi et al., Systolic peak detection in acceleration photoplethysmograms measured from
//! emergency responders in tropical conditions, PLoS ONE 8, 2013), their rate and variability (Task Force of
//! ESC and NASPE, Heart rate variability, Circulation 93, 1996).

use super::family::Family;
use super::filter::{Filter, Pass};
use super::measure::{InWindows, Quantity, Value};
use super::moments::{deviation, mean, median, root_mean_square};
use super::peaks::{maxima, prominence};
use std::ops::Range;

/// The highest frequency of the signal in Hz.
pub const HIGHEST: f64 = 8.0;

/// The lengths in seconds of a systole and of a beat, by which blocks of high values are found.
const SYSTOLE: f64 = 0.111;
const BEAT: f64 = 0.667;
/// The share of the mean square by which a block must stand out.
const OFFSET: f64 = 0.02;
/// The least time between two beats in seconds.
const REFRACTORY: f64 = 0.3;
/// The lengths of an interval between beats in milliseconds.
const INTERVALS: std::ops::RangeInclusive<f64> = 300.0..=2000.0;
/// The greatest difference of an interval from the median of the five around it, as a share of it (a rule of
/// Malik et al., Eur Heart J 10, 1989).
const JUMP: f64 = 0.2;
/// The least share of a window that plausible intervals must cover.
const COVERED: f64 = 0.5;

/// The quantities of a window.
pub fn quantities() -> Vec<Quantity> {
    vec![
        Quantity::new(Family::HeartRate, "heart rate", "1/min"),
        Quantity::new(Family::HeartRateVariability, "SDNN", "ms"),
        Quantity::new(Family::HeartRateVariability, "RMSSD", "ms"),
        Quantity::new(Family::PulseAmplitude, "amplitude", "u"),
    ]
}

/// The pulse of a trial.
pub struct Pulse {
    /// The signal between 0.5 and 8 Hz.
    pub clean: Vec<f64>,
    /// The sample of each systolic peak.
    pub peaks: Vec<usize>,
    /// The time of each in samples: the top of the parabola through the three samples around the peak.
    pub beats: Vec<f64>,
    /// The intervals between successive beats in milliseconds.
    pub intervals: Vec<f64>,
    /// Whether each interval is plausible, and no artifact.
    pub kept: Vec<bool>,
    rate: f64,
}

impl Pulse {
    /// Of a signal of `rate` Hz in which a systole is a maximum.
    pub fn of(signal: &[f64], rate: f64) -> Self {
        let clean = Filter::new(2, Pass::Band(0.5, HIGHEST), rate).apply(signal);
        let peaks = systoles(&clean, rate);
        let beats: Vec<f64> = peaks.iter().map(|&peak| vertex(&clean, peak)).collect();
        let intervals: Vec<f64> = beats.windows(2).map(|pair| (pair[1] - pair[0]) / rate * 1000.0).collect();
        let kept = plausible(&intervals);
        Pulse { clean, peaks, beats, intervals, kept, rate }
    }
}

/// The systolic peaks: the most prominent maximum of each block in which the signal is high for a beat.
fn systoles(clean: &[f64], rate: f64) -> Vec<usize> {
    let samples = |seconds: f64| (seconds * rate).round_ties_even() as usize;
    let squares: Vec<f64> = clean.iter().map(|x| x.max(0.0).powi(2)).collect();
    let (short, long) = (moving_mean(&squares, samples(SYSTOLE)), moving_mean(&squares, samples(BEAT)));
    let offset = OFFSET * mean(&squares);
    let is_high: Vec<bool> = short.iter().zip(&long).map(|(short, long)| *short > long + offset).collect();
    let mut begin = None;
    let mut peaks: Vec<usize> = Vec::new();
    for i in 1..is_high.len() {
        match (is_high[i - 1], is_high[i]) {
            (false, true) => begin = Some(i - 1),
            (true, false) => {
                let Some(begin) = begin.filter(|begin| i > begin + samples(SYSTOLE)) else { continue };
                let block = &clean[begin..i - 1];
                let last = peaks.last().copied().unwrap_or(0);
                let peak = most_prominent(block).map(|peak| begin + peak);
                peaks.extend(peak.filter(|peak| *peak > last + samples(REFRACTORY)));
            }
            _ => {}
        }
    }
    peaks
}

/// The maximum of the greatest prominence, and the first of equals.
fn most_prominent(block: &[f64]) -> Option<usize> {
    let with = |peak: usize| (prominence(block, peak), peak);
    let best =
        maxima(block).into_iter().map(with).reduce(|best, other| if other.0 > best.0 { other } else { best });
    best.map(|(_, peak)| peak)
}

/// The means of `length` samples around each sample; the ends repeat.
fn moving_mean(x: &[f64], length: usize) -> Vec<f64> {
    let at = |i: isize| x[i.clamp(0, x.len() as isize - 1) as usize];
    let (half, length) = ((length / 2) as isize, length as isize);
    let mut sum: f64 = (-half..length - half).map(at).sum();
    let moved = |i: isize| {
        let mean = sum / length as f64;
        sum += at(i - half + length) - at(i - half);
        mean
    };
    (0..x.len() as isize).map(moved).collect()
}

/// The top of the parabola through a maximum and its neighbors: at 128 Hz the rounding to samples alone would
/// add 5.5 ms to RMSSD.
fn vertex(x: &[f64], peak: usize) -> f64 {
    let (left, top, right) = (x[peak - 1], x[peak], x[peak + 1]);
    peak as f64 + 0.5 * (left - right) / (left - 2.0 * top + right)
}

/// Whether each interval is one between two beats.
fn plausible(intervals: &[f64]) -> Vec<bool> {
    let is_plausible = |(i, interval): (usize, &f64)| {
        let around = median(&intervals[i.saturating_sub(2)..(i + 3).min(intervals.len())]);
        INTERVALS.contains(interval) && (interval - around).abs() <= JUMP * around
    };
    intervals.iter().enumerate().map(is_plausible).collect()
}

/// Heart rate and its variability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heart {
    /// Beats per minute.
    pub rate: f64,
    /// The standard deviation of the intervals in milliseconds.
    pub sdnn: f64,
    /// The root mean square of successive differences in milliseconds.
    pub rmssd: f64,
}

/// The heart in these intervals of milliseconds, of which only those that are `kept` count; a difference
/// counts between two of them. Not finite without two intervals, or without a difference.
pub fn heart(intervals: &[f64], kept: &[bool]) -> Heart {
    let good: Vec<f64> = intervals.iter().zip(kept).filter(|(_, kept)| **kept).map(|(x, _)| *x).collect();
    let pairs = intervals.windows(2).zip(kept.windows(2)).filter(|(_, kept)| kept[0] && kept[1]);
    let differences: Vec<f64> = pairs.map(|(pair, _)| pair[1] - pair[0]).collect();
    Heart { rate: 60000.0 / mean(&good), sdnn: deviation(&good), rmssd: root_mean_square(&differences) }
}

impl InWindows for Pulse {
    fn measure(&self, window: Range<usize>) -> Vec<Value> {
        let first = self.peaks.partition_point(|&peak| peak < window.start);
        let beats = self.peaks[first..].iter().take_while(|&&peak| peak < window.end).count();
        let seconds = window.len() as f64 / self.rate;
        if beats < 3 {
            let plural = if beats == 1 { "beat" } else { "beats" };
            let why = format!("{beats} {plural} in {seconds} s, expected at least 3");
            return vec![Err(why); quantities().len()];
        }
        let inside = first..first + beats - 1;
        let (intervals, kept) = (&self.intervals[inside.clone()], &self.kept[inside.clone()]);
        let Heart { rate, sdnn, rmssd } = heart(intervals, kept);
        let covered: f64 =
            intervals.iter().zip(kept).filter(|(_, kept)| **kept).map(|(x, _)| x / 1000.0).sum();
        if covered < COVERED * seconds || !sdnn.is_finite() || !rmssd.is_finite() {
            let why = format!(
                "plausible beats in {covered:.1} of {seconds} s, expected at least {} s",
                COVERED * seconds
            );
            return vec![Err(why); quantities().len()];
        }
        let rise = |i: usize| {
            let between = &self.clean[self.peaks[i]..self.peaks[i + 1]];
            self.clean[self.peaks[i + 1]] - between.iter().copied().fold(f64::INFINITY, f64::min)
        };
        let amplitude = median(&inside.map(rise).collect::<Vec<f64>>());
        [rate, sdnn, rmssd, amplitude].map(Ok).to_vec()
    }
}
