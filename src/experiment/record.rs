//! The record of a run: its configuration, manifest and epochs, and its results.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::metrics::{Confusion, Names, Prediction, Scores, prediction};
use crate::run::{Choices, Epochs, Manifest, Permutations, Predictions, Status, tested_epochs};
use crate::shell::quoted;
use crate::train::{EpochRecord, Selection};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The configuration, manifest and epochs of a run.
pub struct Record {
    /// The run's folder, as the user named it.
    pub folder: PathBuf,
    /// config.toml
    pub config: String,
    /// manifest.json
    pub manifest: Manifest,
    /// epochs.csv
    pub epochs: Vec<EpochRecord>,
    /// The epoch whose weights were tested, of each fold, counted from 1 as in `epochs`.
    pub tested: BTreeMap<u32, usize>,
    /// Which epoch that is.
    pub selection: Selection,
    /// The names of the split's folds.
    pub folds: Vec<String>,
    subjects: Vec<String>,
}

impl Record {
    /// Reads config.toml, manifest.json and epochs.csv of a run.
    pub fn read(folder: &Path) -> Result<Self> {
        let config = folder.join("config.toml");
        let selection = Config::resolve_file(&config)?.training.selection;
        let epochs = Epochs::read(folder)?;
        let manifest = Manifest::read(folder)?;
        manifest.check_files(folder, &["config.toml", Epochs::FILE])?;
        let recordings = manifest.dataset.recordings.iter();
        Ok(Record {
            folder: folder.into(),
            config: std::fs::read_to_string(&config).map_err(|e| Error::io("read", &config, e))?,
            tested: tested_epochs(&epochs, selection),
            selection,
            epochs,
            folds: manifest.split.folds.iter().map(|fold| fold.name.clone()).collect(),
            subjects: recordings.map(|recording| recording.subject.clone()).collect(),
            manifest,
        })
    }

    /// As if the weights of the last epoch had been tested.
    pub fn with_last_weights(self) -> Self {
        let selection = Selection::Last;
        Record { tested: tested_epochs(&self.epochs, selection), selection, ..self }
    }

    /// Reads scores.json and predictions.csv of a run that is finished, and refuses them if they do not
    /// belong together.
    pub fn results(&self) -> Result<(Scores, Vec<Prediction>)> {
        self.manifest.check_sealed(&self.folder)?;
        self.manifest.check_scored(&self.folder)?;
        let path = self.folder.join("scores.json");
        if !path.is_file() {
            return Err(Error::data(format!("{} has no scores.json", self.folder.display()))
                .hint(Status::way_on(&self.folder)));
        }
        self.manifest.check_files(
            &self.folder,
            &["scores.json", Predictions::FILE, Permutations::FILE, Choices::FILE],
        )?;
        let scores: Scores = parse(&path)?;
        let classes = &self.manifest.dataset.classes;
        let names = Names { folds: &self.folds, subjects: &self.subjects, classes };
        let predictions = Predictions::read(&self.folder, names)?;
        let trials = prediction::trials(&predictions)?;
        let agree = scores.class_names == *classes
            && [&scores.trial, &scores.window].iter().all(|level| level.by_class.len() == classes.len())
            && scores.trial.confusion == Confusion::of(&trials, classes.len())
            && scores.window.confusion == Confusion::of(&predictions, classes.len());
        match agree {
            true => Ok((scores, predictions)),
            false => Err(Error::data(format!("{} is not of the predictions beside it", path.display()))
                .hint("`engine evaluate RUN` scores the saved weights again")),
        }
    }

    /// The run's own name.
    pub fn name(&self) -> String {
        self.folder.file_name().unwrap_or(self.folder.as_os_str()).to_string_lossy().into_owned()
    }

    /// The command that would make this run again, from where it was started.
    pub fn command(&self) -> String {
        let command = match self.manifest.selected_folds.as_slice() {
            [fold] if self.folds.len() > 1 => format!("train --fold {}", fold + 1),
            _ if !self.manifest.split.has_test() => "train".into(),
            _ => "crossval".into(),
        };
        format!("engine {command} --config {}", quoted(&self.folder.join("config.toml").to_string_lossy()))
    }
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    serde_json::from_str(&text).map_err(|e| Error::data(format!("{}: {e}", path.display())))
}
