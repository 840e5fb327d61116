//! Options of commands that read a run.

use super::progress::Terminal;
use crate::config::Config;
use crate::data::demo;
use crate::data::split::UNBOUND;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::run::{Manifest, RunFolder, Status};
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

/// Says so where a folder that the user named was there already.
pub fn tell_other_name(asked: Option<&str>, folder: &Path, progress: &dyn Progress) {
    if let Some(name) = asked.filter(|&name| folder.file_name().is_some_and(|own| own != name)) {
        let there = folder.with_file_name(name);
        progress.caution(&format!("{} is there already: this goes to {}", there.display(), folder.display()));
    }
}

impl Which {
    pub fn name(self) -> &'static str {
        match self {
            Which::Best => "best",
            Which::Last => "last",
        }
    }
}

/// Says if the run's status is not true: it says that a process trains the run, and none does.
pub fn warn_if_killed(run: &Path, terminal: &Terminal) {
    if matches!(Status::read(run), Ok(Status::Running)) && RunFolder::is_in_use(run) == Some(false) {
        terminal.caution(&format!(
            "{} was killed while it trained: its status says `running`, and its process is gone",
            run.display()
        ));
    }
}

/// The configuration of a run of which `files` are as it left them. Says if nobody can tell.
pub fn checked_config(run: &Path, files: &[&str], terminal: &Terminal) -> Result<Config> {
    warn_if_killed(run, terminal);
    let config = run_config(run)?;
    let manifest = Manifest::read(run)?;
    manifest.check_files(run, &[&["config.toml"], files].concat())?;
    if manifest.unbound {
        terminal.caution(UNBOUND);
    }
    Ok(config)
}

/// Looks for the recordings of a run where `data` and `test` say, or else where they were.
pub fn locate(config: &mut Config, data: Option<&Path>, test: Option<&Path>) -> Result<()> {
    if let Some(data) = data {
        config.data.path = data.into();
    }
    if let Some(test) = test {
        config.data.test_file = Some(test.into());
    }
    let generated = demo::is_generated(&config.data.path);
    let paths = std::iter::once(&config.data.path).filter(|_| !generated).chain(&config.data.test_file);
    for path in paths {
        if !path.exists() {
            let looked = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            return Err(Error::data(format!("the run's recordings are not at {}", looked.display()))
                .hint("say where they are with --data (and --test); any place will do that holds the same recordings"));
        }
    }
    Ok(())
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
