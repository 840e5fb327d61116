//! Training one fold or all of them, for `train` and `crossval`.

use super::axes::refuse_axes;
use super::output::{out, out_json};
use super::progress::Terminal;
use super::resume::{refuse_changes, refuse_late_changes, resumed_folds};
use super::saved::{locate, run_config, tell_other_name, warn_if_killed};
use super::scores::print_scores;
use super::signals;
use super::threads::set_threads;
use crate::config::{Axis, Config, Given, Preset};
use crate::data::split::{SplitKind, UNBOUND};
use crate::error::{Error, Result};
use crate::experiment::{self, Ending, Experiment, Selected};
use crate::progress::Progress;
use crate::report;
use crate::run::{Manifest, Resume, RunFolder};
use crate::word::word;
use clap::{ArgMatches, Args};
use serde_json::json;
use std::path::PathBuf;

/// The part of a split that is trained.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One fold, by number from 1.
    Fold(usize),
    /// All folds.
    Folds,
    /// All data as one fold without a test part.
    All,
}

/// The options that `train` and `crossval` share.
#[derive(Args)]
pub struct RunFlags {
    /// Start from a network of the original study and its leaky protocol; --config and other options override
    /// it
    #[arg(long, value_enum, value_parser = word::<Preset>(), conflicts_with = "resume")]
    preset: Option<Preset>,
    /// Read options from this file; the command line overrides them
    #[arg(long = "config", value_name = "FILE", conflicts_with = "resume")]
    config_file: Option<PathBuf>,
    /// Resume a stopped run; the results have the same bits as without the stop
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    /// Resume on another device or instruction-set path. It rounds differently; the manifest records the
    /// change
    #[arg(long, requires = "resume")]
    other_device: bool,
    /// Print the complete configuration, and stop
    #[arg(long)]
    print_config: bool,
    /// Read and split the data, print the plan of the training, and stop
    #[arg(long, conflicts_with = "json")]
    dry_run: bool,
    /// Print the scores as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

impl RunFlags {
    /// Trains a part of the split.
    pub fn run(&self, command: &str, part: Part, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        let before = self.resume.as_deref().map(run_config).transpose()?;
        let run_file = self.resume.as_ref().map(|run| run.join("config.toml"));
        let mut config =
            Config::resolve(matches, self.preset, run_file.as_deref().or(self.config_file.as_deref()))?;
        if part == Part::All {
            config.split.split_by = Some(SplitKind::All);
        }
        let given = match &before {
            Some(before) => {
                refuse_changes(before, &config)?;
                None
            }
            None => Some(self.given(matches)?),
        };
        if self.resume.is_none() {
            let axes = config.tuning.tune.iter().map(|text| Axis::parse("tune", text));
            refuse_axes(matches, &axes.collect::<Result<Vec<Axis>>>()?, "--tune")?;
        }
        given.iter().try_for_each(|given| experiment::refuse_ignored(&config, given))?;
        given.iter().for_each(|given| experiment::warn_of_validation(&config, given, terminal));
        if self.print_config {
            config.check()?;
            return out(config.to_toml().trim_end());
        }
        if self.resume.is_some() {
            locate(&mut config, None, None)?;
        }
        set_threads(config.run.threads)?;
        if let Some(run) = &self.resume {
            warn_if_killed(run, terminal);
        }
        // The run's lock comes before minutes of reading.
        let resumed = self.resume.as_deref().map(RunFolder::open).transpose()?;
        if let (Some(folder), Some(before)) = (&resumed, &before) {
            if !folder.file(Resume::FILE).exists() {
                return Err(Error::data(format!(
                    "{} has no {}: it was stopped before it began",
                    folder.path().display(),
                    Resume::FILE
                ))
                .hint("start it again, and remove this folder"));
            }
            let resume = Resume::read(folder.path())?;
            let device = config.run.device()?.id();
            if !self.other_device {
                experiment::refuse_other_device(&resume, &device)?;
            }
            experiment::check_bound(folder, &resume)?;
            refuse_late_changes(resume, before, &config)?;
        }
        let keys = [
            ("permutations", config.permutation.permutations.is_some()),
            ("tune", !config.tuning.tune.is_empty()),
        ];
        let may_have = part == Part::Folds || resumed.is_some();
        if let Some((key, _)) = keys.into_iter().find(|&(_, given)| given && !may_have) {
            return Err(Error::config(format!(
                "`{key}` belongs to a whole cross-validation, and train trains one fold"
            ))
            .hint(format!("use `engine crossval`, or leave `{key}` out")));
        }
        let mut experiment = Experiment::prepare(config, terminal)?;
        given.iter().try_for_each(|given| experiment::refuse_ignored(&experiment.config, given))?;
        if let Some(folder) = &resumed
            && Manifest::read(folder.path())?.unbound
        {
            terminal.caution(UNBOUND);
            experiment.is_unbound = true;
        }
        let selection = match &resumed {
            Some(folder) => resumed_folds(folder)?,
            None => select(&experiment, part)?,
        };
        experiment.check_permutations()?;
        experiment.check_tuning()?;
        let description = experiment.describe(&selection, 1)?;
        if self.dry_run {
            return out(&description);
        }
        experiment.check_memory(&selection, 1)?;
        experiment.read_initial(&selection, resumed.as_ref())?;
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
                experiment.reconfigure(&folder)?;
                if self.other_device {
                    experiment::move_run(&folder, experiment.config.run.device()?.id())?;
                }
                folder
            }
            None => {
                let name = experiment.config.run.name.clone().unwrap_or_else(|| experiment.default_name());
                let folder = RunFolder::create(&experiment.config.run.runs, &name)?;
                tell_other_name(experiment.config.run.name.as_deref(), folder.path(), terminal);
                experiment.record(&folder, &selection)?;
                folder
            }
        };
        terminal.say(&format!("run      {}", folder.path().display()));
        let interrupt = signals::watch()?;
        let run = Selected { experiment: &experiment, folder: &folder, folds: &selection };
        match experiment::run(&[run], &interrupt, terminal, &report::write)? {
            Ending::Interrupted(signal) => Err(experiment::interrupted(signal, folder.path(), command)),
            Ending::Unscored => {
                let words = experiment.unscored(&selection);
                match self.json {
                    true => out_json(&json!({ "scores": null, "scope": experiment.scope(&selection) }))?,
                    false => out(&words)?,
                }
                report::write_unscored(&folder)?;
                terminal.say(&format!("everything is in {}", folder.path().display()));
                terminal.say(&format!("report   {}", folder.file("report.html").display()));
                Ok(())
            }
            Ending::Finished(scores) => {
                print_scores(&experiment, &scores[0], self.json)?;
                terminal.say(&format!("everything is in {}", folder.path().display()));
                terminal.say(&format!("report   {}", folder.file("report.html").display()));
                Ok(())
            }
        }
    }
}

impl RunFlags {
    /// The settings that the user gave. A file in a run folder repeats the run, with all that had no effect.
    fn given(&self, matches: &ArgMatches) -> Result<Given> {
        let of_run = |file: &&PathBuf| file.with_file_name(Manifest::FILE).exists();
        Given::of(matches, self.config_file.as_ref().filter(|file| !of_run(file)).map(PathBuf::as_path))
    }
}

fn select(experiment: &Experiment, part: Part) -> Result<Vec<usize>> {
    let all = experiment.split.folds().len();
    match part {
        Part::Folds if !experiment.split.has_test() => {
            Err(Error::config("a cross-validation needs a test part, and this split has none")
                .hint("train on all data with `engine train --all`, or choose another `split_by`"))
        }
        Part::Folds | Part::All => Ok((0..all).collect()),
        Part::Fold(fold) if (1..=all).contains(&fold) => Ok(vec![fold - 1]),
        Part::Fold(fold) => Err(Error::config(format!("--fold {fold}: the split has folds 1 to {all}"))),
    }
}
