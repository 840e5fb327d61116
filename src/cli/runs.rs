//! `train`, `crossval`, `evaluate` and `predict`.

use super::output::{out, out_json};
use super::progress::Terminal;
use super::signals;
use super::threads::set_threads;
use crate::backend::{DeviceChoice, Kind};
use crate::config::{Config, Preset};
use crate::data::sequences::Dataset;
use crate::error::{Error, Result};
use crate::experiment::{self, Ending, Experiment};
use crate::metrics::{self, Prediction, Scores};
use crate::progress::Progress;
use crate::report::{self, Page, Record};
use crate::run::{Resume, RunFolder};
use crate::train::Schedule;
use clap::{ArgMatches, Args, ValueEnum};
use std::path::{Path, PathBuf};

/// What `train` and `crossval` have in common.
#[derive(Args)]
struct RunFlags {
    /// A network of the original study under its own, leaky protocol; the file and flags beat it
    #[arg(long, value_enum, conflicts_with = "resume")]
    preset: Option<Preset>,
    /// Read options from this file first; flags beat it
    #[arg(long = "config", value_name = "FILE", conflicts_with = "resume")]
    config_file: Option<PathBuf>,
    /// Go on with a run that was stopped, bit for bit
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    /// Go on although this device or its instruction-set path is not the run's: it rounds differently, and the manifest says so
    #[arg(long, requires = "resume")]
    other_device: bool,
    /// Print the configuration that would run, and stop
    #[arg(long)]
    print_config: bool,
    /// Read and split the data, print what would be trained, and stop
    #[arg(long)]
    dry_run: bool,
    /// Print the scores as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine train\n  engine train --data DEAP --cell bilstm --label arousal\n  \
engine train --data X_TRAIN.ts --test X_TEST.ts --validation 0 --epochs 50"
)]
pub struct TrainCommand {
    /// Which fold of the split, by number from 1
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "resume")]
    fold: usize,
    #[command(flatten)]
    flags: RunFlags,
}

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine crossval --split subject\n  engine crossval --data DEAP --cell gru --label \
valence --split subject\n  engine crossval --split window      (leaky, to see by how much)"
)]
pub struct CrossvalCommand {
    #[command(flatten)]
    flags: RunFlags,
}

impl TrainCommand {
    pub fn run(&self, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        self.flags.run("train", Some(self.fold), matches, terminal)
    }
}

impl CrossvalCommand {
    pub fn run(&self, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        self.flags.run("crossval", None, matches, terminal)
    }
}

impl RunFlags {
    /// Trains one fold, by number from 1, or all of them.
    fn run(
        &self,
        command: &str,
        fold: Option<usize>,
        matches: &ArgMatches,
        terminal: &Terminal,
    ) -> Result<()> {
        let before = self.resume.as_deref().map(run_config).transpose()?;
        let run_file = self.resume.as_ref().map(|run| run.join("config.toml"));
        let config =
            Config::resolve(matches, self.preset, run_file.as_deref().or(self.config_file.as_deref()))?;
        if let Some(before) = &before {
            refuse_changes(before, &config)?;
        }
        if self.print_config {
            config.check()?;
            return out(config.to_toml().trim_end());
        }
        set_threads(config.run.threads)?;
        // The run's lock comes before minutes of reading.
        let resumed = self.resume.as_deref().map(RunFolder::open).transpose()?;
        if let (Some(folder), Some(before)) = (&resumed, &before) {
            let resume = Resume::read(&folder.file("resume.safetensors"))?;
            let device = config.run.device()?.describe();
            if !self.other_device {
                experiment::refuse_other_device(&resume, &device)?;
            }
            refuse_late_changes(resume, before, &config)?;
        }
        let experiment = Experiment::prepare(config, terminal)?;
        let selection = match &resumed {
            Some(folder) => resumed_folds(folder)?,
            None => select(&experiment, fold)?,
        };
        let description = experiment.describe(&selection);
        if self.dry_run {
            return out(&description);
        }
        terminal.say(&description);
        let folder = match resumed {
            Some(folder) => {
                let split = folder.read("split.json")?;
                if split != experiment.split.to_json() {
                    return Err(Error::data(format!(
                        "the data or their split are no longer those of {}",
                        folder.path().display()
                    ))
                    .hint("give the run the recordings that it began with"));
                }
                folder.write("config.toml", experiment.config.to_toml().as_bytes())?;
                if self.other_device {
                    experiment::move_run(&folder, experiment.config.run.device()?.describe())?;
                }
                folder
            }
            None => {
                let name = experiment.config.run.name.clone().unwrap_or_else(|| experiment.default_name());
                let folder = RunFolder::create(&experiment.config.run.runs, &name)?;
                experiment.record(&folder, &selection)?;
                folder
            }
        };
        terminal.say(&format!("run      {}", folder.path().display()));
        let interrupt = signals::watch()?;
        let show = |scores: &Scores, predictions: &[Prediction]| report::write(&folder, scores, predictions);
        match experiment.run(&folder, &selection, &interrupt, terminal, &show)? {
            Ending::Interrupted(signal) => Err(experiment::interrupted(signal, folder.path(), command)),
            Ending::Finished(scores) => {
                print_scores(&experiment, &scores, self.json)?;
                terminal.say(&format!("everything is in {}", folder.path().display()));
                terminal.say(&format!("report   {}", folder.file("report.html").display()));
                Ok(())
            }
        }
    }
}

