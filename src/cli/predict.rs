//! `predict`.

use super::output::out;
use super::progress::Terminal;
use super::saved::{Which, checked_config};
use super::threads::set_threads;
use crate::backend::{DeviceChoice, Kind};
use crate::config::RunConfig;
use crate::data::cases::Rule;
use crate::data::frames::FrameSpec;
use crate::data::sequences::Dataset;
use crate::error::{Error, Result};
use crate::experiment::{self, Rounding};
use crate::metrics::{self, Prediction};
use crate::ops::Precision;
use crate::progress::Progress;
use crate::run::{FoldMeta, Manifest, Origin, RunFolder};
use crate::word::word;
use clap::{Args, ValueEnum};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A format of a network's weights that is not that of its training.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Weights {
    /// Half the bytes, and 7 bits of mantissa
    Bf16,
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
probabilities are the mean over all folds' networks. A case that is too short, too long or bad has empty fields, and stderr says why.\n\nExamples:\n  engine predict runs/final NEW/s07.dat --level trial\n  engine predict runs/gru-x-subject \
X_TEST.ts --fold 2 >predictions.csv\n  engine predict runs/final NEW/s07.dat --weights bf16"
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
    /// Predict with the folds that have checkpoints, though the run has more
    #[arg(long)]
    partial: bool,
    /// Saved weights to use
    #[arg(long, value_enum, value_parser = word::<Which>(), default_value_t = Which::Best)]
    checkpoint: Which,
    /// Compute backend [default: that of the run]
    #[arg(long, value_enum, value_parser = word::<Kind>())]
    backend: Option<Kind>,
    #[command(flatten)]
    device: DeviceChoice,
    /// Predict in this format with a network of fp32, on the backend `cpu`: weights, inputs and states are
    /// rounded as operands of products. One sequence alone is bound by reading the weights, which are then
    /// half as long. stderr says how far the probabilities of the first windows move, beside a derived bound
    #[arg(long, value_enum, value_parser = word::<Weights>(), conflicts_with = "precision")]
    weights: Option<Weights>,
    /// Unit of a row. The probabilities of a trial are the means over its windows
    #[arg(long, value_enum, value_parser = word::<Level>(), default_value_t = Level::Window)]
    level: Level,
}

impl PredictCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let mut config = checked_config(&self.run, &["tuning.json"], terminal)?;
        let own_config = config.clone();
        config.run.choose(self.backend, &self.device);
        // Before minutes of reading: is there such a device?
        match self.weights {
            Some(Weights::Bf16) => {
                use_bf16(&mut config.run)?;
                let way_out = "leave --weights out, or name a path that computes in bf16: --isa portable";
                config.run.device().map_err(|e| e.hint(way_out))?;
            }
            None => drop(config.run.device()?),
        }
        set_threads(config.run.threads)?;
        let which = self.checkpoint.name();
        let mut folds = experiment::checked_folds(&self.run, which, self.partial || self.fold.is_some())?;
        if let Some(fold) = self.fold {
            if !folds.iter().any(|&f| f + 1 == fold) {
                return Err(Error::config(format!("--fold {fold}: the run has no such trained fold")));
            }
            folds = vec![fold - 1];
        }
        let checkpoints = experiment::read_folds(&self.run, which, &folds)?;
        for (checkpoint, &fold) in checkpoints.iter().zip(&folds) {
            let path = RunFolder::checkpoint(&self.run, which, fold);
            if let Some(origin) = &checkpoint.meta.origin {
                let shape = experiment::config_of_fold(&own_config, &self.run, fold)?.shape();
                let own = Origin { config: shape, ..origin.clone() };
                origin.check(&own).map_err(|e| e.at(path.display()))?;
            }
        }
        let meta = &checkpoints[0].meta;
        refuse_other_frames(&config.chosen_frames(), meta)?;
        let dataset = experiment::unlabeled(&config, &self.files, &checkpoints[0], terminal)?;
        if dataset.frames.features != meta.features {
            return Err(other_features(&dataset.frames.features, &meta.features));
        }
        refuse_other_rate(dataset.frames.rate, meta)?;
        if let Some(caution) = experiment::other_level(&dataset, &checkpoints[0].stats) {
            terminal.caution(&caution);
        }
        warn_of_known(&self.run, &dataset, terminal)?;
        let all: Vec<u32> = (0..dataset.sequences.len() as u32).collect();
        let lists = vec![all.as_slice(); folds.len()];
        let batch = config.training.batch;
        if self.weights == Some(Weights::Bf16) {
            terminal.say("comparing bf16 with fp32 and with the plain equations on the first windows");
            terminal.say(&effect(&experiment::rounding(config.run.choice.isa, &checkpoints[0], &dataset)?));
        }
        let predictions =
            experiment::predict_with(&config.run, &checkpoints, &dataset, &lists, &folds, batch, &|| Ok(()))?;
        let mean = mean_over_folds(&predictions, all.len());
        let rows = if self.level == Level::Trial { metrics::prediction::trials(&mean)? } else { mean };
        let unanswered = Unanswered::of(&dataset, self.level);
        unanswered.describe(&dataset).into_iter().for_each(|line| terminal.caution(&line));
        out(&csv(&rows, &unanswered, &dataset, &meta.class_names, self.level)?)
    }
}

