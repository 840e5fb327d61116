//! The checkpoints of a run, and their predictions of sequences.

use super::alike::alike;
use super::prepare::Experiment;
use super::read::{check_lengths, read_frames};
use crate::backend::{Backend, on_device};
use crate::config::{Config, RunConfig};
use crate::data::formats::Request;
use crate::data::frames::FrameTable;
use crate::data::sequences::{BadWindows, Dataset, Labeling};
use crate::data::source::Source;
use crate::error::{Error, Result};
use crate::metrics::Prediction;
use crate::model::{Extent, Model};
use crate::progress::Progress;
use crate::run::{FoldCheckpoint, FoldMeta, Manifest, RunFolder, Status};
use crate::train::{self, List};
use std::path::{Path, PathBuf};

impl Experiment {
    /// As [`Experiment::prepare`], with scaled windows rounded as the saved networks of `run` have learned
    /// them.
    pub fn prepare_saved(config: Config, run: &Path, which: &str, progress: &dyn Progress) -> Result<Self> {
        let first = saved_folds(run, which)?[0];
        let checkpoints = read_folds(run, which, &[first])?;
        Experiment::centered(config, Some(&checkpoints[0].center), progress)
    }

    /// Test predictions of a run's saved weights, `which` being `best` or `last`.
    pub fn evaluate(&self, run: &Path, which: &str) -> Result<Vec<Prediction>> {
        self.read_choices(run)?;
        let folds = saved_folds(run, which)?;
        let checkpoints = read_folds(run, which, &folds)?;
        if let Some(other) = checkpoints.iter().find(|c| c.meta.dataset != self.dataset_hash) {
            return Err(Error::data(format!(
                "fold {} was trained on other data than these",
                other.meta.fold
            ))
            .hint("recordings, channels, windows and labels must be those of the run"));
        }
        for (&number, checkpoint) in folds.iter().zip(&checkpoints) {
            // The network of a renamed file would be tested on its own training data.
            let named = self.fold_names.get(number as usize);
            if named != Some(&checkpoint.meta.fold) {
                return Err(Error::data(format!(
                    "checkpoint number {} is of fold {}, and the split has {} there",
                    number + 1,
                    checkpoint.meta.fold,
                    named.map_or("no fold", String::as_str)
                )));
            }
        }
        for (&number, checkpoint) in folds.iter().zip(&checkpoints) {
            if let Some(origin) = &checkpoint.meta.origin {
                let path = RunFolder::checkpoint(run, which, number);
                origin.check(&self.origin(number as usize)).map_err(|e| e.at(path.display()))?;
            }
        }
        let lists: Vec<&[u32]> = folds.iter().map(|&f| self.split.folds()[f as usize].test()).collect();
        let batch = self.spec.batch;
        predict_with(&self.config.run, &checkpoints, &self.dataset, &lists, &folds, batch, &|| Ok(()))
    }
}

/// Numbers of the folds whose weights a run has saved.
pub fn saved_folds(run: &Path, which: &str) -> Result<Vec<u32>> {
    let folder = run.join("checkpoints").join(which);
    let entries = std::fs::read_dir(&folder).map_err(|e| Error::io("list", &folder, e))?;
    let mut folds = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| Error::io("list", &folder, e))?.file_name();
        let number = name
            .to_str()
            .and_then(|n| n.strip_prefix("fold-")?.strip_suffix(".safetensors")?.parse::<u32>().ok());
        folds.extend(number.and_then(|n| n.checked_sub(1)));
    }
    folds.sort_unstable();
    match folds.is_empty() {
        false => Ok(folds),
        true => {
            Err(Error::data(format!("{} has no trained fold", folder.display())).hint(Status::way_on(run)))
        }
    }
}