/// Only what does not change a step already done may change on resume.
fn refuse_changes(before: &Config, now: &Config) -> Result<()> {
    let mut comparable = now.clone();
    // The cosine's rates depend on how many epochs there will be.
    if before.training.schedule == Schedule::Constant {
        comparable.training.epochs = before.training.epochs;
    }
    comparable.training.patience = before.training.patience;
    comparable.run.threads = before.run.threads;
    // Whether the device may change is asked of what was saved, which knows what the run was made on.
    comparable.run.backend = before.run.backend;
    comparable.run.isa = before.run.isa;
    comparable.run.adapter.clone_from(&before.run.adapter);
    comparable.run.precision = before.run.precision;
    comparable.run.products = before.run.products;
    comparable.run.kernel_cache.clone_from(&before.run.kernel_cache);
    comparable.run.runs.clone_from(&before.run.runs);
    if comparable == *before {
        return Ok(());
    }
    let (old, new) = (before.to_toml(), comparable.to_toml());
    let changed: Vec<String> = new
        .lines()
        .filter(|line| !old.lines().any(|other| other == *line))
        .map(|line| {
            let key = line.split(" = ").next().unwrap_or(line);
            let was = old.lines().find(|other| other.starts_with(&format!("{key} = "))).unwrap_or("absent");
            format!("{line} (was {was})")
        })
        .collect();
    Err(Error::config(format!("a resumed run cannot change: {}", changed.join("; ")))
        .hint(
            "only --epochs (with --schedule constant), --patience, --threads, --kernel-cache and, with --other-device, --backend, \
             --isa, --adapter, --precision and --products may change; start a new run for the rest",
        ))
}

/// Epochs and patience must not change for some folds only, and what is done stays done.
fn refuse_late_changes(resume: Resume, before: &Config, now: &Config) -> Result<()> {
    let length = |config: &Config| (config.training.epochs, config.train_spec().patience);
    let stopped =
        resume.state.as_ref().is_some_and(|state| state.members.iter().any(|member| member.stopped));
    if (resume.stacks_done > 0 || stopped) && length(before) != length(now) {
        return Err(Error::config(
            "--epochs and --patience cannot change any more: folds of this run are finished",
        )
        .hint("start a new run"));
    }
    // An epoch that has begun counts.
    let begun = resume.state.map_or(0, |state| state.epoch + usize::from(state.position > 0));
    if now.training.epochs < begun {
        return Err(Error::config(format!(
            "--epochs {}: the run is in epoch {begun} already",
            now.training.epochs
        )));
    }
    Ok(())
}

/// The folds that a run was started with.
fn resumed_folds(folder: &RunFolder) -> Result<Vec<usize>> {
    serde_json::from_value(folder.manifest()?["selected_folds"].clone())
        .map_err(|e| Error::data(format!("{}: selected_folds: {e}", folder.file("manifest.json").display())))
}

