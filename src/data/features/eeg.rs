//! EEG: differential entropy per band (Shi, Jiao and Lu 2013; Duan, Zhu and Lu 2013), Hjorth's parameters
//! (Hjorth 1970), and pairs of electrodes for asymmetries.

use super::family::Family;
use super::measure::{InFrames, Quantity, Value};
use super::moments::variance;
use crate::data::bandpower::{BandPower, differential_entropy};
use crate::data::bands::Band;
use crate::data::electrodes::is_electrode;

/// Hjorth's parameters of a signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hjorth {
    /// The variance, in squared units of the signal.
    pub activity: f64,
    /// The root of the ratio of the variances of differences and samples: a mean frequency per sample.
    pub mobility: f64,
    /// The mobility of the differences over that of the samples: 1 for a slow sine.
    pub complexity: f64,
}

/// Hjorth's parameters of at least three samples; not finite for a constant signal.
pub fn hjorth(signal: &[f64]) -> Hjorth {
    let differences = |x: &[f64]| x.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<f64>>();
    let first = differences(signal);
    let [activity, change, curvature] = [variance(signal), variance(&first), variance(&differences(&first))];
    let mobility = (change / activity).sqrt();
    Hjorth { activity, mobility, complexity: (curvature / change).sqrt() / mobility }
}

/// Indices of left and right electrodes: an odd number in the 10-20 system, and the next even one.
pub fn pairs(names: &[&str]) -> Vec<(usize, usize)> {
    let parts = |name: &str| {
        let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
        if !is_electrode(name) {
            return None;
        }
        Some((letters.to_lowercase(), name[letters.len()..].parse::<u32>().ok()?))
    };
    let right_of = |name: &str| {
        let (letters, number) = parts(name).filter(|(letters, n)| n % 2 == 1 && !letters.is_empty())?;
        names.iter().position(|other| parts(other) == Some((letters.clone(), number + 1)))
    };
    names.iter().enumerate().filter_map(|(left, name)| Some((left, right_of(name)?))).collect()
}

/// The quantities of a frame: the entropies first, band by band.
pub fn quantities(bands: &[Band]) -> Vec<Quantity> {
    let hjorth = [("log activity", "ln u^2"), ("mobility", "1"), ("complexity", "1")];
    let entropies = bands.iter().map(|band| banded(Family::Entropy, band, "entropy", "nats"));
    entropies.chain(hjorth.map(|(name, unit)| Quantity::new(Family::Hjorth, name, unit))).collect()
}

/// The quantities of a pair of electrodes: a difference and a ratio for each band.
pub fn pair_quantities(bands: &[Band]) -> Vec<Quantity> {
    let of_band = |band| {
        [
            banded(Family::Asymmetry, band, "asymmetry", "nats"),
            banded(Family::RationalAsymmetry, band, "rational asymmetry", "1"),
        ]
    };
    bands.iter().flat_map(of_band).collect()
}

/// The quantities of [`pair_quantities`]: DASM and RASM (Duan, Zhu and Lu 2013) of the entropies of a left
/// and a right electrode in one band.
pub fn asymmetries(left: f64, right: f64) -> [f64; 2] {
    [left - right, left / right]
}

fn banded(family: Family, band: &Band, name: &str, unit: &'static str) -> Quantity {
    let name = format!("{} {name}", band.name);
    Quantity { band: Some(band.name.clone()), ..Quantity::new(family, &name, unit) }
}

/// Measures a frame of EEG.
pub struct Eeg(BandPower);

impl Eeg {
    /// For frames of `frame` samples at `rate` Hz.
    pub fn new(frame: usize, rate: f64, bands: &[Band]) -> Self {
        Eeg(BandPower::new(frame, rate, bands))
    }
}

impl InFrames for Eeg {
    fn measure(&mut self, frame: &[f64]) -> Vec<Value> {
        let entropies = self.0.measure(frame).into_iter().map(differential_entropy);
        let Hjorth { activity, mobility, complexity } = hjorth(frame);
        entropies.chain([activity.ln(), mobility, complexity]).map(Ok).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn electrodes_pair_by_number() {
        let names = ["Fp1", "Cz", "F10", "fp2", "F9", "T7", "1", "2"];
        assert_eq!(pairs(&names), [(0, 3), (4, 2)]);
        let deap = crate::data::deap::channels::NAMES;
        assert_eq!(pairs(&deap[..32]).len(), 14);
    }
}
