//! The 32 EEG channels: noise with a 1/f spectrum and an alpha peak. Its power in each band depends on the
//! subject, the trial and, after the onset of the stimulus, the class.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::data::deap::channels::{EEG, RATE, SAMPLES};
use crate::random::Random;

use super::drive::{Drive, onset};

/// Upper limits of theta, alpha, beta and gamma in Hz. Theta starts at [`LOWEST`]. As in DEAP, there is no
/// power outside.
const BANDS: [f64; 4] = [8.0, 14.0, 31.0, 45.0];
const LOWEST: f64 = 4.0;

/// Root mean square of a channel in microvolts, with all powers at their mean.
const AMPLITUDE: f64 = 9.0;

/// Channels with eye artifacts, and their shares: Fp1 and Fp2, and half as much in AF3 and AF4.
const BLINK_LEAKS: [(usize, f64); 4] = [(0, 0.3), (16, 0.3), (1, 0.15), (17, 0.15)];

/// Frontal channels, left and right, by index.
const LEFT_FRONTAL: [usize; 6] = [0, 1, 2, 3, 4, 5];
const RIGHT_FRONTAL: [usize; 6] = [16, 17, 19, 20, 21, 22];

/// Log power per channel and band.
type Gains = [[f64; 4]; EEG];

/// The EEG of a subject.
pub struct Eeg {
    gains: Gains,
    /// Amplitude per frequency bin with all gains 0: 1/f power with an alpha peak at the subject's own
    /// frequency.
    spectrum: Vec<f64>,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
}

impl Eeg {
    pub fn new(subject_sd: f64, random: &mut Random) -> Self {
        let peak = 10.0 + subject_sd * random.normal();
        let height = 3.0 * (subject_sd * random.normal()).exp();
        let mut spectrum: Vec<f64> = (0..SAMPLES / 2 + 1)
            .map(|bin| match frequency(bin) {
                hertz if !(LOWEST..BANDS[3]).contains(&hertz) => 0.0,
                hertz => ((1.0 + height * (-0.5 * (hertz - peak).powi(2)).exp()) / hertz).sqrt(),
            })
            .collect();
        // A bin with standard normal real and imaginary part and amplitude a adds 4 a^2 to the mean square.
        let power: f64 = spectrum.iter().map(|amplitude| 4.0 * amplitude * amplitude).sum();
        let scale = AMPLITUDE / power.sqrt();
        spectrum.iter_mut().for_each(|amplitude| *amplitude *= scale);
        let mut planner = RealFftPlanner::new();
        Eeg {
            gains: normal_gains(subject_sd, random),
            spectrum,
            forward: planner.plan_fft_forward(SAMPLES),
            inverse: planner.plan_fft_inverse(SAMPLES),
        }
    }

    /// Writes the channels of one trial, each [`SAMPLES`] long.
    pub fn fill(
        &self,
        channels: &mut [f64],
        drive: Drive,
        trial_sd: f64,
        fingerprint: &mut Random,
        noise: &mut Random,
    ) {
        let own = normal_gains(trial_sd, fingerprint);
        let mut white = vec![Complex::default(); self.spectrum.len()];
        let mut shaped = white.clone();
        let mut scratch = self.inverse.make_scratch_vec();
        let mut driven = vec![0.0; SAMPLES];
        for (index, channel) in channels.chunks_exact_mut(SAMPLES).enumerate() {
            let rest: [f64; 4] = std::array::from_fn(|band| self.gains[index][band] + own[index][band]);
            let effect = response(index, drive);
            for (bin, amplitude) in white.iter_mut().zip(&self.spectrum) {
                if *amplitude > 0.0 {
                    *bin = Complex::new(noise.normal(), noise.normal()) * *amplitude;
                }
            }
            let mut synthesize = |gains: [f64; 4], out: &mut [f64]| {
                shape(&white, gains, &mut shaped);
                self.inverse
                    .process_with_scratch(&mut shaped, out, &mut scratch)
                    .expect("the buffers fit, and the first and last bin are zero");
            };
            // The same noise without and with the effect of the class, with a cross-fade at the onset of the
            // stimulus.
            synthesize(rest, channel);
            synthesize(std::array::from_fn(|band| rest[band] + effect[band]), &mut driven);
            for (at, (sample, driven)) in channel.iter_mut().zip(&driven).enumerate() {
                *sample += onset(at) * (driven - *sample);
            }
        }
    }

    /// Adds the remainder of blinks after an artifact correction like that of DEAP, filtered to 4 to 45 Hz.
    pub fn add_blinks(&self, channels: &mut [f64], mut blinks: Vec<f64>) {
        let mut spectrum = self.forward.make_output_vec();
        self.forward.process(&mut blinks, &mut spectrum).expect("the buffers fit");
        for (bin, value) in spectrum.iter_mut().enumerate() {
            let pass = (LOWEST..BANDS[3]).contains(&frequency(bin));
            *value *= if pass { 1.0 / SAMPLES as f64 } else { 0.0 };
        }
        self.inverse.process(&mut spectrum, &mut blinks).expect("the buffers fit, the ends are zero");
        for (channel, share) in BLINK_LEAKS {
            for (sample, blink) in channels[channel * SAMPLES..][..SAMPLES].iter_mut().zip(&blinks) {
                *sample += share * blink;
            }
        }
    }
}

fn frequency(bin: usize) -> f64 {
    bin as f64 * RATE / SAMPLES as f64
}

fn normal_gains(sd: f64, random: &mut Random) -> Gains {
    std::array::from_fn(|_| std::array::from_fn(|_| sd * random.normal()))
}

/// `white` with the power of each band multiplied by the exponential of its gain.
fn shape(white: &[Complex<f64>], gains: [f64; 4], shaped: &mut [Complex<f64>]) {
    let bin = |hertz: f64| (hertz * SAMPLES as f64 / RATE) as usize;
    let mut start = 0;
    for (gain, end) in gains.iter().zip(BANDS) {
        let factor = (0.5 * gain).exp();
        for at in start..bin(end) {
            shaped[at] = white[at] * factor;
        }
        start = bin(end);
    }
    shaped[start..].fill(Complex::default());
}

/// The effect of the class on the log power of a channel. Arousal lowers alpha and raises beta and gamma in
/// all channels. Valence changes the frontal asymmetry: high valence lowers alpha and raises beta on the left
/// (Davidson 1992).
fn response(channel: usize, drive: Drive) -> [f64; 4] {
    /// Arousal affects all 32 channels and valence only 12, so arousal affects each channel less.
    const AROUSAL: f64 = 0.35;
    let side = match channel {
        _ if LEFT_FRONTAL.contains(&channel) => -1.0,
        _ if RIGHT_FRONTAL.contains(&channel) => 1.0,
        _ => 0.0,
    };
    let (valence, arousal) = (drive.valence * side, AROUSAL * drive.arousal);
    [0.0, 0.5 * valence - 0.5 * arousal, -0.25 * valence + 0.25 * arousal, 0.5 * arousal]
}

/// Subtracts the mean of the channels at every sample. As in DEAP, one channel then follows from the others.
pub fn average_reference(channels: &mut [f64]) {
    let mut mean = vec![0.0; SAMPLES];
    for channel in channels.chunks_exact(SAMPLES) {
        mean.iter_mut().zip(channel).for_each(|(mean, sample)| *mean += sample / EEG as f64);
    }
    for channel in channels.chunks_exact_mut(SAMPLES) {
        channel.iter_mut().zip(&mean).for_each(|(sample, mean)| *sample -= mean);
    }
}
