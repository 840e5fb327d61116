//! Tasks made ready to train. Those that follow one another mostly share their data, which are read once,
//! whatever their labels.

use super::grid::Task;
use crate::backend::{Backend, DeviceChoice, DeviceId, Kind, on_device};
use crate::config::{Config, LabelsConfig, RunConfig};
use crate::data::normalize::Scale;
use crate::data::sequences::Dataset;
use crate::error::{Error, Result};
use crate::experiment::{Experiment, Framed};
use crate::progress::{Progress, Unrepeated};

/// The data of the last task, and what was said of them.
#[derive(Default)]
pub struct Prepared {
    data: Option<Data>,
    said: Unrepeated,
    /// The GPU of all tasks that need one, whatever their settings say.
    adapter: Option<String>,
    /// The devices that tasks asked for.
    devices: Vec<(Kind, DeviceChoice, DeviceId)>,
}

struct Data {
    /// The settings of a task that has them.
    asked: Config,
    /// `None` where windows are scaled: those of a data set are frames of their own, and these would only
    /// fill memory.
    framed: Option<Framed>,
    /// By labels that tasks asked for, the newest last.
    labeled: Vec<Labeled>,
}

/// The most kinds of labels that are kept.
const LABELS: usize = 8;

struct Labeled {
    asked: LabelsConfig,
    /// The settings of a task as reading completed them.
    read: Config,
    dataset: Dataset,
}

impl Prepared {
    /// Of tasks that train on this GPU if they need one, whatever their settings say.
    pub fn on(adapter: Option<&str>) -> Self {
        Prepared { adapter: adapter.map(String::from), ..Prepared::default() }
    }

    /// Puts the GPU of all into the settings of a task.
    fn choose_adapter(&self, run: &mut RunConfig) {
        if run.backend != Kind::Cpu {
            run.choose(None, &DeviceChoice { adapter: self.adapter.clone(), ..DeviceChoice::default() });
        }
    }

    /// The device that trains a task here.
    ///
    /// # Errors
    ///
    /// Those of [`RunConfig::device`](crate::config::RunConfig::device).
    pub(super) fn device(&mut self, task: &Task) -> Result<DeviceId> {
        let mut run = task.config.run.clone();
        self.choose_adapter(&mut run);
        let known =
            self.devices.iter().find(|(kind, choice, _)| *kind == run.backend && *choice == run.choice);
        if let Some((.., device)) = known {
            return Ok(device.clone());
        }
        let device = run.device()?.id();
        self.devices.push((run.backend, run.choice, device.clone()));
        Ok(device)
    }

    /// Why the GPU of a task, which was opened here before, cannot be used any more, if it cannot.
    pub(super) fn broken(&self, task: &Task) -> Option<Error> {
        let mut run = task.config.run.clone();
        self.choose_adapter(&mut run);
        let was_open =
            self.devices.iter().any(|(kind, choice, _)| *kind == run.backend && *choice == run.choice);
        if run.backend == Kind::Cpu || !was_open {
            return None;
        }
        run.device().and_then(|device| on_device!(&device, backend => backend.wait())).err()
    }

    /// The experiment of a task. What was said of one task is not said of the next.
    ///
    /// # Errors
    ///
    /// Those of [`Experiment::with_dataset`], and for a split without a test part.
    pub fn experiment(&mut self, task: &Task, progress: &dyn Progress) -> Result<Experiment> {
        let mut config = task.config.clone();
        self.choose_adapter(&mut config.run);
        config.check()?;
        self.device(task)?;
        let progress = self.said.with(progress);
        let is_known = |data: &Data| data.labeled.iter().any(|labeled| labeled.asked == config.labels);
        let will_do =
            |data: &Data| have_same_frames(&data.asked, &config) && (data.framed.is_some() || is_known(data));
        let data = match self.data.take().filter(will_do) {
            Some(data) => self.data.insert(data),
            // The old ones are not in memory beside the new.
            None => {
                let framed = Some(Framed::read(&config, &progress)?);
                self.data.insert(Data { asked: config.clone(), framed, labeled: Vec::new() })
            }
        };
        let dataset = match data.labeled.iter().find(|labeled| labeled.asked == config.labels) {
            Some(labeled) => {
                let Config { data, demo, frames, labels, .. } = labeled.read.clone();
                config = Config { data, demo, frames, labels, ..config };
                labeled.dataset.clone()
            }
            None => {
                let asked = config.labels.clone();
                let framed = match config.frames.scale {
                    Scale::None => data.framed.clone(),
                    _ => data.framed.take(),
                };
                let framed = framed.expect("frames that were read");
                let dataset = framed.label(&mut config, None, &progress)?;
                if data.labeled.len() == LABELS {
                    data.labeled.remove(0);
                }
                data.labeled.push(Labeled { asked, read: config.clone(), dataset: dataset.clone() });
                dataset
            }
        };
        let experiment = Experiment::with_dataset(dataset, config, &progress)?;
        match experiment.split.has_test() {
            true => Ok(experiment),
            false => Err(Error::config("a sweep compares scores, and the split has no test part")
                .hint("choose another `split_by`")),
        }
    }
}

/// The number of folds of every combination.
///
/// # Errors
///
/// Those of [`Prepared::experiment`], and if combinations have different numbers.
pub fn folds(tasks: &[Task], progress: &dyn Progress) -> Result<usize> {
    let mut prepared = Prepared::default();
    let mut first = None;
    for combination in tasks.chunk_by(|a, b| a.is_of_one_run(b)) {
        let folds = prepared.experiment(&combination[0], progress)?.split.folds().len();
        match first {
            Some((other, number)) if number != folds => {
                return Err(Error::config(format!(
                    "{} has {folds} folds, and {other} has {number}",
                    combination[0].setting()
                ))
                .hint(
                    "where folds are tasks, all combinations have the same number; make a sweep for each",
                ));
            }
            _ => first = Some((combination[0].setting(), folds)),
        }
    }
    Ok(first.map_or(0, |(_, folds)| folds))
}

/// Whether both are trained on frames of the same data, whatever their labels.
pub(super) fn have_same_frames(a: &Config, b: &Config) -> bool {
    a.data == b.data && a.demo == b.demo && a.frames == b.frames
}
