//! Works through the tasks of a sweep, beside other processes that do the same.

use super::claim::{Claim, Owner};
use super::folder::Sweep;
use super::grid::Task;
use super::prepared::Prepared;
use crate::error::{Error, ErrorKind, Result};
use crate::experiment::{self, Ending};
use crate::progress::Progress;
use crate::report;
use crate::run::{RunFolder, Status};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// How the work at a task ended.
pub enum Outcome {
    /// With scores.
    Finished,
    /// By this signal, with everything saved.
    Interrupted(u8),
    /// Another process works at it.
    Owned(Owner),
    /// By this error, which its run folder keeps.
    Failed(Error),
}

/// Works at one task after the other.
pub struct Worker<'a> {
    sweep: &'a Sweep,
    prepared: Prepared,
}

impl<'a> Worker<'a> {
    /// A worker that has done nothing.
    pub fn new(sweep: &'a Sweep) -> Self {
        Worker { sweep, prepared: Prepared::default() }
    }

    /// Trains and scores a task in its run folder, from wherever that stands.
    ///
    /// # Errors
    ///
    /// If the claim cannot be read or written: the sweep itself is in trouble, not the task.
    pub fn work(&mut self, task: &Task, interrupt: &AtomicUsize, progress: &dyn Progress) -> Result<Outcome> {
        // A process whose claim is stale may have the run open all the same.
        let is_in_use = || RunFolder::is_in_use(&self.sweep.run(task)) == Some(true);
        if is_in_use() {
            return Ok(Outcome::Owned(self.sweep.owner(task)?.unwrap_or_else(Owner::unknown)));
        }
        let claim = match Claim::make(&self.sweep.claims(), task.number)? {
            Ok(claim) => Arc::new(claim),
            Err(owner) => return Ok(Outcome::Owned(owner)),
        };
        let guard = Arc::clone(&claim);
        let outcome = match self.sweep.run_folder(task) {
            Ok(folder) => {
                let folder = folder.guarded(move || guard.check());
                self.train(task, &folder, interrupt, progress)
            }
            Err(_) if is_in_use() => Outcome::Owned(Owner::unknown()),
            Err(error) => Outcome::Failed(error),
        };
        let outcome = claim.successor().map_or(outcome, Outcome::Owned);
        let claim =
            Arc::into_inner(claim).ok_or_else(|| Error::new(ErrorKind::Other, "a claim is held on"))?;
        claim.release()?;
        Ok(outcome)
    }

    fn train(
        &mut self,
        task: &Task,
        folder: &RunFolder,
        interrupt: &AtomicUsize,
        progress: &dyn Progress,
    ) -> Outcome {
        let trained = self.sweep.mark(task, folder).and_then(|()| {
            let experiment = self.prepared.experiment(task, progress)?;
            let all: Vec<usize> = (0..experiment.split.folds().len()).collect();
            experiment.check_memory(&all, 1)?;
            experiment::run_to_end(&[(&experiment, folder)], &all, interrupt, progress, &report::write)
        });
        match trained {
            Ok(Ending::Finished(_) | Ending::Unscored) => Outcome::Finished,
            Ok(Ending::Interrupted(signal)) => Outcome::Interrupted(signal),
            Err(error) => {
                // An error before the training is recorded nowhere else.
                if !matches!(Status::read(folder.path()), Ok(Status::Finished))
                    && let Err(e) = (Status::Failed { message: error.message.clone() }).write(folder)
                {
                    progress.warn(&format!("{} does not keep its error: {}", task.name(), e.message));
                }
                Outcome::Failed(error)
            }
        }
    }
}
