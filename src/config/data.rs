//! The options of the data set.

use crate::data::demo::DemoSpec;
use crate::data::npz::Layout;
use crate::data::sequences::BadWindows;
#[cfg(feature = "cli")]
use crate::word::{trimmed, word};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The recordings and their channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[cfg_attr(feature = "cli", command(next_help_heading = "Data"))]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Data set: a folder with DEAP's files s01.dat to s32.dat, a .ts or .npz file, a folder of .npy files,
    /// or `demo` for generated recordings. `engine data formats` describes each: an .npz file holds windows
    /// (N, T, C), labels, groups, trials and more
    #[cfg_attr(feature = "cli", arg(long = "data", value_name = "PATH", default_value_os_t = Self::default().path))]
    pub path: PathBuf,
    /// TEST file that belongs to a .ts TRAIN file; the split is then predefined
    #[cfg_attr(feature = "cli", arg(long = "test", value_name = "FILE"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_file: Option<PathBuf>,
    /// Order of the axes of .npz and .npy windows [default: ntc, with a warning where that looks wrong]
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_name = "AXES"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Sampling rate in Hz, for files that do not state it
    #[cfg_attr(feature = "cli", arg(long, value_name = "HZ"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Channels to use: names, modalities (eeg, eog, emg, gsr, resp, pleth, temp, other) or all [default: eeg
    /// if the data have EEG channels, otherwise all]
    #[cfg_attr(feature = "cli", arg(long, value_name = "LIST", value_delimiter = ',', value_parser = trimmed::<String>))]
    pub channels: Vec<String>,
    /// How to handle windows with NaN or infinite values, or with a channel that is constant over the trial
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<BadWindows>(), value_name = "ACTION", default_value_t = Self::default().bad_windows))]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub bad_windows: BadWindows,
    /// Go on although all cases of a class, or some published test cases, were left out: too short, bad
    /// signals, dead zone
    #[cfg_attr(feature = "cli", arg(long))]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_lost_cases: bool,
}

impl Default for DataConfig {
    fn default() -> Self {
        DataConfig {
            path: "demo".into(),
            test_file: None,
            layout: None,
            rate: None,
            channels: Vec::new(),
            bad_windows: BadWindows::Fail,
            allow_lost_cases: false,
        }
    }
}

/// The generated recordings that replace DEAP. The fields are those of [`DemoSpec`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[cfg_attr(feature = "cli", command(next_help_heading = "Demo recordings"))]
#[serde(default, deny_unknown_fields)]
pub struct DemoConfig {
    /// Number of subjects, 1 to 32
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().demo_subjects))]
    pub demo_subjects: u32,
    /// Seed of the generated signals and ratings
    #[cfg_attr(feature = "cli", arg(long, value_name = "SEED", default_value_t = Self::default().demo_seed))]
    #[serde(with = "super::seed")]
    pub demo_seed: u64,
    /// Strength of the effect of the ratings on the signals; with 0 the signals hold no class information
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", default_value_t = Self::default().demo_effect))]
    pub demo_effect: f64,
    /// Standard deviation of the effect between subjects, as a share of the effect
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", default_value_t = Self::default().demo_effect_sd))]
    pub demo_effect_sd: f64,
    /// Standard deviation of the differences between trials that are unrelated to the ratings; a leaky split
    /// lets the network recognize trials by them
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", default_value_t = Self::default().demo_trial_sd))]
    pub demo_trial_sd: f64,
    /// Standard deviation of the differences between subjects that are unrelated to the ratings
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", default_value_t = Self::default().demo_subject_sd))]
    pub demo_subject_sd: f64,
    /// Standard deviation, in log-odds, of the subjects' shares of high ratings
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", default_value_t = Self::default().demo_prior_sd))]
    pub demo_prior_sd: f64,
}

impl Default for DemoConfig {
    fn default() -> Self {
        let DemoSpec { subjects, seed, effect, effect_sd, trial_sd, subject_sd, prior_sd } =
            DemoSpec::default();
        DemoConfig {
            demo_subjects: subjects,
            demo_seed: seed,
            demo_effect: effect,
            demo_effect_sd: effect_sd,
            demo_trial_sd: trial_sd,
            demo_subject_sd: subject_sd,
            demo_prior_sd: prior_sd,
        }
    }
}

impl DemoConfig {
    /// The options as the generator reads them.
    pub fn spec(&self) -> DemoSpec {
        DemoSpec {
            subjects: self.demo_subjects,
            seed: self.demo_seed,
            effect: self.demo_effect,
            effect_sd: self.demo_effect_sd,
            trial_sd: self.demo_trial_sd,
            subject_sd: self.demo_subject_sd,
            prior_sd: self.demo_prior_sd,
        }
    }
}
