//! Which recordings.

use super::defaults::default_from_flags;
use crate::data::demo::DemoSpec;
use crate::data::sequences::BadWindows;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where signals come from.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Data")]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// What to read: a folder with DEAP's s01.dat ... s32.dat, a .ts or .npz file, or `demo` for generated recordings
    #[arg(long = "data", value_name = "PATH", default_value = "demo")]
    pub path: PathBuf,
    /// TEST part of a data set whose TRAIN part is --data (.ts); implies --split predefined
    #[arg(long = "test", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_file: Option<PathBuf>,
    /// Sampling rate, for files that do not know theirs
    #[arg(long, value_name = "HZ")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Channel names and modalities (eeg eog emg gsr resp pleth temp all) [default: eeg where there is any, else all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub channels: Vec<String>,
    /// What to do with windows that hold NaN or infinity, or whose trial has a channel that never moves
    #[arg(long, value_enum, default_value_t = BadWindows::Fail)]
    pub bad_windows: BadWindows,
}

default_from_flags!(DataConfig);

/// The generated recordings that stand in for DEAP.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Demo recordings (--data demo)")]
#[serde(default, deny_unknown_fields)]
pub struct DemoConfig {
    /// How many subjects, 1 to 32
    #[arg(long, value_name = "N", default_value_t = DemoSpec::default().subjects)]
    pub demo_subjects: u32,
    /// Seed of the signals and ratings
    #[arg(long, value_name = "SEED", default_value_t = DemoSpec::default().seed)]
    pub demo_seed: u64,
    /// How strongly emotion shows in the signals; 0: not at all
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().effect)]
    pub demo_effect: f64,
    /// How much that differs between subjects
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().effect_sd)]
    pub demo_effect_sd: f64,
    /// Strength of each trial's own fingerprint, what a leaky split recognizes
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().trial_sd)]
    pub demo_trial_sd: f64,
    /// Strength of each subject's own fingerprint
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().subject_sd)]
    pub demo_subject_sd: f64,
    /// How much subjects differ in how often they rate high
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().prior_sd)]
    pub demo_prior_sd: f64,
}

default_from_flags!(DemoConfig);

impl DemoConfig {
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
