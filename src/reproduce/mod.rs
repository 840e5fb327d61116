//! The original study once more: its networks under its own protocol, and the same networks where no trial,
//! or no person, stands on both sides.

mod comparison;
mod page;

pub use comparison::{Comparison, Figure, Row};

use crate::backend::AnyDevice;
use crate::config::{Config, DemoConfig, Preset, RunConfig};
use crate::data::sequences::Dataset;
use crate::data::split::{Scope, SplitKind};
use crate::error::{Error, Result};
use crate::experiment::{self, Ending, Experiment, Selected};
use crate::metrics::Scores;
use crate::progress::Progress;
use crate::report;
use crate::run::{self, Epochs, RunFolder};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// The protocol of the split: what is new in the test part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Nothing but the windows: a random 10 % of them, as in the study. LEAKY.
    Original,
    /// The trials: five folds.
    NewTrials,
    /// The people: five folds, or one for each person.
    NewPeople,
}

impl Protocol {
    /// Every protocol, the study's own first.
    pub const ALL: [Protocol; 3] = [Protocol::Original, Protocol::NewTrials, Protocol::NewPeople];

    /// The name of the protocol, as run folders have it.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Original => "original",
            Protocol::NewTrials => "new-trials",
            Protocol::NewPeople => "new-people",
        }
    }
}

/// Folds of the honest protocols.
const FOLDS: usize = 5;

/// The settings of a reproduction; `reproduce.toml` in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A folder in DEAP's format, or `demo`.
    pub data: PathBuf,
    /// The networks to train.
    pub presets: Vec<Preset>,
    /// Passes over the training part.
    pub epochs: usize,
    /// One fold for each person instead of five.
    pub loso: bool,
    /// Settings of the generated recordings.
    pub demo: DemoConfig,
    /// Device and folders.
    pub run: RunConfig,
}

impl Settings {
    fn config(&self, preset: Preset) -> Config {
        let mut config = preset.config();
        config.data.path.clone_from(&self.data);
        config.demo = self.demo.clone();
        config.run = self.run.clone();
        config.training.epochs = self.epochs;
        config
    }

    fn config_for(&self, preset: Preset, protocol: Protocol, subjects: usize) -> Config {
        let mut config = self.config(preset);
        let (kind, folds) = match protocol {
            Protocol::Original => return config,
            Protocol::NewTrials => (SplitKind::Trial, Some(FOLDS)),
            Protocol::NewPeople => (SplitKind::Subject, (!self.loso).then_some(FOLDS.min(subjects))),
        };
        config.split.split_by = Some(kind);
        config.split.folds = folds;
        // Four fifths are for training, as in the study; nothing stops early, so nothing needs a validation
        // part.
        config.split.validation = 0.0;
        config
    }
}

/// How a job ended.
pub enum JobEnding {
    /// With scores.
    Finished(Box<Done>),
    /// By this signal, with everything saved.
    Interrupted(u8),
}

/// One network under one protocol.
pub struct Job {
    /// The network.
    pub preset: Preset,
    /// The protocol.
    pub protocol: Protocol,
    experiment: Experiment,
}

impl Job {
    /// Of its run folder.
    pub fn name(&self) -> String {
        job_name(self.preset, self.protocol)
    }

    /// How long the training will take on the run's device, from a few steps of it.
    ///
    /// # Errors
    ///
    /// Those of [`Experiment::estimate`].
    pub fn estimate(&self) -> Result<Duration> {
        self.experiment.estimate()
    }

    /// Trains and scores in a run folder of its own below `parent`, from wherever that stands. The signal, if
    /// it is stopped.
    pub fn run(&self, parent: &Path, interrupt: &AtomicUsize, progress: &dyn Progress) -> Result<JobEnding> {
        let folds: Vec<usize> = (0..self.experiment.split.folds().len()).collect();
        let folder = match begun(parent, self.preset, self.protocol) {
            Some(path) => RunFolder::open(&path)?,
            None => RunFolder::create(parent, &self.name())?,
        };
        let run = Selected { experiment: &self.experiment, folder: &folder, folds: &folds };
        let scores = match experiment::run_to_end(&[run], interrupt, progress, &report::write)? {
            Ending::Finished(mut scores) => scores.remove(0),
            Ending::Interrupted(signal) => return Ok(JobEnding::Interrupted(signal)),
            Ending::Unscored => unreachable!("every protocol has a test part"),
        };
        let epoch_seconds = run::epoch_seconds(&Epochs::read(folder.path())?);
        Ok(JobEnding::Finished(Box::new(Done {
            preset: self.preset,
            protocol: self.protocol,
            scope: self.experiment.scope_of(&scores),
            scores,
            epoch_seconds,
            parameters: self.experiment.network.params(),
            folds: folds.len(),
        })))
    }
}

