//! One subject: its constants, and the synthesis of its trials.

use crate::data::deap::channels::{CHANNELS, EEG, SAMPLES, TRIALS};
use crate::random::{Random, Stream};

use super::counters;
use super::drive::Drive;
use super::eeg::{self, Eeg};
use super::peripheral::Peripheral;
use super::spec::DemoSpec;

/// A generated subject.
pub struct Subject {
    spec: DemoSpec,
    index: u32,
    /// Valence, arousal, dominance and liking of each trial.
    pub ratings: [[f64; 4]; TRIALS],
    effect: f64,
    eeg: Eeg,
    peripheral: Peripheral,
}

impl Subject {
    pub fn new(spec: &DemoSpec, index: u32) -> Self {
        let mut random = Random::new(spec.seed, Stream::Demo, counters::subject_body(index));
        Subject {
            spec: *spec,
            index,
            ratings: spec.ratings(index),
            effect: spec.effect * (1.0 + spec.effect_sd * random.normal()),
            eeg: Eeg::new(spec.subject_sd, &mut random),
            peripheral: Peripheral::new(spec.subject_sd, &mut random),
        }
    }

    /// The samples `(channels, samples)` of a trial.
    pub fn trial(&self, trial: u32) -> Vec<f64> {
        let [valence, arousal, ..] = self.ratings[trial as usize];
        let drive = Drive { valence: self.effect * side(valence), arousal: self.effect * side(arousal) };
        let mut noise = Random::new(self.spec.seed, Stream::Demo, counters::trial(self.index, trial));
        let mut fingerprint =
            Random::new(self.spec.seed, Stream::Demo, counters::fingerprint(self.index, trial));

        let mut samples = vec![0.0; CHANNELS * SAMPLES];
        let (brain, body) = samples.split_at_mut(EEG * SAMPLES);
        let trial_sd = self.spec.trial_sd;
        let blinks = self.peripheral.fill(body, drive, trial_sd, &mut fingerprint, &mut noise);
        self.eeg.fill(brain, drive, trial_sd, &mut fingerprint, &mut noise);
        self.eeg.add_blinks(brain, blinks);
        for sample in &mut samples {
            *sample = (*sample * 1024.0).round() / 1024.0;
        }
        // After rounding, the mean of 32 multiples of 2^-10 is exact, so the channels add up to exactly zero.
        eeg::average_reference(&mut samples[..EEG * SAMPLES]);
        samples
    }
}

/// The position of a rating between low (-1) and high (1). Ratings two points from the middle have the full
/// effect.
fn side(rating: f64) -> f64 {
    ((rating - 5.0) / 2.0).clamp(-1.0, 1.0)
}
