//! A made-up person with every kind of signal.

use engine::data::bands::default_bands;
use engine::data::features::{Family, FeatureSpec, GsrUnit};
use engine::data::frames::{Baseline, FrameKind, FrameSpec, FrameTable, SubjectFrames, Values};
use engine::data::recording::{Channel, Modality, Recording, Target, Trial};
use engine::random::{Random, Stream};
use std::f64::consts::TAU;

/// Sampling rate in Hz.
pub const RATE: f64 = 128.0;

/// A channel of each modality, three of EEG.
pub const MODALITIES: [(&str, Modality); 9] = [
    ("F3", Modality::Eeg),
    ("Cz", Modality::Eeg),
    ("F4", Modality::Eeg),
    ("vEOG", Modality::Eog),
    ("zEMG", Modality::Emg),
    ("GSR", Modality::Gsr),
    ("Resp", Modality::Resp),
    ("Pleth", Modality::Pleth),
    ("Temp", Modality::Temp),
];

/// A recording of all modalities: three trials of `seconds` with 2 s of baseline.
pub fn body(seconds: usize) -> Recording {
    let length = seconds * RATE as usize;
    let mut random = Random::new(7, Stream::Demo, [0, 0]);
    let mut samples = Vec::new();
    for trial in 0..3 {
        for (_, modality) in MODALITIES {
            for i in 0..length {
                let t = i as f64 / RATE;
                let noise = random.normal();
                samples.push(match modality {
                    Modality::Eeg => 10.0 * noise,
                    Modality::Eog => 5.0 * noise + 200.0 * (-((t % 4.0 - 2.0) / 0.1).powi(2)).exp(),
                    Modality::Emg => 8.0 * noise,
                    Modality::Gsr => 250e3 * (1.0 + 0.1 * (TAU * t / 11.0).sin()) + noise,
                    Modality::Resp => 500.0 * (TAU * t / (4.0 + 0.3 * trial as f64)).sin() + noise,
                    Modality::Pleth => {
                        (TAU * t * 1.2).sin() + 0.3 * (TAU * t * 2.4 + 0.8).sin() + 0.02 * noise
                    }
                    _ => 33.0 + 0.1 * t / 60.0 + 0.001 * noise,
                });
            }
        }
    }
    let channels = MODALITIES.map(|(name, modality)| Channel { name: name.into(), modality }).to_vec();
    let trial = |trial: u32| Trial {
        trial,
        stimulus: trial,
        offset: trial as usize * channels.len() * length,
        length,
        baseline: 2 * RATE as usize,
        target: Target::Ratings([5.0; 4]),
        predefined_test: false,
    };
    Recording {
        subject: "s01".into(),
        rate: Some(RATE),
        trials: (0..3).map(trial).collect(),
        channels,
        samples,
        hash: "hash".into(),
    }
}

/// All families in frames of 1 s, slow ones in windows of 20 s.
pub fn spec() -> FrameSpec {
    FrameSpec {
        kind: FrameKind::Features,
        length: 1.0,
        step: 0.5,
        baseline: Baseline::Correct,
        bands: default_bands(),
        features: Some(FeatureSpec {
            families: Family::DEFAULT.to_vec(),
            window: 20.0,
            gsr: Some(GsrUnit::Ohm),
        }),
    }
}

/// The frames of the channels of these modalities; of all channels for none.
pub fn table(recording: &Recording, spec: &FrameSpec, modalities: &[Modality]) -> engine::Result<FrameTable> {
    let chosen = |&i: &usize| modalities.is_empty() || modalities.contains(&recording.channels[i].modality);
    let channels: Vec<usize> = (0..recording.channels.len()).filter(chosen).collect();
    FrameTable::assemble(vec![SubjectFrames::build(recording, spec, &channels, None, Values::default())?])
}
