//! All sections together: the configuration file.

use super::data::{DataConfig, DemoConfig};
use super::network::NetworkConfig;
use super::permutation::PermutationConfig;
use super::run::RunConfig;
use super::sequences::{FramesConfig, LabelsConfig};
use super::split::SplitConfig;
use super::training::TrainingConfig;
use super::tuning::TuningConfig;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All options, by section of the configuration file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[data]`: the recordings and their channels.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub data: DataConfig,
    /// `[demo]`: the generated recordings.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub demo: DemoConfig,
    /// `[frames]`: frames, windows and normalization.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub frames: FramesConfig,
    /// `[labels]`: the classes.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub labels: LabelsConfig,
    /// `[split]`: training, validation and test parts.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub split: SplitConfig,
    /// `[network]`: the layers.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub network: NetworkConfig,
    /// `[training]`: optimizer, schedule and stopping.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub training: TrainingConfig,
    /// `[permutation]`: the permutation test. A file of a run without one has no such section.
    #[cfg_attr(feature = "cli", command(flatten))]
    #[serde(skip_serializing_if = "PermutationConfig::is_absent")]
    pub permutation: PermutationConfig,
    /// `[tuning]`: the choice of settings inside the folds. A file of a run without one has no such section.
    #[cfg_attr(feature = "cli", command(flatten))]
    #[serde(skip_serializing_if = "TuningConfig::is_absent")]
    pub tuning: TuningConfig,
    /// `[run]`: the device and the run folder.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub run: RunConfig,
}

impl Config {
    /// Reads a configuration file, as [`Config::from_toml`].
    pub fn resolve_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        Config::from_toml(&text).map_err(|e| e.at(path.display()))
    }

    /// Reads a configuration from TOML. Missing keys get their defaults.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with line and column for text that is not TOML, an
    /// unknown key, or a value of the wrong type.
    pub fn from_toml(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|e: toml::de::Error| {
            // No backticks: the file has keys, and the command line would print them as options.
            let error = Error::config(e.to_string().trim_end().replace('`', "\""));
            let error = match nearest(e.message()) {
                Some(name) => error.hint(format!("did you mean \"{name}\"?")),
                None => error,
            };
            error.caused_by(e)
        })
    }

    /// The configuration as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("options are plain values")
    }
}

/// The most similar name in a message such as "unknown field `hiden`, expected one of `hidden`, ...".
fn nearest(message: &str) -> Option<&str> {
    if !message.starts_with("unknown") {
        return None;
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    names.max_by(|a, b| strsim::jaro_winkler(unknown, a).total_cmp(&strsim::jaro_winkler(unknown, b)))
}
