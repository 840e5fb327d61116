//! The sizes and channels of DEAP's preprocessed files (Koelstra et al. 2012, table 3; the channels in Geneva
//! order).

use crate::data::recording::{Channel, Modality};

/// Sampling rate in Hz.
pub const RATE: f64 = 128.0;

/// Samples before the stimulus, 3 s.
pub const BASELINE: usize = 384;

/// Samples of a trial with its baseline, 63 s.
pub const SAMPLES: usize = 8064;

/// Samples of a trial without its baseline, 60 s: many re-saves have cut it away.
pub const STIMULUS: usize = SAMPLES - BASELINE;

/// Trials of a subject. Trial `i` is the same video for every subject.
pub const TRIALS: usize = 40;

/// Channels of a trial.
pub const CHANNELS: usize = NAMES.len();

/// EEG channels of a trial. They come first.
pub const EEG: usize = 32;

/// Names of the channels: the EEG electrodes, then the peripheral channels.
#[rustfmt::skip]
pub const NAMES: [&str; 40] = [
    "Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1", "Oz", "Pz",
    "Fp2", "AF4", "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2", "P4", "P8", "PO4", "O2",
    "hEOG", "vEOG", "zEMG", "tEMG", "GSR", "Resp", "Pleth", "Temp",
];

fn modality(channel: usize) -> Modality {
    match channel {
        0..EEG => Modality::Eeg,
        32 | 33 => Modality::Eog,
        34 | 35 => Modality::Emg,
        36 => Modality::Gsr,
        37 => Modality::Resp,
        38 => Modality::Pleth,
        _ => Modality::Temp,
    }
}

/// All channels in the order of the file.
pub fn channels() -> Vec<Channel> {
    let channel = |(index, &name): (usize, &&str)| Channel { name: name.into(), modality: modality(index) };
    NAMES.iter().enumerate().map(channel).collect()
}
