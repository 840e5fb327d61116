//! The eight peripheral channels. Their slow components are equal in all trials of a subject, except for the
//! fingerprint of the trial. Their fast components are noise, and events that are shorter than a window.

use std::f64::consts::TAU;

use crate::data::deap::channels::{BASELINE, RATE, SAMPLES};
use crate::random::Random;

use super::drive::{Drive, onset};

/// The peripheral signals of a subject at rest.
pub struct Peripheral {
    /// Blinks per second.
    blink_rate: f64,
    /// Root mean square of the two muscles in microvolts.
    muscle: [f64; 2],
    /// Skin resistance in Ohm.
    resistance: f64,
    /// Breaths per second.
    breathing: f64,
    /// Heart beats per second.
    pulse: f64,
    /// Skin temperature in degrees Celsius.
    temperature: f64,
}

/// The slow components that are specific to a trial, its fingerprint, in units of the fingerprint's standard
/// deviation. All are 0 without a fingerprint.
struct Slow {
    blinks: f64,
    muscle: [f64; 2],
    resistance: [f64; 2],
    breathing: f64,
    pulse: f64,
    temperature: [f64; 2],
    /// Phases of breath and heart at the start of the trial, in cycles.
    phases: [f64; 2],
}

impl Peripheral {
    pub fn new(subject_sd: f64, random: &mut Random) -> Self {
        let mut vary = |mean: f64, share: f64| mean * (share * subject_sd * random.normal()).exp();
        Peripheral {
            blink_rate: vary(0.25, 1.0),
            muscle: [vary(6.0, 0.6), vary(8.0, 0.6)],
            resistance: vary(250e3, 0.6),
            breathing: vary(0.27, 0.2),
            pulse: vary(1.15, 0.2),
            temperature: vary(32.0, 0.06),
        }
    }

    /// Writes hEOG, vEOG, zEMG, tEMG, GSR, Resp, Pleth and Temp of one trial and returns the blinks in
    /// microvolts.
    pub fn fill(
        &self,
        channels: &mut [f64],
        drive: Drive,
        trial_sd: f64,
        fingerprint: &mut Random,
        noise: &mut Random,
    ) -> Vec<f64> {
        let slow = Slow::new(trial_sd, fingerprint);
        let mut blinks = vec![0.0; SAMPLES];
        let rate = self.blink_rate * slow.blinks.exp();
        add_events(&mut blinks, noise, |_| rate, |noise| 120.0 * (0.2 * noise.normal()).exp(), blink);

        let mut channels = channels.chunks_exact_mut(SAMPLES);
        let mut next = || channels.next().expect("eight peripheral channels");
        self.eyes(next(), next(), &blinks, noise);
        // The zygomaticus (smiling) follows valence, the trapezius (tension) arousal.
        for (muscle, drive) in [drive.valence, drive.arousal].into_iter().enumerate() {
            let amplitude = self.muscle[muscle] * slow.muscle[muscle].exp();
            fill_muscle(next(), amplitude, drive, noise);
        }
        self.skin(next(), &slow, drive, noise);
        self.breath(next(), &slow, drive, noise);
        self.heart(next(), &slow, drive, noise);
        let [level, slope] = slow.temperature;
        fill(next(), |at| self.temperature + 0.5 * level + 0.1 * slope * at + 0.01 * noise.normal());
        blinks
    }

    fn eyes(&self, horizontal: &mut [f64], vertical: &mut [f64], blinks: &[f64], noise: &mut Random) {
        // A glance to the left or right, and back.
        let glance = |noise: &mut Random| 60.0 * noise.normal();
        add_events(horizontal, noise, |_| 0.5, glance, |seconds| if seconds < 0.4 { 1.0 } else { 0.0 });
        for ((horizontal, vertical), blink) in horizontal.iter_mut().zip(vertical).zip(blinks) {
            *horizontal += 5.0 * noise.normal();
            *vertical = blink + 5.0 * noise.normal();
        }
    }

