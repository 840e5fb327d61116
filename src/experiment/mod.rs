//! From a configuration to a result: data, split, network, all folds, scores. `train`, `crossval`, `evaluate` and
//! `predict` all walk this path.

mod moved;
mod read;
mod saved;
mod watch;

pub use moved::{move_run, refuse_other_device};
pub use read::{read, shape};
pub use saved::{predict_with, read_folds, saved_folds, unlabelled};

use crate::backend::cpu::Cpu;
use crate::backend::{Backend, on_device};
use crate::checkpoint::{FoldCheckpoint, FoldMeta};
use crate::config::Config;
use crate::data::labels::LabelScheme;
use crate::data::normalise::Normalise;
use crate::data::sequences::Dataset;
use crate::data::split::{Leak, Split};
use crate::data::stats::Stats;
use crate::error::{Error, Fault, Result};
use crate::metrics::{Names, Prediction, Scores, TrialLabel};
use crate::model::{Extent, Model};
use crate::ops::Network;
use crate::progress::Progress;
use crate::report::{Page, Record};
use crate::run::{self, Log, Resume, RunFolder};
use crate::train::{FoldResult, Outcome, Stack, TrainSpec};
use rayon::prelude::*;
use serde_json::json;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use watch::{EPOCH_COLUMNS, Watch};

/// Data, split and network of a configuration, ready to train.
pub struct Experiment {
    pub config: Config,
    pub dataset: Dataset,
    pub split: Split,
    pub network: Network,
    spec: TrainSpec,
    dataset_hash: String,
    fold_names: Vec<String>,
}

/// How a run ended.
pub enum Ending {
    /// With scores.
    Finished(Box<Scores>),
    /// By this signal, with everything saved.
    Interrupted(u8),
}

impl Experiment {
    /// Reads the data, cuts and labels sequences, splits them and audits the split.
    pub fn prepare(config: Config, progress: &dyn Progress) -> Result<Self> {
        Experiment::centered(config, None, progress)
    }

    /// As [`Experiment::prepare`], with scaled windows rounded as the saved networks of `run` have learnt them.
    pub fn prepare_saved(config: Config, run: &Path, which: &str, progress: &dyn Progress) -> Result<Self> {
        let first = saved_folds(run, which)?[0];
        let checkpoints = read_folds(run, which, &[first])?;
        Experiment::centered(config, Some(&checkpoints[0].center), progress)
    }

    fn centered(mut config: Config, center: Option<&[f32]>, progress: &dyn Progress) -> Result<Self> {
        config.check()?;
        // Before minutes of reading: is there such a device?
        config.run.device()?;
        let dataset = read(&mut config, center, progress)?;
        Experiment::on(dataset, config, progress)
    }

