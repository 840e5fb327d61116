//! Works through the tasks of a sweep, beside other processes that do the same.

use super::claim::{Claim, Owner};
use super::folder::Sweep;
use super::grid::Task;
use crate::config::{Config, DataConfig, DemoConfig, FramesConfig, LabelsConfig};
use crate::data::sequences::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::experiment::{self, Ending, Experiment};
use crate::progress::{Progress, Silent};
use crate::report;
use crate::run::Status;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// How the work at a task ended.
pub enum Outcome {
    /// With scores.
    Finished,
    /// By this signal, with everything saved.
    Interrupted(u8),
    /// Before it began: another process works at it.
    Owned(Owner),
    /// By this error, which its run folder keeps.
    Failed(Error),
}

/// Works at one task after the other.
pub struct Worker<'a> {
    sweep: &'a Sweep,
    /// The data of the last task, and the settings that they were read for.
    data: Option<Data>,
}

type Sections = (DataConfig, DemoConfig, FramesConfig, LabelsConfig);

struct Data {
    asked: Sections,
    read: Sections,
    dataset: Dataset,
}

impl<'a> Worker<'a> {
    /// A worker that has done nothing.
    pub fn new(sweep: &'a Sweep) -> Self {
        Worker { sweep, data: None }
    }

    /// Trains and scores a task in its run folder, from wherever that stands.
    ///
    /// # Errors
    ///
    /// If the claim or the run folder cannot be read or written: the sweep itself is in trouble, not the
    /// task.
    pub fn work(&mut self, task: &Task, interrupt: &AtomicUsize, progress: &dyn Progress) -> Result<Outcome> {
        let claim = match Claim::make(&self.sweep.claims(), task.number)? {
            Ok(claim) => Arc::new(claim),
            Err(owner) => return Ok(Outcome::Owned(owner)),
        };
        let guard = Arc::clone(&claim);
        let folder = self.sweep.run_folder(task)?.guarded(move || guard.check());
        let trained = self.experiment(task, progress).and_then(|experiment| {
            let all: Vec<usize> = (0..experiment.split.folds().len()).collect();
            if !experiment.split.has_test() {
                return Err(Error::config("a sweep compares scores, and the split has no test part")
                    .hint("choose another `split_by`"));
            }
            experiment.check_memory(&all, 1)?;
            experiment::run_to_end(&[(&experiment, &folder)], &all, interrupt, progress, &report::write)
        });
        let outcome = match trained {
            Ok(Ending::Finished(_) | Ending::Unscored) => Outcome::Finished,
            Ok(Ending::Interrupted(signal)) => Outcome::Interrupted(signal),
            Err(error) => {
                // An error before the training is recorded nowhere else. One of the claim cannot be.
                if Status::read(folder.path()).is_ok_and(|status| !matches!(status, Status::Failed { .. }))
                    || !folder.file(Status::FILE).exists()
                {
                    drop(Status::Failed { message: error.message.clone() }.write(&folder));
                }
                Outcome::Failed(error)
            }
        };
        drop(folder);
        let claim =
            Arc::into_inner(claim).ok_or_else(|| Error::new(ErrorKind::Other, "a claim is held on"))?;
        claim.release()?;
        Ok(outcome)
    }

    /// The data are read once for all tasks in a row that share them.
    fn experiment(&mut self, task: &Task, progress: &dyn Progress) -> Result<Experiment> {
        let mut config = task.config.clone();
        config.check()?;
        config.run.device()?;
        let asked = sections(&config);
        match &self.data {
            Some(data) if data.asked == asked => {
                let (data, demo, frames, labels) = data.read.clone();
                config = Config { data, demo, frames, labels, ..config };
            }
            _ => {
                let dataset = experiment::read(&mut config, None, progress)?;
                self.data = Some(Data { asked, read: sections(&config), dataset });
            }
        }
        let dataset = &self.data.as_ref().expect("it was read").dataset;
        // The first task said what there is to say of the data.
        let progress = if task.number == 1 { progress } else { &Silent };
        Experiment::with_dataset(dataset.clone(), config, progress)
    }
}

fn sections(config: &Config) -> Sections {
    (config.data.clone(), config.demo.clone(), config.frames.clone(), config.labels.clone())
}
