//! Respiration: breaths between crossings of zero (Khodadad et al., Optimized breath detection algorithm in
//! electrical impedance tomography, Physiol Meas 39, 2018).

use super::family::Family;
use super::filter::{Filter, Pass};
use super::measure::{InWindows, Quantity, Value};
use super::moments::{deviation, mean, median};
use std::ops::Range;

/// The highest frequency of the signal in Hz.
pub const HIGHEST: f64 = 3.0;

/// The smallest change between two extrema that counts, as a share of the median change.
const LEAST: f64 = 0.3;

/// The quantities of a window.
pub fn quantities() -> Vec<Quantity> {
    vec![
        Quantity::new(Family::Breathing, "rate", "1/min"),
        Quantity::new(Family::Breathing, "depth", "u"),
        Quantity::new(Family::BreathingVariability, "period SD", "s"),
    ]
}

/// The respiration of a trial.
pub struct Respiration {
    /// The signal between 0.05 and 3 Hz.
    pub clean: Vec<f64>,
    /// The sample of the end of each inspiration.
    pub peaks: Vec<usize>,
    /// The sample of the beginning of each, as many.
    pub troughs: Vec<usize>,
    rate: f64,
}

impl Respiration {
    /// Of a signal of `rate` Hz.
    pub fn of(signal: &[f64], rate: f64) -> Self {
        let clean = Filter::new(2, Pass::Band(0.05, HIGHEST), rate).apply(signal);
        let extrema = alternating(&clean, large(&clean, extrema(&clean)));
        let troughs = extrema.iter().step_by(2).copied().collect();
        let peaks = extrema.into_iter().skip(1).step_by(2).collect();
        Respiration { clean, peaks, troughs, rate }
    }
}

/// The greatest or least sample between two crossings of zero, and the first of equals.
fn extrema(clean: &[f64]) -> Vec<usize> {
    let crossings: Vec<usize> =
        (0..clean.len().saturating_sub(1)).filter(|&i| clean[i] * clean[i + 1] < 0.0).collect();
    let extremum = |ends: &[usize]| {
        let sign = -clean[ends[0]].signum();
        let higher = |best: usize, i: usize| if sign * clean[i] > sign * clean[best] { i } else { best };
        (ends[0]..ends[1]).fold(ends[0], higher)
    };
    crossings.windows(2).map(extremum).collect()
}

/// The extrema from which the signal changes enough. Nobody knows how it goes on after the last.
fn large(clean: &[f64], extrema: Vec<usize>) -> Vec<usize> {
    let changes: Vec<f64> = extrema.windows(2).map(|pair| (clean[pair[1]] - clean[pair[0]]).abs()).collect();
    if changes.is_empty() {
        return Vec::new();
    }
    let least = LEAST * median(&changes);
    extrema.into_iter().zip(changes).filter(|(_, change)| *change > least).map(|(i, _)| i).collect()
}

/// The turning points among the extrema, from a trough to a peak.
fn alternating(clean: &[f64], extrema: Vec<usize>) -> Vec<usize> {
    let rises = |pair: [usize; 2]| clean[extrema[pair[1]]] > clean[extrema[pair[0]]];
    let is_turn = |&i: &usize| i == 0 || i + 1 == extrema.len() || rises([i - 1, i]) != rises([i, i + 1]);
    let turns: Vec<usize> = (0..extrema.len()).filter(is_turn).map(|i| extrema[i]).collect();
    let [first, last] = match turns.as_slice() {
        [] | [_] => return Vec::new(),
        [a, b, ..] if clean[*a] > clean[*b] => [1, turns.len()],
        _ => [0, turns.len()],
    };
    let even = (last - first) / 2 * 2;
    turns[first..first + even].to_vec()
}

impl InWindows for Respiration {
    fn measure(&self, window: Range<usize>) -> Vec<Value> {
        let inside: Vec<usize> = (0..self.peaks.len()).filter(|&i| window.contains(&self.peaks[i])).collect();
        let periods: Vec<f64> = inside
            .windows(2)
            .map(|pair| (self.peaks[pair[1]] - self.peaks[pair[0]]) as f64 / self.rate)
            .collect();
        let depths: Vec<f64> =
            inside.iter().map(|&i| self.clean[self.peaks[i]] - self.clean[self.troughs[i]]).collect();
        let needs = |breaths: usize, value: fn(&[f64]) -> f64, of: &[f64]| match inside.len() >= breaths {
            true => Ok(value(of)),
            false => {
                let plural = if inside.len() == 1 { "breath" } else { "breaths" };
                let seconds = window.len() as f64 / self.rate;
                Err(format!("{} {plural} in {seconds} s, expected at least {breaths}", inside.len()))
            }
        };
        vec![
            needs(2, |periods| 60.0 / mean(periods), &periods),
            needs(2, median, &depths),
            needs(3, deviation, &periods),
        ]
    }
}