/// Predicts in `bf16` with networks of `f32`.
fn use_bf16(run: &mut RunConfig) -> Result<()> {
    let backend = run.backend.name();
    match (run.backend, run.choice.precision) {
        (Kind::Cpu, None | Some(Precision::Fp32)) => run.choice.precision = Some(Precision::Bf16),
        (Kind::Cpu, Some(precision)) => {
            return Err(Error::config(format!(
                "--weights bf16 is for networks of fp32, and the run's `precision` is {}",
                precision.name()
            ))
            .hint("leave it out: the run predicts in its own precision"));
        }
        _ => {
            return Err(Error::config(format!(
                "--weights bf16 is for the backend `cpu`, and this is `{backend}`"
            ))
            .hint("use --backend cpu, or on `cuda` --precision bf16"));
        }
    }
    Ok(())
}

/// The effect of `--weights bf16`, as a sentence.
fn effect(rounding: &Rounding) -> String {
    let Rounding { windows, largest, error, bound, changed } = rounding;
    format!(
        "in bf16, over the first {windows} windows and one network, a probability moves by at most {largest:.1e}, and \
         {changed} predicted classes change; from the equations it is off by {error:.1e} (bound {bound:.1e})"
    )
}

/// A feature is what the network was trained on only if it is made in the same way.
fn refuse_other_frames(own: &FrameSpec, meta: &FoldMeta) -> Result<()> {
    match &meta.frames {
        Some(trained) if trained != own => {
            let text = |spec| serde_json::to_string(spec).map_err(|e| Error::data(format!("frames: {e}")));
            Err(Error::data(format!(
                "config.toml makes the frames {}, and the run was trained on {}",
                text(own)?,
                text(trained)?
            ))
            .hint("put the run's own config.toml back"))
        }
        _ => Ok(()),
    }
}

/// A network knows time in steps: at another sampling rate the same signal is another one.
fn refuse_other_rate(rate: Option<f64>, meta: &FoldMeta) -> Result<()> {
    // Older checkpoints do not know their rate.
    if rate == meta.rate || meta.origin.is_none() {
        return Ok(());
    }
    let hertz = |rate: Option<f64>| rate.map_or("an unknown rate".into(), |rate| format!("{rate} Hz"));
    Err(Error::data(format!(
        "the recordings have {}, and the run was trained on recordings of {}",
        hertz(rate),
        hertz(meta.rate)
    ))
    .hint("resample them to the rate of the run, and state it in the file"))
}

/// The error for recordings whose features are not those of the training.
fn other_features(found: &[String], expected: &[String]) -> Error {
    let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
    let place = (0..found.len().max(expected.len())).find(|&i| found.get(i) != expected.get(i)).unwrap_or(0);
    let name = |names: &[String]| names.get(place).map_or("none".to_string(), |name| format!("{name:?}"));
    let message = format!(
        "the recordings have {} features, the run was trained on {}; number {} is {}, expected {}",
        found.len(),
        expected.len(),
        place + 1,
        name(found),
        name(expected)
    );
    Error::data(message).hint(match sorted(found) == sorted(expected) {
        true => "the same features in another order: put the channels of the recordings into the order of the training",
        false => "give recordings with the channels of the training, under the same names",
    })
}

