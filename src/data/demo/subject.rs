//! One subject: what is constant over the trials, and how a trial is put together.

use crate::data::deap::channels::{CHANNELS, EEG, SAMPLES, TRIALS};
use crate::random::{Random, Stream};

use super::drive::Drive;
use super::eeg::{self, Eeg};
use super::peripheral::Peripheral;
use super::place;
use super::spec::DemoSpec;

pub struct Subject {
    spec: DemoSpec,
    index: u32,
    pub ratings: [[f64; 4]; TRIALS],
    effect: f64,
    eeg: Eeg,
    peripheral: Peripheral,
}

impl Subject {
    pub fn new(spec: &DemoSpec, index: u32) -> Self {
        let mut random = Random::new(spec.seed, Stream::Demo, place::subject_body(index));
        Subject {
            spec: *spec,
            index,
            ratings: spec.ratings(index),
            effect: spec.effect * (1.0 + spec.effect_sd * random.normal()),
            eeg: Eeg::new(spec.subject_sd, &mut random),
            peripheral: Peripheral::new(spec.subject_sd, &mut random),
        }
    }

    /// The samples of a trial, (channels, samples).
    pub fn trial(&self, trial: u32) -> Vec<f64> {
        let [valence, arousal, ..] = self.ratings[trial as usize];
        let drive = Drive { valence: self.effect * side(valence), arousal: self.effect * side(arousal) };
        let mut noise = Random::new(self.spec.seed, Stream::Demo, place::trial(self.index, trial));
        let mut fingerprint =
            Random::new(self.spec.seed, Stream::Demo, place::fingerprint(self.index, trial));

        let mut samples = vec![0.0; CHANNELS * SAMPLES];
        let (brain, body) = samples.split_at_mut(EEG * SAMPLES);
        let trial_sd = self.spec.trial_sd;
        let blinks = self.peripheral.fill(body, drive, trial_sd, &mut fingerprint, &mut noise);
        self.eeg.fill(brain, drive, trial_sd, &mut fingerprint, &mut noise);
        self.eeg.add_blinks(brain, blinks);
        for sample in &mut samples {
            *sample = (*sample * 1024.0).round() / 1024.0;
        }
        // After the rounding: the mean of 32 multiples of 2^-10 is exact, so the channels' sum is exactly zero.
        eeg::average_reference(&mut samples[..EEG * SAMPLES]);
        samples
    }
}

/// Where a rating stands between low and high; two points from the middle move as much as can be.
fn side(rating: f64) -> f64 {
    ((rating - 5.0) / 2.0).clamp(-1.0, 1.0)
}
