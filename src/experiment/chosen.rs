//! The settings of each fold: the run's own, or those that the fold has chosen.

use super::candidate::Candidate;
use super::prepare::Experiment;
use crate::config::{Axis, Config};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{Scores, Tuning};
use crate::ops::Network;
use crate::run::{Choices, Manifest, TuningEntry};
use crate::train::TrainSpec;
use std::path::Path;

impl Experiment {
    /// Whether each fold chooses its settings.
    pub fn is_tuned(&self) -> bool {
        !self.candidates.is_empty()
    }

    /// The candidate that fold `number`, from 0, has chosen; `None` before the choice and without one.
    fn candidate_of(&self, number: usize) -> Option<&Candidate> {
        self.candidates.get(*self.chosen.get()?.get(number)?)
    }

    /// The network of fold `number`, from 0.
    pub(super) fn network_of(&self, number: usize) -> &Network {
        self.candidate_of(number).map_or(&self.network, |candidate| &candidate.network)
    }

    /// How fold `number`, from 0, is trained.
    pub(super) fn spec_of(&self, number: usize) -> &TrainSpec {
        self.candidate_of(number).map_or(&self.spec, |candidate| &candidate.spec)
    }

    /// The hash of the settings that shape the network of fold `number`, from 0: a fold that has chosen is
    /// one of a plain run with those settings.
    pub(super) fn shape_of(&self, number: usize) -> String {
        self.candidate_of(number).map_or(&self.config, |candidate| &candidate.config).shape()
    }

    /// The choices before the first.
    pub(super) fn no_choices(&self) -> Tuning {
        no_choices(
            self.config.tuning.inner_folds(),
            self.candidates.iter().map(|candidate| candidate.options.as_slice()),
        )
    }

    /// Takes the choices of a run once all folds have made theirs.
    ///
    /// # Errors
    /// If the experiment has taken others, of another run.
    pub(super) fn settle(&self, tuning: &Tuning) -> Result<()> {
        if tuning.folds.len() < self.split.folds().len() {
            return Ok(());
        }
        let chosen: Vec<usize> = tuning.folds.iter().map(|choice| choice.chosen).collect();
        match self.chosen.get_or_init(|| chosen.clone()) == &chosen {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Other, "two runs of one experiment have chosen differently")
                .hint("prepare an experiment for each run")),
        }
    }

    /// Reads the choices of a run that has made all, if its folds choose.
    ///
    /// # Errors
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) if choices are missing, or are of other candidates.
    pub(super) fn read_choices(&self, run: &Path) -> Result<Option<Tuning>> {
        if !self.is_tuned() {
            return Ok(None);
        }
        let tuning = complete(run, &self.no_choices(), self.split.folds().len())?;
        self.settle(&tuning)?;
        Ok(Some(tuning))
    }

    /// The scores of a run with the choices of its folds, if it made any.
    ///
    /// # Errors
    /// If the choices cannot be read.
    pub fn with_tuning(&self, scores: Scores, run: &Path) -> Result<Scores> {
        Ok(Scores { tuning: self.read_choices(run)?, ..scores })
    }

    /// The choice, for the manifest.
    pub(super) fn tuning_entry(&self) -> Option<TuningEntry> {
        self.is_tuned().then(|| TuningEntry {
            inner_folds: self.config.tuning.inner_folds(),
            candidates: self.candidates.iter().map(|candidate| Axis::in_words(&candidate.options)).collect(),
        })
    }
}

/// The configuration of a plain run with the settings of fold `number`, from 0, of `run`, which has this
/// configuration.
///
/// # Errors
/// [`ErrorKind::Data`](crate::ErrorKind::Data) if the fold chooses, and the run does not say what.
pub fn config_of_fold(config: &Config, run: &Path, number: u32) -> Result<Config> {
    let candidates = config.candidates()?;
    if candidates.is_empty() {
        return Ok(config.clone());
    }
    let options = candidates.iter().map(|(options, _)| options.as_slice());
    let folds = Manifest::read(run)?.split.folds.len();
    let tuning = complete(run, &no_choices(config.tuning.inner_folds(), options), folds)?;
    let choice = tuning.folds.get(number as usize).and_then(|choice| candidates.get(choice.chosen));
    choice.map(|(_, config)| config.clone()).ok_or_else(|| {
        Error::data(format!("{} has no choice of fold {}", run.join(Choices::FILE).display(), number + 1))
    })
}

fn no_choices<'a>(inner_folds: usize, options: impl Iterator<Item = &'a [(String, String)]>) -> Tuning {
    Tuning::new(inner_folds, options, Axis::in_words)
}

/// The choices of all folds of `run`, whose candidates are those of `none`.
fn complete(run: &Path, none: &Tuning, folds: usize) -> Result<Tuning> {
    let path = run.join(Choices::FILE);
    let tuning = Choices::read(run)?.unwrap_or_else(|| none.clone());
    if tuning.folds.len() != folds {
        return Err(Error::data(format!(
            "{}: {} of {folds} folds have chosen their settings",
            path.display(),
            tuning.folds.len()
        ))
        .hint("finish the run first: `engine crossval --resume RUN`"));
    }
    check_candidates(&path, &tuning, none)?;
    Ok(tuning)
}

/// Refuses choices among other candidates than those of `none`.
pub(super) fn check_candidates(path: &Path, tuning: &Tuning, none: &Tuning) -> Result<()> {
    match tuning.is_of(none) {
        true => Ok(()),
        false => Err(Error::data(format!(
            "{}: its choices do not follow from its scores, or are of other candidates than those of config.toml",
            path.display()
        ))
        .hint("put the run's own file back, or start a new run")),
    }
}
