//! A library without the command line reads no options of candidates.

use super::axis::Options;
use super::sections::Config;
use crate::error::{Error, Result};

impl Config {
    /// None: without the feature `cli` no fold chooses its settings.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a configuration with a choice.
    pub fn candidates(&self) -> Result<Vec<(Options, Config)>> {
        match self.tuning.tune.is_empty() {
            true => Ok(Vec::new()),
            false => Err(Error::config("`tune` is read by the feature `cli`, and this library has none")
                .hint("build it with the feature `cli`")),
        }
    }
}