/// `study-lstm-original`
fn job_name(preset: Preset, protocol: Protocol) -> String {
    format!("{}-{}", preset.name(), protocol.name())
}

/// The run folder of the job below `parent`, if there is one. An earlier version may have named it.
fn begun(parent: &Path, preset: Preset, protocol: Protocol) -> Option<PathBuf> {
    let earlier = format!("{}-{}", preset.earlier_name(), protocol.name());
    [job_name(preset, protocol), earlier].map(|name| parent.join(name)).into_iter().find(|path| path.exists())
}

/// A job's outcome.
pub struct Done {
    /// The network.
    pub preset: Preset,
    /// The protocol.
    pub protocol: Protocol,
    /// The scores.
    pub scores: Scores,
    /// The scope of the scores.
    pub scope: Scope,
    /// Of one epoch of all folds, the median; none if there was only one.
    pub epoch_seconds: Option<f64>,
    /// Trainable parameters of one fold's network.
    pub parameters: usize,
    /// Folds that were trained.
    pub folds: usize,
}

/// Reads the data once and splits them for every job. `folder` is where their run folders will be.
pub fn jobs(settings: &Settings, progress: &dyn Progress) -> Result<Vec<Job>> {
    let Some(&first) = settings.presets.first() else {
        return Err(Error::config("the list of presets is empty"));
    };
    let mut config = settings.config(first);
    config.check()?;
    // Before minutes of reading: is there such a device?
    config.run.device()?;
    let dataset: Dataset = experiment::read(&mut config, None, progress)?;
    let subjects = dataset.frames.subjects.len();
    let protocols =
        settings.presets.iter().flat_map(|&preset| Protocol::ALL.map(|protocol| (preset, protocol)));
    protocols
        .map(|(preset, protocol)| {
            let config = settings.config_for(preset, protocol, subjects);
            config.check()?;
            let experiment = Experiment::with_dataset(dataset.clone(), config, &crate::progress::Silent)?;
            Ok(Job { preset, protocol, experiment })
        })
        .collect()
}

/// Describes the device of the jobs.
pub fn device(settings: &Settings) -> Result<String> {
    Ok(AnyDevice::describe(&settings.run.device()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_an_earlier_version_named_is_found() {
        let parent = tempfile::tempdir().unwrap();
        let found = || begun(parent.path(), Preset::StudyGru, Protocol::NewPeople);
        assert_eq!(found(), None);
        for name in ["seed-gru-new-people", "study-gru-new-people"] {
            let path = parent.path().join(name);
            std::fs::create_dir(&path).unwrap();
            assert_eq!(found(), Some(path));
        }
    }

    #[test]
    fn honest_protocols_change_the_split_alone() {
        let settings = Settings {
            data: "DEAP".into(),
            presets: Preset::ALL.to_vec(),
            epochs: 7,
            loso: false,
            demo: DemoConfig::default(),
            run: RunConfig::default(),
        };
        for preset in Preset::ALL {
            let original = settings.config_for(preset, Protocol::Original, 32);
            assert_eq!(original.split.split_by, Some(SplitKind::WindowHoldout));
            assert_eq!((original.training.epochs, original.training.seed), (7, 42));
            for (protocol, kind) in
                [(Protocol::NewTrials, SplitKind::Trial), (Protocol::NewPeople, SplitKind::Subject)]
            {
                let mut honest = settings.config_for(preset, protocol, 32);
                assert_eq!((honest.split.split_by, honest.split.folds), (Some(kind), Some(5)));
                assert_eq!(honest.train_spec().patience, 0);
                honest.split = original.split.clone();
                assert_eq!(honest, original);
            }
        }
        let folds = |settings: &Settings, subjects| {
            settings.config_for(Preset::StudyGru, Protocol::NewPeople, subjects).split.folds
        };
        assert_eq!(folds(&settings, 3), Some(3));
        assert_eq!(folds(&Settings { loso: true, ..settings.clone() }, 32), None);
        let text = toml::to_string(&settings).unwrap();
        assert_eq!(toml::from_str::<Settings>(&text).unwrap(), settings);
    }
}