/// The folds of a run whose weights `which` are there and as the run left them. All folds of the run must be,
/// unless a part is enough.
///
/// # Errors
/// [`ErrorKind::Data`](crate::ErrorKind::Data) that names the missing folds, or the file that was altered.
pub fn checked_folds(run: &Path, which: &str, partial: bool) -> Result<Vec<u32>> {
    let manifest = Manifest::read(run)?;
    let folds = saved_folds(run, which)?;
    let selected = &manifest.selected_folds;
    if let Some(fold) = folds.iter().find(|&&fold| !selected.contains(&(fold as usize))) {
        let path = RunFolder::checkpoint(run, which, *fold);
        return Err(Error::data(format!("{} is of no fold that the run trains", path.display()))
            .hint("remove it: the run did not write it"));
    }
    let missing: Vec<String> = selected
        .iter()
        .filter(|&&fold| !folds.contains(&(fold as u32)))
        .map(|fold| (fold + 1).to_string())
        .collect();
    if !missing.is_empty() && !partial {
        return Err(Error::data(format!(
            "{} of the run's {} folds have no checkpoint in {}: {}",
            missing.len(),
            selected.len(),
            run.join("checkpoints").join(which).display(),
            missing.join(", ")
        ))
        .hint(
            "finish the run: `engine crossval --resume RUN`; or use the folds that there are: `engine evaluate RUN --partial`",
        ));
    }
    let names = folds.iter().map(|&fold| RunFolder::checkpoint(Path::new(""), which, fold));
    let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    manifest.check_files(run, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(folds)
}

/// The saved weights of those folds; all must be of one network, unless each has chosen its own.
pub fn read_folds(run: &Path, which: &str, folds: &[u32]) -> Result<Vec<FoldCheckpoint>> {
    let read = |&f: &u32| FoldCheckpoint::read(&RunFolder::checkpoint(run, which, f));
    let checkpoints = folds.iter().map(read).collect::<Result<Vec<_>>>()?;
    match checkpoints.iter().find(|c| c.meta.network != checkpoints[0].meta.network) {
        None => Ok(checkpoints),
        Some(_) if Manifest::read(run)?.tuning.is_some() => Ok(checkpoints),
        Some(other) => {
            Err(Error::data(format!("fold {} is of another network than the first", other.meta.fold)))
        }
    }
}

/// Every checkpoint's predictions for its own list of sequences, so many models at once. `go_on` is asked
/// before each batch, and its error ends the work.
pub fn predict_with(
    run: &RunConfig,
    checkpoints: &[FoldCheckpoint],
    dataset: &Dataset,
    lists: &[&[u32]],
    numbers: &[u32],
    batch: usize,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Vec<Prediction>> {
    let device = run.device()?;
    let at_once = run.folds_at_once.unwrap_or(checkpoints.len()).max(1);
    // Models of one network predict together; the answers keep the order of the checkpoints.
    let kinds =
        alike(0..checkpoints.len(), |a, b| checkpoints[a].meta.network == checkpoints[b].meta.network);
    let mut predictions: Vec<Vec<Prediction>> = vec![Vec::new(); checkpoints.len()];
    for part in kinds.iter().flat_map(|kind| kind.chunks(at_once)) {
        let of_part: Vec<&FoldCheckpoint> = part.iter().map(|&i| &checkpoints[i]).collect();
        let own: Vec<&[u32]> = part.iter().map(|&i| lists[i]).collect();
        let folds: Vec<u32> = part.iter().map(|&i| numbers[i]).collect();
        let answers = on_device!(&device, backend => {
            predict_on(backend, &of_part, dataset, &own, &folds, batch, go_on)?
        });
        part.iter().zip(answers).for_each(|(&i, answer)| predictions[i] = answer);
    }
    Ok(predictions.into_iter().flatten().collect())
}

/// Predictions of networks of one kind, together, for each its own list.
pub(super) fn predict_on<B: Backend>(
    backend: &B,
    checkpoints: &[&FoldCheckpoint],
    dataset: &Dataset,
    lists: &[&[u32]],
    numbers: &[u32],
    batch: usize,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Vec<Vec<Prediction>>> {
    let batch = batch.min(dataset.sequences.len());
    let FoldMeta { network, stat_steps, .. } = &checkpoints[0].meta;
    let stat_steps = *stat_steps;
    check_lengths(network, dataset)?;
    if stat_steps > 1 && dataset.steps() > stat_steps {
        return Err(Error::data(format!(
            "sequences of {} steps, and the networks were trained with statistics for each of {stat_steps}",
            dataset.steps()
        )));
    }
    let extent = Extent { models: checkpoints.len(), batch, steps: dataset.steps(), stat_steps };
    let mut model = Model::new(backend, network, extent)?;
    model.set_weights(&checkpoints.iter().flat_map(|c| c.weights.iter().copied()).collect::<Vec<f32>>())?;
    model.set_stats(&checkpoints.iter().flat_map(|c| c.stats.flat()).collect::<Vec<f32>>())?;
    let frames = backend.frames(&dataset.frames.chunks)?;
    let lists: Vec<List> = lists.iter().map(|indices| List { dataset, indices }).collect();
    train::predict(&mut model, &frames, &lists, numbers, go_on)
}

/// Recordings that were never labeled, cut as a run cut its own for the networks of `checkpoint`. Cases that
/// the networks cannot read are left out.
pub fn unlabeled(
    config: &Config,
    files: &[PathBuf],
    checkpoint: &FoldCheckpoint,
    progress: &dyn Progress,
) -> Result<Dataset> {
    let mut tables = Vec::new();
    let demo = config.demo.spec();
    let mut window = None;
    for file in files {
        let source = Source::open(
            &Request { path: file, test: None, demo: &demo, layout: config.data.layout },
            progress,
        )?;
        window = source.default_window();
        let (table, facts) = read_frames(config, &source, progress)?;
        if !facts.grouping.has_trials() {
            progress.warn(&format!("{}: trials unknown: each window counts as one", file.display()));
        }
        tables.push(table);
    }
    let table = FrameTable::join(tables)?;
    let twice = table.subjects.iter().enumerate().find(|(i, subject)| table.subjects[..*i].contains(subject));
    if let Some((_, subject)) = twice {
        return Err(Error::config(format!("two of the files hold a subject called `{subject}`"))
            .hint("predict them one by one"));
    }
    let window = config.window_spec(window);
    let bad_windows = match config.data.bad_windows {
        BadWindows::Keep => BadWindows::Keep,
        BadWindows::Fail | BadWindows::Drop => BadWindows::Drop,
    };
    let center = Some(checkpoint.center.as_slice());
    let mut dataset = Dataset::cut(table, &window, Labeling::Unknown, &[], bad_windows, center)?;
    let FoldMeta { network, stat_steps, .. } = &checkpoint.meta;
    let longest = if *stat_steps > 1 { *stat_steps } else { usize::MAX };
    dataset.leave_out_lengths(network.shortest()..=longest)?;
    dataset.warnings.iter().for_each(|warning| progress.warn(warning));
    Ok(dataset)
}