fn select(experiment: &Experiment, fold: Option<usize>) -> Result<Vec<usize>> {
    let all = experiment.split.folds().len();
    match fold {
        None => Ok((0..all).collect()),
        Some(fold) if (1..=all).contains(&fold) => Ok(vec![fold - 1]),
        Some(fold) => Err(Error::config(format!("--fold {fold}: the split has folds 1 to {all}"))),
    }
}

fn print_scores(experiment: &Experiment, scores: &Scores, json: bool) -> Result<()> {
    if json {
        return out_json(&experiment.scores_json(scores)?);
    }
    let mut text = metrics::table::render(scores);
    let split = experiment.split.kind();
    text.push_str(&format!("\nlabels: {}; split by {}", experiment.dataset.label_rule, split.name()));
    if split.is_leaky() {
        let leak = crate::data::split::Leak::of(&experiment.split.audit(&experiment.dataset));
        text.push_str(&format!(
            "\n\nDO NOT BELIEVE THESE SCORES: the split by {} leaks. {}.\nThe network was tested on trials that it was \
             trained on, so it can score without knowing any emotion.\nHonest: the same command with `--split trial` (new \
             trials) or `--split subject` (new people).",
            split.name(),
            capitalise(&leak.describe())
        ));
    }
    out(&text)
}

fn capitalise(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Which of a fold's saved weights.
#[derive(Clone, Copy, ValueEnum)]
enum Which {
    /// Those of the lowest validation loss
    Best,
    /// Those of the last epoch
    Last,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Which::Best => "best",
            Which::Last => "last",
        }
    }
}

#[derive(Args)]
pub struct EvaluateCommand {
    /// A run folder
    run: PathBuf,
    /// Which saved weights
    #[arg(long, value_enum, default_value_t = Which::Best)]
    checkpoint: Which,
    /// What computes [default: the run's own]
    #[arg(long, value_enum)]
    backend: Option<Kind>,
    #[command(flatten)]
    device: DeviceChoice,
    /// Print the scores as JSON
    #[arg(long)]
    json: bool,
}

impl EvaluateCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let mut config = run_config(&self.run)?;
        config.split.split_file = Some(self.run.join("split.json"));
        config.run.choose(self.backend, &self.device);
        set_threads(config.run.threads)?;
        let which = self.checkpoint.name();
        let experiment = Experiment::prepare_saved(config, &self.run, which, terminal)?;
        let predictions = experiment.evaluate(&self.run, which)?;
        let scores = experiment.score(&predictions)?;
        print_scores(&experiment, &scores, self.json)?;
        // The scores are what was asked for; a run may lie where nothing can be written.
        match self.write_page(&experiment, &scores, &predictions) {
            Ok(path) => terminal.say(&format!("report   {}", path.display())),
            Err(error) => terminal.warn(&format!("no report page: {}", error.message)),
        }
        Ok(())
    }

    /// Beside the run's own page, which stays.
    fn write_page(
        &self,
        experiment: &Experiment,
        scores: &Scores,
        predictions: &[Prediction],
    ) -> Result<PathBuf> {
        let folder = RunFolder::open(&self.run)?;
        let record = Record::read(&self.run)?;
        let device = experiment.config.run.device()?.describe();
        let note = format!("The {} weights of each fold, scored again on {device}", self.checkpoint.name());
        let page = Page { record: &record, scores, predictions, note: Some(&note) };
        page.write(&folder, "evaluation.html")?;
        Ok(folder.file("evaluation.html"))
    }
}

/// One row per window, or one per trial.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    Window,
    Trial,
}

#[derive(Args)]
#[command(
    after_help = "Prints CSV: subject, trial, window, predicted class, a probability per class.\nWithout --fold the \
probabilities are the mean over all folds' networks."
)]
pub struct PredictCommand {
    /// A run folder
    run: PathBuf,
    /// Recordings: DEAP folders or files, .ts, .npz or .npy
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Use one fold's network, by number from 1
    #[arg(long, value_name = "N")]
    fold: Option<u32>,
    /// Which saved weights
    #[arg(long, value_enum, default_value_t = Which::Best)]
    checkpoint: Which,
    /// What computes [default: the run's own]
    #[arg(long, value_enum)]
    backend: Option<Kind>,
    #[command(flatten)]
    device: DeviceChoice,
    /// What a row is; a trial's probabilities are the mean of its windows'
    #[arg(long, value_enum, default_value_t = Level::Window)]
    level: Level,
}

