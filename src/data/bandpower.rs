//! Power per frequency band by Welch's method.

use super::bands::Band;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Longest input of a Fourier transform in seconds; the resolution is 1 Hz.
const PIECE: f64 = 1.0;

/// Measures the variance of a signal in each band (Welch 1967): the mean of one-sided, Hann-windowed
/// periodograms that overlap by half, in squared units of the signal.
pub struct BandPower {
    fft: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    /// First bin of each band, and the bin after its last.
    bins: Vec<(usize, usize)>,
    /// Factor from squared magnitudes to variance.
    scale: f64,
    piece: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
}

impl BandPower {
    /// The `bands` of frames of `frame` samples at `rate` Hz.
    pub fn new(frame: usize, rate: f64, bands: &[Band]) -> Self {
        let len = frame.min((PIECE * rate).round() as usize).max(1);
        let fft = RealFftPlanner::<f64>::new().plan_fft_forward(len);
        let window: Vec<f64> =
            (0..len).map(|i| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / len as f64).cos()).collect();
        let energy: f64 = window.iter().map(|w| w * w).sum();
        let bin = |hz: f64| ((hz * len as f64 / rate).ceil() as usize).min(len / 2 + 1);
        let bins = bands.iter().map(|band| (bin(band.low), bin(band.high))).collect();
        // 2 for both halves of the spectrum, divided by the window's energy and the number of samples.
        let scale = 2.0 / (energy * len as f64);
        let (piece, spectrum) = (fft.make_input_vec(), fft.make_output_vec());
        BandPower { fft, window, bins, scale, piece, spectrum }
    }

    /// Index of a band that has no bin, because the resolution is so coarse.
    pub fn missing_band(&self) -> Option<usize> {
        self.bins.iter().position(|(from, to)| from >= to)
    }

    /// Width of a bin in Hz at `rate`.
    pub fn resolution(&self, rate: f64) -> f64 {
        rate / self.window.len() as f64
    }

    /// The power of every band in `signal`, a frame of the length given to [`BandPower::new`].
    pub fn measure(&mut self, signal: &[f64]) -> Vec<f64> {
        let len = self.window.len();
        let starts: Vec<usize> = (0..=signal.len() - len).step_by((len / 2).max(1)).collect();
        let mut power = vec![0.0; self.bins.len()];
        for &start in &starts {
            let piece = &signal[start..start + len];
            let mean = piece.iter().sum::<f64>() / len as f64;
            for ((out, &x), w) in self.piece.iter_mut().zip(piece).zip(&self.window) {
                *out = (x - mean) * w;
            }
            self.fft.process(&mut self.piece, &mut self.spectrum).expect("buffers made by this plan");
            for (power, &(from, to)) in power.iter_mut().zip(&self.bins) {
                *power += self.spectrum[from..to.max(from)].iter().map(Complex::norm_sqr).sum::<f64>();
            }
        }
        power.iter_mut().for_each(|sum| *sum = *sum * self.scale / starts.len() as f64);
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