    /// The skin response to the stimulus: resistance falls and recovers. Higher arousal makes it fall
    /// further.
    fn skin(&self, channel: &mut [f64], slow: &Slow, drive: Drive, noise: &mut Random) {
        let [level, slope] = slow.resistance;
        let response = 0.02 * (1.0 + drive.arousal).max(0.0);
        fill(channel, |at| {
            let drift = 0.3 * level + 0.004 * slope * at;
            let answered = response * skin_response(at - BASELINE as f64 / RATE);
            self.resistance * (drift.exp() * (1.0 - answered) + 2e-4 * noise.normal())
        });
    }

    /// Arousal raises the rate of breathing.
    fn breath(&self, channel: &mut [f64], slow: &Slow, drive: Drive, noise: &mut Random) {
        let rate = self.breathing * (0.2 * slow.breathing).exp();
        let mut phase = slow.phases[0];
        for (at, sample) in channel.iter_mut().enumerate() {
            *sample = 500.0 * (TAU * phase).sin() + 20.0 * noise.normal();
            phase += rate * (0.3 * drive.arousal * onset(at)).exp() / RATE;
        }
    }

    /// Arousal raises the pulse rate. A second harmonic forms the notch after each beat.
    fn heart(&self, channel: &mut [f64], slow: &Slow, drive: Drive, noise: &mut Random) {
        let rate = self.pulse * (0.1 * slow.pulse).exp();
        let mut phase = slow.phases[1];
        for (at, sample) in channel.iter_mut().enumerate() {
            let wave = (TAU * phase).sin() + 0.4 * (2.0 * TAU * phase + 0.8).sin();
            *sample = 1000.0 * wave + 30.0 * noise.normal();
            phase += rate * (0.15 * drive.arousal * onset(at)).exp() / RATE;
        }
    }
}

impl Slow {
    fn new(trial_sd: f64, random: &mut Random) -> Self {
        let mut normal = || trial_sd * random.normal();
        Slow {
            blinks: normal(),
            muscle: [normal(), normal()],
            resistance: [normal(), normal()],
            breathing: normal(),
            pulse: normal(),
            temperature: [normal(), normal()],
            // The standard deviation is several cycles, so even a weak fingerprint makes all phases equally
            // likely.
            phases: [20.0 * normal(), 20.0 * normal()],
        }
    }
}

/// Sets every sample to `value(time in seconds)`.
fn fill(channel: &mut [f64], mut value: impl FnMut(f64) -> f64) {
    for (at, sample) in channel.iter_mut().enumerate() {
        *sample = value(at as f64 / RATE);
    }
}

/// Adds events at random times, `rate(sample)` per second. Each has the form `size * shape(seconds since its
/// start)`.
fn add_events(
    channel: &mut [f64],
    noise: &mut Random,
    rate: impl Fn(usize) -> f64,
    size: impl Fn(&mut Random) -> f64,
    shape: impl Fn(f64) -> f64,
) {
    /// No event lasts longer than this many samples.
    const LONGEST: usize = RATE as usize;
    for start in 0..channel.len() {
        if noise.uniform() < rate(start) / RATE {
            let size = size(noise);
            for (since, sample) in channel[start..].iter_mut().take(LONGEST).enumerate() {
                *sample += size * shape(since as f64 / RATE);
            }
        }
    }
}

/// The shape of a blink, which lasts 0.3 s.
fn blink(seconds: f64) -> f64 {
    const LENGTH: f64 = 0.3;
    if seconds < LENGTH { (std::f64::consts::PI * seconds / LENGTH).sin().powi(2) } else { 0.0 }
}

/// The shape of a skin response, `since` seconds after its cause: it starts after 1 s, rises within 1 s, and
/// decays over several seconds (Boucsein 2012).
fn skin_response(since: f64) -> f64 {
    let t = (since - 1.0).max(0.0);
    (-t / 5.0).exp() - (-t / 0.7).exp()
}

/// Muscle noise with bursts of half a second. A higher drive makes bursts more frequent.
fn fill_muscle(channel: &mut [f64], amplitude: f64, drive: f64, noise: &mut Random) {
    let rate = |at: usize| 0.3 * (2.0 * drive * onset(at)).exp();
    add_events(channel, noise, rate, |_| 2.0, |seconds| if seconds < 0.5 { 1.0 } else { 0.0 });
    for sample in channel {
        *sample = amplitude * (1.0 + *sample) * noise.normal();
    }
}