impl PredictCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let mut config = run_config(&self.run)?;
        config.run.choose(self.backend, &self.device);
        // Before minutes of reading: is there such a device?
        config.run.device()?;
        set_threads(config.run.threads)?;
        let which = self.checkpoint.name();
        let mut folds = experiment::saved_folds(&self.run, which)?;
        if let Some(fold) = self.fold {
            if !folds.iter().any(|&f| f + 1 == fold) {
                return Err(Error::config(format!("--fold {fold}: the run has no such trained fold")));
            }
            folds = vec![fold - 1];
        }
        let checkpoints = experiment::read_folds(&self.run, which, &folds)?;
        let meta = &checkpoints[0].meta;
        let dataset = experiment::unlabelled(&config, &self.files, &checkpoints[0].center, terminal)?;
        if dataset.frames.features != meta.features {
            return Err(Error::data(format!(
                "the recordings have {} features ({}), the run was trained on {} ({})",
                dataset.frames.features.len(),
                ends(&dataset.frames.features),
                meta.features.len(),
                ends(&meta.features)
            )));
        }
        warn_of_known(&self.run, &dataset, terminal)?;
        let all: Vec<u32> = (0..dataset.sequences.len() as u32).collect();
        let lists = vec![all.as_slice(); folds.len()];
        let batch = config.training.batch;
        let predictions =
            experiment::predict_with(&config.run, &checkpoints, &dataset, &lists, &folds, batch)?;
        let mean = mean_over_folds(&predictions, all.len());
        let rows = if self.level == Level::Trial { metrics::prediction::trials(&mean)? } else { mean };
        out(&csv(&rows, &dataset, &meta.class_names, self.level)?)
    }
}

/// First and last name of a list.
fn ends(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first, .., last] => format!("{first} ... {last}"),
    }
}

fn run_config(run: &Path) -> Result<Config> {
    let path = run.join("config.toml");
    if !path.is_file() {
        return Err(Error::config(format!("{} is not a run folder: it has no config.toml", run.display())));
    }
    Config::resolve_file(&path)
}

/// A recording that the run was trained on says nothing about how good the run is.
fn warn_of_known(run: &Path, dataset: &Dataset, terminal: &Terminal) -> Result<()> {
    let path = run.join("manifest.json");
    let manifest = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
    let known: Vec<&String> =
        dataset.frames.hashes.iter().filter(|hash| manifest.contains(hash.as_str())).collect();
    if !known.is_empty() {
        terminal.warn(&format!(
            "{} of {} recordings belong to the run's own data: predictions on them say nothing about new ones",
            known.len(),
            dataset.frames.hashes.len()
        ));
    }
    Ok(())
}

/// Predictions come fold by fold, each for the same sequences.
fn mean_over_folds(predictions: &[Prediction], sequences: usize) -> Vec<Prediction> {
    let folds = predictions.len() / sequences;
    let mut mean = predictions[..sequences].to_vec();
    for (i, row) in mean.iter_mut().enumerate() {
        row.fold = 0;
        for (class, p) in row.probabilities.iter_mut().enumerate() {
            let all = (0..folds).map(|f| predictions[f * sequences + i].probabilities[class]);
            *p = all.sum::<f64>() / folds as f64;
        }
    }
    mean
}

fn csv(rows: &[Prediction], dataset: &Dataset, classes: &[String], level: Level) -> Result<String> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let failed = |e: csv::Error| Error::data(format!("predictions: {e}"));
    let mut head = vec!["subject".to_string(), "trial".into()];
    head.extend((level == Level::Window).then(|| "window".to_string()));
    head.push("predicted".into());
    head.extend(classes.iter().map(|class| format!("p {class}")));
    csv.write_record(&head).map_err(failed)?;
    for row in rows {
        let mut record = vec![dataset.frames.subjects[row.subject as usize].clone(), row.trial.to_string()];
        record.extend((level == Level::Window).then(|| row.window.to_string()));
        record.push(classes[row.argmax() as usize].clone());
        record.extend(row.probabilities.iter().map(|p| format!("{p:.6}")));
        csv.write_record(&record).map_err(failed)?;
    }
    let bytes = csv.into_inner().map_err(|e| Error::data(format!("predictions: {e}")))?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_string())
}
