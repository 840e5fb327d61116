//! Galvanic skin response: tonic and phasic conductance, and responses above an absolute amplitude (Boucsein
//! et al., Publication recommendations for electrodermal measurements, Psychophysiology 49, 2012).

use super::family::{Family, GsrUnit};
use super::filter::{Filter, Pass};
use super::measure::{InWindows, Quantity, Value};
use super::moments::{deviation, mean, slope_per_minute};
use super::peaks::maxima;
use std::ops::Range;

/// Conductances of skin in microsiemens (Kleckner et al., IEEE Trans Biomed Eng 65, 2018). A sensor that says
/// something else does not touch skin.
pub const PLAUSIBLE: Range<f64> = 0.05..60.0;

/// The smallest amplitude of a response in microsiemens.
pub const LEAST: f64 = 0.05;

/// The highest frequency of the signal in Hz.
pub const HIGHEST: f64 = 3.0;

/// Separates tonic from phasic conductance, in Hz.
const SPLIT: f64 = 0.05;

/// The quantities of a window.
pub fn quantities() -> Vec<Quantity> {
    vec![
        Quantity::new(Family::Tonic, "tonic", "uS"),
        Quantity::new(Family::Tonic, "tonic slope", "uS/min"),
        Quantity::new(Family::Phasic, "phasic activity", "uS"),
        Quantity::new(Family::Responses, "response rate", "1/min"),
        Quantity::new(Family::Responses, "response amplitude", "uS"),
    ]
}

/// The conductance in microsiemens.
///
/// # Errors
///
/// The number of samples that are no conductance of skin, and the first of them: nothing is clipped.
pub fn conductance(signal: &[f64], unit: GsrUnit) -> Result<Vec<f64>, String> {
    let (name, convert): (_, fn(f64) -> f64) = match unit {
        GsrUnit::Ohm => ("ohm", |x| 1e6 / x),
        GsrUnit::Us => ("uS", |x| x),
    };
    let converted: Vec<f64> = signal.iter().map(|&x| convert(x)).collect();
    let outside: Vec<usize> = (0..signal.len()).filter(|&i| !PLAUSIBLE.contains(&converted[i])).collect();
    match outside.first() {
        None => Ok(converted),
        Some(&first) => Err(format!(
            "{} of {} samples are outside {} to {} uS, the first is {:.6} {name}",
            outside.len(),
            signal.len(),
            PLAUSIBLE.start,
            PLAUSIBLE.end,
            signal[first]
        )),
    }
}

/// A rise of the phasic conductance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Response {
    /// The sample of the minimum before it.
    pub onset: usize,
    /// The sample of its maximum.
    pub peak: usize,
    /// The rise in microsiemens.
    pub amplitude: f64,
}

/// Every maximum that is at least `least` above the last minimum before it.
pub fn responses(phasic: &[f64], least: f64) -> Vec<Response> {
    let troughs = maxima(&phasic.iter().map(|x| -x).collect::<Vec<f64>>());
    let response = |peak: usize| {
        let onset = troughs[..troughs.partition_point(|&trough| trough < peak)].last().copied()?;
        let amplitude = phasic[peak] - phasic[onset];
        (amplitude >= least).then_some(Response { onset, peak, amplitude })
    };
    maxima(phasic).into_iter().filter_map(response).collect()
}

/// The skin conductance of a trial, in microsiemens.
pub struct Skin {
    /// The signal below 3 Hz.
    pub clean: Vec<f64>,
    /// Its part below 0.05 Hz.
    pub tonic: Vec<f64>,
    /// Its part above 0.05 Hz. The sum with the tonic part differs a little from the whole at the ends.
    pub phasic: Vec<f64>,
    /// The responses of [`LEAST`] microsiemens or more.
    pub responses: Vec<Response>,
    rate: f64,
}

impl Skin {
    /// Of a conductance in microsiemens at `rate` Hz.
    pub fn of(conductance: &[f64], rate: f64) -> Self {
        let clean = Filter::new(4, Pass::Low(HIGHEST), rate).apply(conductance);
        let tonic = Filter::new(2, Pass::Low(SPLIT), rate).apply(&clean);
        let phasic = Filter::new(2, Pass::High(SPLIT), rate).apply(&clean);
        let responses = responses(&phasic, LEAST);
        Skin { clean, tonic, phasic, responses, rate }
    }
}

impl InWindows for Skin {
    fn measure(&self, window: Range<usize>) -> Vec<Value> {
        let minutes = window.len() as f64 / self.rate / 60.0;
        let inside = self.responses.iter().filter(|response| window.contains(&response.peak));
        let amplitudes: Vec<f64> = inside.map(|response| response.amplitude).collect();
        // The amplitude of no response counts as 0, and is then called magnitude (Boucsein et al. 2012).
        let amplitude = if amplitudes.is_empty() { 0.0 } else { mean(&amplitudes) };
        let tonic = &self.tonic[window.clone()];
        let values = [
            mean(tonic),
            slope_per_minute(tonic, self.rate),
            deviation(&self.phasic[window]),
            amplitudes.len() as f64 / minutes,
            amplitude,
        ];
        values.map(Ok).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resistance_becomes_conductance_or_is_refused() {
        assert_eq!(conductance(&[250e3, 1e6], GsrUnit::Ohm).unwrap(), [4.0, 1.0]);
        assert_eq!(conductance(&[4.0, 1.0], GsrUnit::Us).unwrap(), [4.0, 1.0]);
        for wrong in [0.0, -250e3, 1e9, 10.0, f64::NAN, f64::INFINITY] {
            let why = conductance(&[250e3, wrong, wrong], GsrUnit::Ohm).unwrap_err();
            assert!(why.contains("2 of 3 samples are outside 0.05 to 60 uS"), "{why}");
        }
    }
}
