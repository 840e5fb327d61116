//! Which signals help: one cross-validation with all features, with each group of them alone, and without
//! each, on the same folds and seeds. A feature that is left out stays a column of zeros, so that all
//! variants have the same network and the same initial weights.

mod table;
mod variant;

pub use table::csv;
pub use variant::{Variant, variants};

use crate::compare::RunComparison;
use crate::config::Config;
use crate::data::feature::GroupBy;
use crate::error::Result;
use crate::experiment::{self, Ending, Experiment, Selected};
use crate::progress::{Progress, Silent};
use crate::report;
use crate::run::RunFolder;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;

/// The settings of an ablation; `ablation.toml` in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The property by which features are left out.
    pub by: GroupBy,
    /// The settings of every run.
    pub config: Config,
}

/// One variant, ready to train.
pub struct Job {
    /// The features that it sees.
    pub variant: Variant,
    /// Its data, split and network.
    pub experiment: Experiment,
}

/// Reads the data once, and prepares every variant: all features first.
///
/// # Errors
///
/// Those of [`Experiment::prepare`]; [`ErrorKind::Config`](crate::ErrorKind::Config) for features of one
/// group.
pub fn jobs(settings: &Settings, progress: &dyn Progress) -> Result<Vec<Job>> {
    let mut config = settings.config.clone();
    config.check()?;
    // Before minutes of reading: is there such a device?
    config.run.device()?;
    let dataset = experiment::read(&mut config, None, progress)?;
    let variants = variants(&dataset.frames.origins, &config.frames.leave_out, settings.by)?;
    let prepare = |(number, variant): (usize, Variant)| {
        let mut config = config.clone();
        config.frames.leave_out.extend(variant.leave_out.iter().cloned());
        // The others have nothing else to say of the same data and split.
        let progress = if number == 0 { progress } else { &Silent };
        let experiment = Experiment::with_dataset(dataset.clone(), config, progress)?;
        Ok(Job { variant, experiment })
    };
    variants.into_iter().enumerate().map(prepare).collect()
}

impl Job {
    /// All folds.
    pub fn selection(&self) -> Vec<usize> {
        (0..self.experiment.split.folds().len()).collect()
    }

    /// The run folder below `parent`.
    fn path(&self, parent: &Path) -> PathBuf {
        parent.join(self.variant.folder())
    }
}

/// Trains and scores these variants together, each in a run folder below `parent`, from wherever that stands.
///
/// # Errors
///
/// Those of [`experiment::run_to_end`].
pub fn train(
    jobs: &[Job],
    parent: &Path,
    interrupt: &AtomicUsize,
    progress: &dyn Progress,
) -> Result<Ending> {
    let Some(first) = jobs.first() else { return Ok(Ending::Finished(Vec::new())) };
    let folders = jobs.iter().map(|job| RunFolder::open_or_create(&job.path(parent)));
    let folders = folders.collect::<Result<Vec<RunFolder>>>()?;
    let folds = first.selection();
    let runs = jobs.iter().zip(&folders);
    let runs: Vec<Selected> =
        runs.map(|(job, folder)| Selected { experiment: &job.experiment, folder, folds: &folds }).collect();
    experiment::run_to_end(&runs, interrupt, progress, &report::write)
}

/// Compares every variant with that of all features, which is the first.
///
/// # Errors
///
/// Those of [`RunComparison::with_first`].
pub fn compare(jobs: &[Job], parent: &Path, by: GroupBy) -> Result<RunComparison> {
    let folders: Vec<PathBuf> = jobs.iter().map(|job| job.path(parent)).collect();
    RunComparison::with_first(&folders, format!("Ablation by {}", by.name()))
}