/// Warns of recordings that the run was trained on: predictions on them say nothing about how good it is.
fn warn_of_known(run: &Path, dataset: &Dataset, terminal: &Terminal) -> Result<()> {
    let own = Manifest::read(run)?.dataset;
    let frames = &dataset.frames;
    // The hash of an archive with parts of its own is those of its two files.
    let is_known = |hash: &&String| own.recordings.iter().any(|recording| recording.blake3.contains(*hash));
    let recordings = frames.hashes.iter().filter(is_known).count();
    let (trials, holders) =
        own.contents.as_ref().map(|own| own.found_in(&frames.sketches)).unwrap_or_default();
    let found = match holders.is_empty() {
        false => format!(
            "{} of {} series hold samples of {} of the run's {} own series",
            holders.len(),
            frames.sketches.len(),
            trials.len(),
            own.contents.map_or(0, |own| own.trials.len())
        ),
        true if recordings > 0 => {
            format!("{recordings} of {} recordings belong to the run's own data", frames.hashes.len())
        }
        true => return Ok(()),
    };
    terminal.caution(&format!("{found}: predictions on them say nothing about new ones"));
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

/// The cases without a prediction, in the order of the files.
struct Unanswered(Vec<Case>);

struct Case {
    subject: u32,
    trial: u32,
    /// Of a trial that came in windows.
    window: Option<u32>,
    rule: Rule,
}

/// The most cases that are named.
const NAMED: usize = 8;

impl Unanswered {
    /// By trial, those of which no series has a prediction.
    fn of(dataset: &Dataset, level: Level) -> Self {
        let mut unanswered = Vec::new();
        let answered: BTreeSet<(u32, u32)> =
            dataset.sequences.iter().map(|sequence| (sequence.subject, sequence.trial)).collect();
        let mut series: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for segment in &dataset.frames.segments {
            *series.entry((segment.subject, segment.trial)).or_default() += 1;
        }
        let mut seen: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for (segment, case) in dataset.frames.segments.iter().zip(&dataset.cases) {
            let known = (segment.subject, segment.trial);
            let next = seen.entry(known).or_default();
            let window = (level == Level::Window && series[&known] > 1).then_some(*next);
            *next += 1;
            let Some(rule) = case.left_out else { continue };
            let is_new = unanswered.iter().all(|other: &Case| (other.subject, other.trial) != known);
            if level == Level::Window || (is_new && !answered.contains(&known)) {
                unanswered.push(Case { subject: segment.subject, trial: segment.trial, window, rule });
            }
        }
        Unanswered(unanswered)
    }

    /// Says which and why, if there are any.
    fn describe(&self, dataset: &Dataset) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let name = |Case { subject, trial, window, rule }: &Case| {
            let window = window.map_or(String::new(), |window| format!(" window {window}"));
            format!(
                "{} trial {trial}{window} ({})",
                dataset.frames.subjects[*subject as usize],
                rule.describe()
            )
        };
        let mut named: Vec<String> = self.0.iter().take(NAMED).map(name).collect();
        if self.0.len() > NAMED {
            named.push(format!("and {} more", self.0.len() - NAMED));
        }
        vec![
            format!("cases: {}", dataset.ledger().describe()),
            format!("without a prediction, their fields are empty: {}", named.join(", ")),
        ]
    }
}

/// A row for each prediction, and for each case without one.
fn csv(
    rows: &[Prediction],
    unanswered: &Unanswered,
    dataset: &Dataset,
    classes: &[String],
    level: Level,
) -> Result<String> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let failed = |e: csv::Error| Error::data(format!("predictions: {e}"));
    let mut head = vec!["subject".to_string(), "trial".into()];
    head.extend((level == Level::Window).then(|| "window".to_string()));
    head.push("predicted".into());
    head.extend(classes.iter().map(|class| format!("p {class}")));
    let mut table: Vec<((u32, u32, u32), Vec<String>)> = Vec::new();
    let begin =
        |subject: u32, trial: u32| vec![dataset.frames.subjects[subject as usize].clone(), trial.to_string()];
    for row in rows {
        let mut record = begin(row.subject, row.trial);
        record.extend((level == Level::Window).then(|| row.window.to_string()));
        record.push(classes[row.argmax() as usize].clone());
        record.extend(row.probabilities.iter().map(|p| format!("{p:.6}")));
        table.push(((row.subject, row.trial, row.window), record));
    }
    for &Case { subject, trial, window, .. } in &unanswered.0 {
        let mut record = begin(subject, trial);
        record.extend(window.map(|window| window.to_string()));
        record.resize(head.len(), String::new());
        table.push(((subject, trial, window.unwrap_or(0)), record));
    }
    // Without losses, the order is that of the files.
    if !unanswered.0.is_empty() {
        table.sort_by_key(|&(place, _)| place);
    }
    csv.write_record(&head).map_err(failed)?;
    table.iter().try_for_each(|(_, record)| csv.write_record(record)).map_err(failed)?;
    let bytes = csv.into_inner().map_err(|e| Error::data(format!("predictions: {e}")))?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_string())
}
