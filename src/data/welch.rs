//! Spectra by Welch's method (Welch, The use of fast Fourier transform for the estimation of power spectra,
//! 1967): one-sided, Hann-windowed periodograms of pieces that overlap by half.

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Transforms the pieces of a signal.
pub struct Welch {
    fft: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    scale: f64,
    piece: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
}

impl Welch {
    /// With pieces of so many samples, at least 1.
    pub fn new(piece: usize) -> Self {
        let fft = RealFftPlanner::<f64>::new().plan_fft_forward(piece);
        let window: Vec<f64> =
            (0..piece).map(|i| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / piece as f64).cos()).collect();
        let energy: f64 = window.iter().map(|w| w * w).sum();
        let scale = 2.0 / (energy * window.len() as f64);
        let (piece, spectrum) = (fft.make_input_vec(), fft.make_output_vec());
        Welch { fft, window, scale, piece, spectrum }
    }

    /// Width of a bin in Hz at `rate`.
    pub fn resolution(&self, rate: f64) -> f64 {
        rate / self.window.len() as f64
    }

    /// Factor from the squared magnitude of a bin to its part of the variance: 2 for both halves of the
    /// spectrum, divided by the window's energy and the number of samples.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Shows `visit` the spectrum of each piece less its mean, and returns their number. `signal` must not be
    /// shorter than a piece.
    pub fn each(&mut self, signal: &[f64], mut visit: impl FnMut(&[Complex<f64>])) -> usize {
        let len = self.window.len();
        let mut count = 0;
        for start in (0..=signal.len() - len).step_by((len / 2).max(1)) {
            let piece = &signal[start..start + len];
            let mean = piece.iter().sum::<f64>() / len as f64;
            for ((out, &x), w) in self.piece.iter_mut().zip(piece).zip(&self.window) {
                *out = (x - mean) * w;
            }
            self.fft.process(&mut self.piece, &mut self.spectrum).expect("buffers made by this plan");
            visit(&self.spectrum);
            count += 1;
        }
        count
    }

    /// The part of the variance of `signal` in each bin, from 0 to half the rate, in squared units.
    pub fn power(&mut self, signal: &[f64]) -> Vec<f64> {
        let mut power = vec![0.0; self.spectrum.len()];
        let pieces = self.each(signal, |spectrum| {
            power.iter_mut().zip(spectrum).for_each(|(power, bin)| *power += bin.norm_sqr());
        });
        let scale = self.scale() / pieces as f64;
        power.iter_mut().for_each(|sum| *sum *= scale);
        // These two have no other half.
        power[0] /= 2.0;
        if self.window.len().is_multiple_of(2) {
            *power.last_mut().expect("a spectrum has a bin") /= 2.0;
        }
        power
    }
}
