//! All sections together, as a file.

use super::data::{DataConfig, DemoConfig};
use super::defaults::default_from_flags;
use super::network::NetworkConfig;
use super::run::RunConfig;
use super::sequences::{FramesConfig, LabelsConfig};
use super::split::SplitConfig;
use super::training::TrainingConfig;
use crate::error::{Error, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All options, by section.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    #[command(flatten)]
    pub data: DataConfig,
    #[command(flatten)]
    pub demo: DemoConfig,
    #[command(flatten)]
    pub frames: FramesConfig,
    #[command(flatten)]
    pub labels: LabelsConfig,
    #[command(flatten)]
    pub split: SplitConfig,
    #[command(flatten)]
    pub network: NetworkConfig,
    #[command(flatten)]
    pub training: TrainingConfig,
    #[command(flatten)]
    pub run: RunConfig,
}

default_from_flags!(Config);

impl Config {
    /// The file over the defaults.
    pub fn resolve_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        Config::from_toml(&text).map_err(|e| e.at(path.display()))
    }

    /// Reads a configuration from text; what it leaves out has its default.
    pub fn from_toml(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|e| {
            let error = Error::config(e.to_string().trim_end().to_string());
            match nearest(e.message()) {
                Some(name) => error.hint(format!("did you mean \"{name}\"?")),
                None => error,
            }
        })
    }

    /// The configuration as a file.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("options are plain values")
    }

    pub(super) fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("options are plain values")
    }
}

/// From "unknown field `hiden`, expected one of `hidden`, ..." the name that was meant.
fn nearest(message: &str) -> Option<&str> {
    if !message.starts_with("unknown") {
        return None;
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    names.max_by(|a, b| strsim::jaro_winkler(unknown, a).total_cmp(&strsim::jaro_winkler(unknown, b)))
}