    /// As [`Experiment::prepare`], on data that have been read: those that `config` asks for.
    pub fn on(dataset: Dataset, mut config: Config, progress: &dyn Progress) -> Result<Self> {
        let split = match &config.split.split_file {
            None => config.split_spec().build(&dataset)?,
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
                let split = Split::from_json(&text, &dataset).map_err(|e| e.at(path.display()))?;
                if let Some(asked) = config.split.split_by.filter(|&asked| asked != split.kind()) {
                    return Err(Error::config(format!(
                        "{} splits by {}, and --split asks for {}",
                        path.display(),
                        split.kind().name(),
                        asked.name()
                    ))
                    .hint("leave `--split` out"));
                }
                split
            }
        };
        let empty = split.folds().iter().find(|fold| fold.validation().is_empty());
        if let Some(fold) = empty.filter(|_| config.train_spec().patience > 0) {
            return Err(Error::config(format!("fold {} has no validation part to stop early by", fold.name))
                .hint("use `--patience 0`"));
        }
        if split.kind().is_leaky() {
            progress.warn(&format!(
                "--split {} LEAKS: {}. Scores measure how well trials are recognised, not emotions; compare with \
                 `--split trial` or `--split subject`",
                split.kind().name(),
                Leak::of(&split.audit(&dataset)).describe()
            ));
        }
        if config.frames.normalise == Normalise::Subject {
            progress.warn(
                "--normalise subject is transductive: test subjects' signals, not labels, shaped the scaling",
            );
        }
        let network = config.network.network(dataset.frames.width(), dataset.class_names.len());
        check_lengths(&network, &dataset)?;
        config.split.split_by.get_or_insert(split.kind());
        let fold_names = split.folds().iter().map(|fold| fold.name.clone()).collect();
        let dataset_hash = dataset.hash();
        // A larger batch would only take memory.
        let spec =
            TrainSpec { batch: config.training.batch.min(dataset.sequences.len()), ..config.train_spec() };
        Ok(Experiment { spec, config, dataset_hash, dataset, split, network, fold_names })
    }

    /// The name of the run folder where the user gives none: `bilstm-valence-subject`.
    pub fn default_name(&self) -> String {
        let label = match self.config.labels.label {
            Some(LabelScheme::Class) | None => {
                self.config.data.path.file_stem().and_then(|s| s.to_str()).unwrap_or("data")
            }
            Some(LabelScheme::Valence) => "valence",
            Some(LabelScheme::Arousal) => "arousal",
            Some(LabelScheme::Dominance) => "dominance",
            Some(LabelScheme::Liking) => "liking",
            Some(LabelScheme::Quadrant) => "quadrant",
        };
        let label: String = label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        format!("{}-{label}-{}", self.config.network.name(), self.split.kind().name())
    }

    /// What will happen, in lines for people: data, split, network, memory.
    pub fn describe(&self, selection: &[usize]) -> String {
        let d = &self.dataset;
        let classes: Vec<String> = d
            .class_names
            .iter()
            .zip(d.class_counts())
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        let blocks = self.network.convs.iter().map(|conv| format!("conv {conv}"));
        let layers = self
            .network
            .layers
            .iter()
            .map(|l| format!("{}{} {}", if l.dirs == 2 { "bi" } else { "" }, l.cell.name(), l.hidden));
        let layers: Vec<String> = blocks.chain(layers).collect();
        let extent = self.extent(self.stack_size(selection.len()));
        let megabytes = (Model::<Cpu>::bytes(&self.network, extent) + d.frames.bytes()) / (1 << 20);
        format!(
            "data     {} subjects, {} trials, {} sequences of {} steps x {} features ({})\n\
             labels   {}: {}\n\
             split    {}, {} folds, {} trained at once; {}\n\
             network  {} -> {}{} classes, {} parameters\n\
             memory   about {megabytes} MiB",
            d.frames.subjects.len(),
            d.frames.segments.len(),
            d.sequences.len(),
            d.steps(),
            d.frames.width(),
            self.config.data.path.display(),
            d.label_rule,
            classes.join(", "),
            self.split.kind().name(),
            selection.len(),
            extent.models,
            Leak::of(&self.split.audit(d)).describe(),
            layers.join(" -> "),
            self.network.dense.map_or(String::new(), |units| format!("dense {units} -> ")),
            self.network.classes,
            self.network.params(),
        )
    }

    /// How many of so many folds are trained at once.
    pub fn stack_size(&self, folds: usize) -> usize {
        self.config.run.folds_at_once.unwrap_or(folds).min(folds)
    }

    fn extent(&self, models: usize) -> Extent {
        let stat_steps =
            if self.config.frames.normalise == Normalise::TrainSteps { self.dataset.steps() } else { 1 };
        Extent { models, batch: self.spec.batch, steps: self.dataset.steps(), stat_steps }
    }

    /// Everything that identifies the run, for manifest.json.
    fn manifest(&self, device: &str, selection: &[usize]) -> serde_json::Value {
        let d = &self.dataset;
        let recordings: Vec<_> = d
            .frames
            .subjects
            .iter()
            .zip(&d.frames.hashes)
            .map(|(subject, hash)| json!({ "subject": subject, "blake3": hash }))
            .collect();
        let audit = self.split.audit(d);
        json!({
            "engine": env!("CARGO_PKG_VERSION"),
            "platform": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            "device": device,
            "threads": rayon::current_num_threads(),
            "unix_time": std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_secs()),
            "seed": self.spec.seed,
            "dataset": { "blake3": self.dataset_hash, "recordings": recordings, "labels": d.label_rule,
                         "classes": d.class_names, "class_counts": d.class_counts(), "features": d.frames.features,
                         "sequences": d.sequences.len(), "steps": d.steps() },
            "split": { "kind": self.split.kind(), "leak": Leak::of(&audit), "folds": audit },
            "selected_folds": selection,
            "normalise": self.config.frames.normalise,
            "network": self.network,
            "parameters": self.network.params(),
        })
    }

    /// Writes what a run begins with.
    pub fn record(&self, folder: &RunFolder, selection: &[usize]) -> Result<()> {
        let device = self.config.run.device()?.describe();
        folder.write("config.toml", self.config.to_toml().as_bytes())?;
        status(folder, "created", None)?;
        folder.write("split.json", self.split.to_json().as_bytes())?;
        let manifest = self.manifest(&device, selection);
        folder.write("manifest.json", format!("{manifest:#}\n").as_bytes())?;
        folder.write("resume.safetensors", &Resume::start(device).to_bytes()?)
    }

    /// Trains the selected folds, from wherever the folder's saved state stands, and scores them. `interrupt` holds the
    /// number of a signal that asks to stop, or 0.
    pub fn run(
        &self,
        folder: &RunFolder,
        selection: &[usize],
        interrupt: &AtomicUsize,
        progress: &dyn Progress,
    ) -> Result<Ending> {
        status(folder, "running", None)?;
        let ending = self.config.run.device().and_then(|device| {
            let before = device.warning();
            before.iter().for_each(|warning| progress.warn(warning));
            let ending =
                on_device!(&device, backend => self.run_on(backend, folder, selection, interrupt, progress));
            let late = device.warning().filter(|_| before.is_none());
            late.iter().for_each(|warning| progress.warn(warning));
            ending
        });
        match &ending {
            Ok(Ending::Finished(_)) => status(folder, "finished", None)?,
            Ok(Ending::Interrupted(signal)) => {
                status(folder, "interrupted", Some(&format!("signal {signal}")))?
            }
            // The run's own error comes first, whether or not it can be noted down.
            Err(error) => drop(status(folder, "failed", Some(&error.message))),
        }
        ending
    }

    fn run_on<B: Backend>(
        &self,
        backend: &B,
        folder: &RunFolder,
        selection: &[usize],
        interrupt: &AtomicUsize,
        progress: &dyn Progress,
    ) -> Result<Ending> {
        if let Some(fold) = selection.iter().find(|&&fold| fold >= self.split.folds().len()) {
            return Err(Error::data(format!(
                "the run's manifest selects fold {fold}, counted from 0; there is none"
            )));
        }
        let mut resume = Resume::read(&folder.file("resume.safetensors"))?;
        refuse_other_device(&resume, &backend.describe())?;
        let stacks: Vec<&[usize]> = selection.chunks(self.stack_size(selection.len()).max(1)).collect();
        let done: Vec<u32> =
            stacks[..resume.stacks_done].iter().flat_map(|stack| stack.iter().map(|&f| f as u32)).collect();
        let mut predictions = Vec::new();
        if !done.is_empty() {
            predictions = run::read_predictions(&folder.file("predictions.csv"), self.names())?;
            predictions.retain(|p| done.contains(&p.fold));
        }
        let [metrics, epochs] = ["metrics.jsonl", "epochs.csv"].map(|name| folder.file(name));
        let mut metrics = Log::open(metrics, resume.log_lengths[0])?;
        let mut epochs = Log::open(epochs, resume.log_lengths[1])?;
        if resume.log_lengths[1] == 0 {
            epochs.line(EPOCH_COLUMNS)?;
        }
        for (number, folds) in stacks.iter().enumerate().skip(resume.stacks_done) {
            let members: Vec<_> = folds
                .par_iter()
                .map(|&f| {
                    let fold = &self.split.folds()[f];
                    (f as u32, fold, self.stats(fold))
                })
                .collect();
            let mut stack = Stack::new(backend, &self.dataset, &self.network, &self.spec, members)?;
            if let Some(state) = resume.state.take() {
                stack.restore(&state)?;
            }
            let what = match stacks.len() {
                1 => format!("training {} folds", folds.len()),
                all => format!("training folds, part {} of {all}", number + 1),
            };
            progress.start(&what, stack.remaining(), "windows");
            let mut watch = Watch {
                folder,
                progress,
                interrupt,
                metrics: &mut metrics,
                epochs: &mut epochs,
                stacks_done: number,
                device: backend.describe(),
                saved: None,
                epoch_note: String::new(),
            };
            let outcome = stack.run(&mut watch);
            progress.finish();
            if let Outcome::Interrupted(signal) = outcome? {
                return Ok(Ending::Interrupted(signal));
            }
            let results = stack.finish()?;
            for result in &results {
                self.save_fold(folder, result)?;
                progress.detail(&format!(
                    "fold {}: best epoch {}",
                    self.fold_names[result.number as usize], result.best_epoch
                ));
            }
            predictions.extend(results.into_iter().flat_map(|result| result.predictions));
            folder.write("predictions.csv", &run::write_predictions(&predictions, self.names())?)?;
            let log_lengths = [metrics.sync()?, epochs.sync()?];
            resume = Resume { stacks_done: number + 1, state: None, log_lengths, device: backend.describe() };
            folder.write("resume.safetensors", &resume.to_bytes()?)?;
        }
        let scores = self.score(&predictions)?;
        folder.write(
            "confusion.csv",
            &run::write_confusion(&scores.window.confusion, &self.dataset.class_names)?,
        )?;
        folder.write("scores.json", format!("{:#}\n", self.scores_json(&scores)?).as_bytes())?;
        let record = Record::read(folder.path())?;
        let page = Page { record: &record, scores: &scores, predictions: &predictions, note: None };
        folder.write("report.html", page.html()?.as_bytes())?;
        Ok(Ending::Finished(Box::new(scores)))
    }

    fn stats(&self, fold: &crate::data::split::Fold) -> Stats {
        match self.config.frames.normalise {
            Normalise::Train => Stats::fit(&self.dataset, fold.train()),
            Normalise::TrainSteps => Stats::fit_steps(&self.dataset, fold.train()),
            Normalise::Subject | Normalise::None => Stats::identity(self.network.features),
        }
    }

    fn save_fold(&self, folder: &RunFolder, result: &FoldResult) -> Result<()> {
        for (which, weights, epoch) in
            [("best", &result.best, result.best_epoch), ("last", &result.last, result.last_epoch)]
        {
            let checkpoint = FoldCheckpoint {
                meta: FoldMeta {
                    fold: self.fold_names[result.number as usize].clone(),
                    epoch,
                    network: self.network.clone(),
                    features: self.dataset.frames.features.clone(),
                    stat_steps: result.stats.steps(self.dataset.frames.width()),
                    class_names: self.dataset.class_names.clone(),
                    dataset: self.dataset_hash.clone(),
                },
                weights: weights.clone(),
                stats: result.stats.clone(),
                center: self.dataset.frames.center.clone(),
            };
            let name = RunFolder::checkpoint(Path::new(""), which, result.number);
            folder.write(&name.to_string_lossy(), &checkpoint.to_bytes()?)?;
        }
        Ok(())
    }

    fn names(&self) -> Names<'_> {
        Names {
            folds: &self.fold_names,
            subjects: &self.dataset.frames.subjects,
            classes: &self.dataset.class_names,
        }
    }

    /// The scores of a run that has finished; none of one that has not.
    pub fn scores_of(&self, folder: &RunFolder) -> Result<Option<Scores>> {
        let path = folder.file("status.json");
        let status: serde_json::Value = serde_json::from_str(&folder.read("status.json")?)
            .map_err(|e| Error::data(format!("{}: {e}", path.display())))?;
        if status["state"] != "finished" {
            return Ok(None);
        }
        let predictions = run::read_predictions(&folder.file("predictions.csv"), self.names())?;
        self.score(&predictions).map(Some)
    }

    /// Scores test predictions beside the baselines that the same folds' training labels give.
    pub fn score(&self, predictions: &[Prediction]) -> Result<Scores> {
        let folds: std::collections::BTreeSet<u32> = predictions.iter().map(|p| p.fold).collect();
        let train: Vec<TrialLabel> = folds
            .iter()
            .flat_map(|&f| {
                let train = self.split.folds()[f as usize].train().sequences();
                train.iter().map(move |&i| (f, i))
            })
            .map(|(fold, i)| {
                let s = &self.dataset.sequences[i as usize];
                TrialLabel { fold, subject: s.subject, trial: s.trial, label: s.label }
            })
            .collect();
        let d = &self.dataset;
        Scores::from(predictions, &train, self.names(), d.shared_stimuli)
    }

    /// The scores for programs, with what they are worth: the split and its leak, and the label rule.
    pub fn scores_json(&self, scores: &Scores) -> Result<serde_json::Value> {
        let mut json = serde_json::to_value(scores).map_err(|e| Error::data(format!("scores: {e}")))?;
        json["split"] = json!(self.split.kind());
        json["leaky"] = json!(self.split.kind().is_leaky());
        json["leak"] = json!(Leak::of(&self.split.audit(&self.dataset)));
        json["labels"] = json!(self.dataset.label_rule);
        Ok(json)
    }

    /// Test predictions of a run's saved weights, `which` being `best` or `last`.
    pub fn evaluate(&self, run: &Path, which: &str) -> Result<Vec<Prediction>> {
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
            // A renamed file would be tested on what it was trained on.
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
        let lists: Vec<&[u32]> = folds.iter().map(|&f| self.split.folds()[f as usize].test()).collect();
        predict_with(&self.config.run, &checkpoints, &self.dataset, &lists, &folds, self.spec.batch)
    }
}

/// Notes down how the run stands.
fn status(folder: &RunFolder, state: &str, reason: Option<&str>) -> Result<()> {
    let status = json!({ "state": state, "reason": reason, "pid": std::process::id() });
    folder.write("status.json", format!("{status:#}\n").as_bytes())
}

/// Refuses sequences of which the convolution blocks leave no step.
fn check_lengths(network: &Network, dataset: &Dataset) -> Result<()> {
    let shortest = dataset.sequences.iter().map(|s| s.length as usize).min().unwrap_or(0);
    if shortest >= network.shortest() {
        return Ok(());
    }
    Err(Error::config(format!(
        "the shortest sequence has {shortest} steps, and the convolution blocks need {} to make one",
        network.shortest()
    ))
    .hint("use fewer blocks or shorter kernels in `--conv`, or a longer `--window`"))
}

/// The error that a run stopped by a signal ends with.
pub fn interrupted(signal: u8, run: &Path, command: &str) -> Error {
    Error::new(Fault::Interrupted(signal), format!("stopped by signal {signal}; everything is saved"))
        .hint(format!("go on with `engine {command} --resume {}`", run.display()))
}
