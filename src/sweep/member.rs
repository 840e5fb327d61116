//! The cross-validations of a sweep that have scores: each is the run of a task, or the runs of the tasks of
//! its folds.

use super::folder::{State, Sweep};
use super::grid::Task;
use super::prepared::Prepared;
use crate::backend::DeviceId;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::experiment::{Experiment, Record, differences};
use crate::metrics::{Prediction, Scores};
use crate::progress::Progress;
use crate::run::looks::Trials;

/// A cross-validation that has scores.
pub(super) struct Member<'a> {
    /// Its task, or that of its first fold.
    pub(super) task: &'a Task,
    /// The names of its run folders.
    pub(super) runs: Vec<String>,
    /// Of its run, or that of its first fold.
    pub(super) record: Record,
    pub(super) scores: Scores,
    /// The devices of its runs, in their order, each once.
    pub(super) devices: Vec<DeviceId>,
    /// That were tested; `None` if the manifest does not name their recordings.
    pub(super) trials: Option<Trials>,
    /// The predictions as CSV, where they were put together.
    pub(super) joined: Option<Vec<u8>>,
}

const SPLIT: &str = "split.json";

/// Tasks without scores, by name.
pub(super) type Missing = Vec<(String, State)>;

/// Every cross-validation that is complete, and the tasks that have no scores; with `partial` also those
/// whose run cannot be used.
///
/// # Errors
///
/// For a run that is not of its task, and those of [`Record::results`].
pub(super) fn members<'a>(
    sweep: &'a Sweep,
    partial: bool,
    progress: &dyn Progress,
) -> Result<(Vec<Member<'a>>, Missing)> {
    let mut missing = Vec::new();
    let mut done = Vec::new();
    let mut prepared = Prepared::default();
    for tasks in sweep.tasks.chunk_by(Task::is_of_one_run) {
        let mut parts = Vec::new();
        for task in tasks {
            match sweep.state(task)? {
                State::Finished => match Part::read(sweep, task) {
                    Ok(part) => parts.push(part),
                    Err(error) if partial => {
                        progress.warn(&error.message);
                        missing.push((task.name(), State::Failed(error.message)));
                    }
                    Err(error) => return Err(error),
                },
                state => missing.push((task.name(), state)),
            }
        }
        if parts.len() == tasks.len() {
            done.push(joined(parts, &mut prepared, progress)?);
        }
    }
    Ok((done, missing))
}

/// The results of a task.
struct Part<'a> {
    task: &'a Task,
    record: Record,
    scores: Scores,
    predictions: Vec<Prediction>,
}

impl<'a> Part<'a> {
    fn read(sweep: &Sweep, task: &'a Task) -> Result<Self> {
        sweep.check_mark(task)?;
        let record = Record::read(&sweep.run(task))?;
        belongs(&record, task)?;
        let (scores, predictions) = record.results()?;
        Ok(Part { task, record, scores, predictions })
    }

    /// Refuses a fold of other data or of another split than those of `experiment`: folds that do not belong
    /// together make no cross-validation.
    fn check_folds(&self, experiment: &Experiment) -> Result<()> {
        let (found, folder) = (&self.record.manifest.dataset.blake3, &self.record.folder);
        if *found != experiment.dataset_hash {
            return Err(Error::data(format!(
                "{} was trained on other data than there are now: their blake3 hash was {found}, and is {}",
                folder.display(),
                experiment.dataset_hash
            ))
            .hint("put the data of the sweep back, from which its folds are put together"));
        }
        self.record.manifest.check_files(folder, &[SPLIT])?;
        let path = folder.join(SPLIT);
        let split = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
        match split == experiment.split.to_json() {
            true => Ok(()),
            false => Err(Error::data(format!("{} is another split than there is now", path.display()))
                .hint("put the split file of the sweep back, from which its folds are put together")),
        }
    }
}

/// A cross-validation of its parts. Of several, which are its folds, it is scored as a whole.
fn joined<'a>(parts: Vec<Part<'a>>, prepared: &mut Prepared, progress: &dyn Progress) -> Result<Member<'a>> {
    let runs: Vec<String> = parts.iter().map(|part| part.task.name()).collect();
    let mut devices: Vec<DeviceId> = Vec::new();
    for device in parts.iter().flat_map(|part| part.record.manifest.devices()) {
        if !devices.contains(device) {
            devices.push(device.clone());
        }
    }
    let is_fold = parts.iter().any(|part| part.task.fold.is_some());
    let experiment = is_fold.then(|| prepared.experiment(parts[0].task, progress)).transpose()?;
    for part in parts.iter().filter(|_| is_fold) {
        experiment.iter().try_for_each(|experiment| part.check_folds(experiment))?;
    }
    let mut parts = parts.into_iter();
    let Some(Part { task, record, mut scores, mut predictions }) = parts.next() else {
        return Err(Error::data("a cross-validation without tasks"));
    };
    let mut joined = None;
    if let Some(experiment) = experiment {
        predictions.extend(parts.flat_map(|part| part.predictions));
        scores = experiment.score(&predictions)?;
        joined = Some(experiment.predictions_csv(&predictions)?);
    }
    let trials = Trials::predicted(&predictions, &record.manifest);
    Ok(Member { task, runs, record, scores, devices, trials, joined })
}

impl Member<'_> {
    /// Whether its split leaks.
    pub(super) fn is_leaky(&self) -> bool {
        self.record.manifest.split.kind.is_leaky()
    }
}

/// Refuses a run whose configuration or fold is not that of its task. Reading the data completes the settings
/// of some sections; those of a run do not change what it learns.
fn belongs(record: &Record, task: &Task) -> Result<()> {
    let found = Config::from_toml(&record.config)?;
    // Permutations may be added to a finished run.
    let Config { data, demo, frames, labels, run, permutation, .. } = found.clone();
    let expected = Config { data, demo, frames, labels, run, permutation, ..task.config.clone() };
    let expected = expected.with_options(&task.options)?;
    let has_its_folds = task.selection(record.folds.len())? == record.manifest.selected_folds;
    if has_its_folds && expected == found {
        return Ok(());
    }
    let different = match has_its_folds {
        true => differences(&expected.to_toml(), &found.to_toml()).join("; "),
        false => format!("folds {:?}, counted from 0", record.manifest.selected_folds),
    };
    Err(Error::data(format!(
        "{} has other settings than its task, {}, seed {}: {different}",
        record.folder.display(),
        task.setting(),
        task.seed
    ))
    .hint("put the sweep's own run back, or move this one away and run the task again"))
}
