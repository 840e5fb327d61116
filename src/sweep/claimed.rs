//! A task that this process has claimed, and what its run folder keeps where something goes wrong.

use super::claim::Claim;
use super::grid::Task;
use crate::error::{Error, ErrorKind};
use crate::progress::Progress;
use crate::run::{RunFolder, Status};
use std::sync::Arc;

/// A task that this process has claimed.
pub(super) struct Claimed<'a> {
    pub(super) task: &'a Task,
    pub(super) claim: Arc<Claim>,
    pub(super) folder: RunFolder,
}

/// In the folder of a run that was being trained when its GPU broke.
const BROKE_GPU: &str = "broke-gpu.txt";

impl Claimed<'_> {
    /// Leaves a task open that was being trained when its GPU broke. One to which that happens twice in a row
    /// has failed, by the error that this returns: it may be its fault, and would take one GPU after the
    /// other.
    pub(super) fn leave(&self, error: &Error, progress: &dyn Progress) -> Option<Error> {
        if self.folder.file(BROKE_GPU).exists() {
            let message = format!("a GPU broke while it trained, twice in a row: {}", error.message);
            let error = Error::new(ErrorKind::Device, message);
            self.keep(&error, progress);
            return Some(error);
        }
        if let Err(e) = self.folder.write(BROKE_GPU, format!("{}\n", error.message).as_bytes()) {
            progress.warn(&format!("{}: {}", self.task.name(), e.message));
        }
        self.reopen(progress);
        None
    }

    /// Forgets that a GPU broke while the task trained: it has trained since without that.
    pub(super) fn forgive(&self, progress: &dyn Progress) {
        if let Err(e) = self.folder.remove(BROKE_GPU) {
            progress.warn(&format!("{}: {}", self.task.name(), e.message));
        }
    }

    /// Takes back that a task has failed.
    pub(super) fn reopen(&self, progress: &dyn Progress) {
        if matches!(Status::read(self.folder.path()), Ok(Status::Failed { .. }))
            && let Err(e) = Status::Running.write(&self.folder)
        {
            progress.warn(&format!("{}: {}", self.task.name(), e.message));
        }
    }

    /// Records an error that came before the training: it is recorded nowhere else.
    pub(super) fn keep(&self, error: &Error, progress: &dyn Progress) {
        if !matches!(Status::read(self.folder.path()), Ok(Status::Finished))
            && let Err(e) = (Status::Failed { message: error.message.clone() }).write(&self.folder)
        {
            progress.warn(&format!("{} does not keep its error: {}", self.task.name(), e.message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder::Sweep;
    use super::super::grid::Settings;
    use super::*;
    use crate::progress::Silent;

    /// The first GPU may have broken by itself; the second one has one cause in common with it.
    #[test]
    fn a_task_in_whose_training_a_gpu_breaks_again_has_failed() {
        let parent = tempfile::tempdir().unwrap();
        let sweep = Sweep::create(parent.path(), "s", Settings::from_toml("seeds = [1]").unwrap()).unwrap();
        let task = &sweep.tasks[0];
        let claim = Claim::make(&sweep.claims(), task.number).unwrap().expect("nobody else has it");
        let claimed = Claimed { task, claim: Arc::new(claim), folder: sweep.run_folder(task).unwrap() };
        let lost = Error::new(ErrorKind::Device, "the device is lost");
        let status = || Status::read(claimed.folder.path()).unwrap();

        // As a training that ends with an error leaves it.
        Status::Failed { message: lost.message.clone() }.write(&claimed.folder).unwrap();
        assert!(claimed.leave(&lost, &Silent).is_none());
        assert_eq!(status(), Status::Running);

        // It trains for a while, and a GPU breaks much later.
        claimed.forgive(&Silent);
        assert!(claimed.leave(&lost, &Silent).is_none());

        Status::Failed { message: lost.message.clone() }.write(&claimed.folder).unwrap();
        assert!(claimed.leave(&lost, &Silent).is_some());
        let message = "a GPU broke while it trained, twice in a row: the device is lost";
        assert_eq!(status(), Status::Failed { message: message.into() });
    }
}
