//! Power per frequency band by Welch's method.

use super::bands::Band;
use super::welch::Welch;
use crate::error::{Error, Result};
use realfft::num_complex::Complex;

/// Longest input of a Fourier transform in seconds; the resolution is 1 Hz.
const PIECE: f64 = 1.0;

/// Measures the variance of a signal in each band, in squared units of the signal.
pub struct BandPower {
    welch: Welch,
    /// First bin of each band, and the bin after its last.
    bins: Vec<(usize, usize)>,
}

impl BandPower {
    /// The `bands` of frames of `frame` samples at `rate` Hz.
    pub fn new(frame: usize, rate: f64, bands: &[Band]) -> Self {
        BandPower::of_pieces(frame.min((PIECE * rate).round() as usize).max(1), rate, bands)
    }

    /// The `bands` of signals at `rate` Hz that are transformed in pieces of `piece` samples.
    pub fn of_pieces(piece: usize, rate: f64, bands: &[Band]) -> Self {
        let bin = |hz: f64| ((hz * piece as f64 / rate).ceil() as usize).min(piece / 2 + 1);
        let bins = bands.iter().map(|band| (bin(band.low), bin(band.high))).collect();
        BandPower { welch: Welch::new(piece), bins }
    }

    /// Index of a band that has no bin, because the resolution is so coarse.
    pub fn missing_band(&self) -> Option<usize> {
        self.bins.iter().position(|(from, to)| from >= to)
    }

    /// Refuses frames of `seconds` that are too short for one of the `bands`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with the band.
    pub fn check(&self, bands: &[Band], seconds: f64, rate: f64) -> Result<()> {
        let Some(band) = self.missing_band().map(|band| &bands[band]) else { return Ok(()) };
        Err(Error::config(format!(
            "frames of {seconds} s are too short for the {} band, {} to {} Hz: they resolve {:.3} Hz",
            band.name,
            band.low,
            band.high,
            self.welch.resolution(rate)
        ))
        .hint("use a larger `frame_length`, up to 1 s, or wider `bands`"))
    }

    /// The power of every band in `signal`, a frame of the length given to [`BandPower::new`].
    pub fn measure(&mut self, signal: &[f64]) -> Vec<f64> {
        let mut power = vec![0.0; self.bins.len()];
        let pieces = self.welch.each(signal, |spectrum| {
            for (power, &(from, to)) in power.iter_mut().zip(&self.bins) {
                *power += spectrum[from..to.max(from)].iter().map(Complex::norm_sqr).sum::<f64>();
            }
        });
        let scale = self.welch.scale();
        power.iter_mut().for_each(|sum| *sum = *sum * scale / pieces as f64);
        power
    }
}

/// Differential entropy in nats of a Gaussian with this variance: `0.5 ln(2 pi e variance)` (Shi et al.
/// 2013).
pub fn differential_entropy(variance: f64) -> f64 {
    0.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E * variance).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::bands::default_bands;

    #[test]
    fn a_sine_has_half_its_squared_amplitude_in_its_band() {
        let rate = 128.0;
        for (band, hz) in [(0, 6.0), (1, 10.0), (2, 20.0), (3, 40.0)] {
            let signal: Vec<f64> = (0..256)
                .map(|i| 3.0 * (std::f64::consts::TAU * hz * f64::from(i) / rate).sin() + 100.0)
                .collect();
            let power = BandPower::new(256, rate, &default_bands()).measure(&signal);
            assert!((power[band] - 4.5).abs() < 1e-3, "{hz} Hz: {power:?}");
            let rest: f64 = power.iter().sum::<f64>() - power[band];
            assert!(rest < 1e-3, "{hz} Hz leaks: {power:?}");
        }
    }

    #[test]
    fn white_noise_has_power_in_proportion_to_bandwidth() {
        let mut random = crate::random::Random::new(3, crate::random::Stream::Demo, [0, 0]);
        let signal: Vec<f64> = (0..128 * 200).map(|_| random.normal()).collect();
        let power = BandPower::new(signal.len(), 128.0, &default_bands()).measure(&signal);
        for (band, power) in default_bands().into_iter().zip(power) {
            let expected = (band.high - band.low) / 64.0;
            assert!((power / expected - 1.0).abs() < 0.1, "{band} Hz: {power}, expected {expected}");
        }
        assert!((differential_entropy(1.0) - 1.418_938_533_204_672_7).abs() < 1e-12);
    }
}
