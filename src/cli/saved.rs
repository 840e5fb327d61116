//! Options of commands that read a run.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::run::RunFolder;
use clap::ValueEnum;
use std::path::Path;

/// Which of a fold's saved weights.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// The epoch with the lowest validation loss
    Best,
    /// The last epoch
    Last,
}

impl Which {
    pub fn name(self) -> &'static str {
        match self {
            Which::Best => "best",
            Which::Last => "last",
        }
    }
}

/// The configuration that the run was made with.
pub fn run_config(run: &Path) -> Result<Config> {
    let path = run.join("config.toml");
    if !path.is_file() {
        return Err(Error::config(format!("{} is not a run folder: it has no config.toml", run.display())));
    }
    RunFolder::refuse_newer(run)?;
    Config::resolve_file(&path)
}
