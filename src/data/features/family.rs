//! The families of features, and the settings of all of them.

use serde::{Deserialize, Serialize};

/// Features that are chosen together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// EEG: differential entropy per band.
    Entropy,
    /// EEG: log activity, mobility and complexity of Hjorth.
    Hjorth,
    /// EEG: difference of the entropies of a left and a right electrode, per band.
    Asymmetry,
    /// EEG: their ratio, which has a pole and depends on the unit; only on demand.
    RationalAsymmetry,
    /// EOG: log power below 4 Hz.
    SlowPower,
    /// EOG: blink rate.
    Blinks,
    /// EMG: log root mean square.
    Rms,
    /// EMG: median frequency.
    MedianFrequency,
    /// GSR: level and slope of the tonic skin conductance.
    Tonic,
    /// GSR: activity of the phasic skin conductance.
    Phasic,
    /// GSR: rate and amplitude of skin conductance responses.
    Responses,
    /// Pulse: heart rate.
    HeartRate,
    /// Pulse: SDNN and RMSSD of the intervals between beats.
    HeartRateVariability,
    /// Pulse: amplitude.
    PulseAmplitude,
    /// Respiration: rate and depth.
    Breathing,
    /// Respiration: standard deviation of the period.
    BreathingVariability,
    /// Temperature: level and slope.
    Temperature,
}

impl Family {
    /// The families that are computed unless others are asked for: all but the rational asymmetry.
    pub const DEFAULT: [Family; 16] = [
        Family::Entropy,
        Family::Hjorth,
        Family::Asymmetry,
        Family::SlowPower,
        Family::Blinks,
        Family::Rms,
        Family::MedianFrequency,
        Family::Tonic,
        Family::Phasic,
        Family::Responses,
        Family::HeartRate,
        Family::HeartRateVariability,
        Family::PulseAmplitude,
        Family::Breathing,
        Family::BreathingVariability,
        Family::Temperature,
    ];

    /// The name on the command line and in configuration files.
    pub fn name(self) -> &'static str {
        match self {
            Family::Entropy => "entropy",
            Family::Hjorth => "hjorth",
            Family::Asymmetry => "asymmetry",
            Family::RationalAsymmetry => "rational-asymmetry",
            Family::SlowPower => "slow-power",
            Family::Blinks => "blinks",
            Family::Rms => "rms",
            Family::MedianFrequency => "median-frequency",
            Family::Tonic => "tonic",
            Family::Phasic => "phasic",
            Family::Responses => "responses",
            Family::HeartRate => "heart-rate",
            Family::HeartRateVariability => "heart-rate-variability",
            Family::PulseAmplitude => "pulse-amplitude",
            Family::Breathing => "breathing",
            Family::BreathingVariability => "breathing-variability",
            Family::Temperature => "temperature",
        }
    }
}

/// The quantity that a skin sensor's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum GsrUnit {
    /// Resistance in ohms, as in DEAP's preprocessed files.
    Ohm,
    /// Conductance in microsiemens.
    Us,
}

/// How signals become features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureSpec {
    /// The families that are computed.
    pub families: Vec<Family>,
    /// Length in seconds of the window around a frame in which slow signals are measured.
    pub window: f64,
    /// The quantity of skin channels; they need one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gsr: Option<GsrUnit>,
}

impl FeatureSpec {
    /// The default of `window`: long enough for a few responses and breaths and for a variability of the
    /// heart rate, and half of DEAP's trials.
    pub const WINDOW: f64 = 30.0;
}
