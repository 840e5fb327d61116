//! Runs: all folds are trained, what each leaves is kept, and all are scored. A run that was stopped goes on
//! where it stood.

use super::prepare::Experiment;
use super::running::Running;
use super::together::train;
use crate::backend::on_device;
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{Prediction, Scores};
use crate::progress::Progress;
use crate::run::{self, Manifest, Resume, RunFolder, Status};
use crate::shell::quoted;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::AtomicUsize;

/// How runs ended.
pub enum Ending {
    /// With the scores of each run.
    Finished(Vec<Scores>),
    /// With networks of which nothing is scored: the split has no test part.
    Unscored,
    /// By this signal, with everything saved.
    Interrupted(u8),
}

/// Makes of scores, and of the predictions behind them, what people look at, in the run's folder.
pub type Show<'a> = &'a dyn Fn(&RunFolder, &Scores, &[Prediction]) -> Result<()>;

/// A run to train: its folder, and the folds of the experiment that it has.
#[derive(Clone, Copy)]
pub struct Selected<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// The run folder.
    pub folder: &'a RunFolder,
    /// Numbers of folds, from 0.
    pub folds: &'a [usize],
}

/// Trains the selected folds of runs, from wherever their folders' saved states stand, and scores them. The
/// runs have equal networks, settings of training and frames, and equally many folds and time steps; all of
/// them train at once, as [`FoldGroup`](crate::train::FoldGroup) trains folds, and each ends as if it were
/// alone.
///
/// `interrupt` holds the number of a signal that asks to stop, or 0. `show` gets the scores and the
/// predictions behind them as soon as both are saved: a run is not finished before all that is made of them
/// is there, too.
///
/// # Errors
///
/// If a saved state does not belong to its run, if the device or a file fails, and if a loss is not finite.
/// Every run that has not finished then has failed.
pub fn run(
    runs: &[Selected],
    interrupt: &AtomicUsize,
    progress: &dyn Progress,
    show: Show,
) -> Result<Ending> {
    runs.iter().try_for_each(|run| run.experiment.check_all_folds(run.folds))?;
    if runs.len() > 1 && runs.iter().any(|run| run.experiment.is_tuned()) {
        return Err(Error::new(
            ErrorKind::Other,
            "a run whose folds choose their settings, among other runs",
        )
        .hint("train it alone"));
    }
    // A refusal changes nothing.
    let running = runs.iter().map(|run| run.experiment.start(run.folder, run.folds));
    let running = running.collect::<Result<Vec<Running>>>()?;
    let end = |status: Status| {
        let open = runs.iter().filter(|run| !matches!(Status::read(run.folder.path()), Ok(Status::Finished)));
        open.map(|run| status.write(run.folder)).collect::<Vec<Result<()>>>()
    };
    runs.iter().try_for_each(|run| Status::Running.write(run.folder))?;
    // The status must not say for ever that a run trains whose process is gone.
    let train = || train_and_conclude(running, interrupt, progress, show);
    let ending = catch_unwind(AssertUnwindSafe(train)).unwrap_or_else(|panic| {
        end(Status::Failed { message: "the program failed because of a bug".into() });
        resume_unwind(panic)
    });
    match &ending {
        Ok(Ending::Finished(_) | Ending::Unscored) => {}
        Ok(Ending::Interrupted(signal)) => {
            end(Status::Interrupted { signal: *signal }).into_iter().collect::<Result<()>>()?;
        }
        // The runs' own error comes first, whether or not it can be recorded.
        Err(error) => drop(end(Status::Failed { message: error.message.clone() })),
    }
    ending
}

/// Trains and scores in folders that may be new, half-way or finished: of a finished run the scores are read.
/// As [`run()`] otherwise.
///
/// # Errors
///
/// Those of [`run()`].
pub fn run_to_end(
    runs: &[Selected],
    interrupt: &AtomicUsize,
    progress: &dyn Progress,
    show: Show,
) -> Result<Ending> {
    let mut scores = Vec::new();
    for &Selected { experiment, folder, folds } in runs {
        if !folder.file(Resume::FILE).exists() {
            experiment.record(folder, folds)?;
        }
        scores.push(experiment.scores_of(folder)?);
    }
    let open: Vec<Selected> =
        runs.iter().zip(&scores).filter(|(_, scores)| scores.is_none()).map(|(run, _)| *run).collect();
    let mut new = match open.is_empty() {
        true => Vec::new(),
        false => match run(&open, interrupt, progress, show)? {
            Ending::Finished(scores) => scores,
            interrupted => return Ok(interrupted),
        },
    }
    .into_iter();
    Ok(Ending::Finished(scores.into_iter().filter_map(|old| old.or_else(|| new.next())).collect()))
}

fn train_and_conclude(
    mut runs: Vec<Running>,
    interrupt: &AtomicUsize,
    progress: &dyn Progress,
    show: Show,
) -> Result<Ending> {
    let Some(first) = runs.first() else { return Ok(Ending::Finished(Vec::new())) };
    runs.iter().try_for_each(|run| Manifest::unseal(run.folder))?;
    let device = first.experiment.config.run.device()?;
    let before = device.warning();
    before.iter().for_each(|warning| progress.warn(warning));
    let stopped = on_device!(&device, backend => train(backend, &mut runs, interrupt, progress));
    let late = device.warning().filter(|_| before.is_none());
    late.iter().for_each(|warning| progress.warn(warning));
    Ok(match stopped? {
        Some(signal) => Ending::Interrupted(signal),
        None if !runs.iter().all(|run| run.experiment.split.has_test()) => {
            runs.iter().try_for_each(Running::conclude_unscored)?;
            Ending::Unscored
        }
        None => Ending::Finished(
            runs.iter().map(|run| run.conclude(progress, show)).collect::<Result<Vec<Scores>>>()?,
        ),
    })
}

impl Running<'_> {
    /// Scores a run whose folds are complete, and finishes it.
    fn conclude(&self, progress: &dyn Progress, show: Show) -> Result<Scores> {
        let Running { experiment, folder, predictions, .. } = self;
        let mut scores = experiment.with_permutation_test(experiment.score(predictions)?, folder.path())?;
        scores = experiment.with_tuning(scores, folder.path())?;
        // Before anybody sees them. The ledger is not the folder's, whose guard it does not ask.
        folder.check_guard()?;
        run::looks::count(folder.path(), "best", &mut scores, predictions, progress);
        folder.write(
            "confusion.csv",
            &run::write_confusion(&scores.window.confusion, &experiment.dataset.class_names)?,
        )?;
        experiment.write_scores(folder, &scores)?;
        show(folder, &scores, predictions)?;
        Manifest::seal(folder)?;
        Status::Finished.write(folder)?;
        Ok(scores)
    }
}

/// The error that a run stopped by a signal ends with.
pub fn interrupted(signal: u8, run: &Path, command: &str) -> Error {
    Error::new(ErrorKind::Interrupted(signal), format!("stopped by signal {signal}; everything is saved"))
        .hint(format!("go on with `engine {command} --resume {}`", quoted(&run.to_string_lossy())))
}
