//! The settings of a sweep on the command line.

use crate::backend::ALL_ADAPTERS;
use crate::cli::axes::{is_given, refuse_axes};
use crate::cli::saved::tell_other_name;
use crate::cli::threads::set_threads;
use crate::config::{Axis, Config, Preset};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::sweep::{Settings, Sweep, folds};
use crate::word::word;
use clap::{ArgMatches, Args};
use std::path::PathBuf;

#[derive(Args)]
pub struct SettingsFlags {
    /// A file like a run's config.toml, with a list `seeds` and a table `[grid]` besides; options override it
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// An option and the values that it takes: `cell=lstm,gru`. Values that have commas are separated by
    /// semicolons: `hidden=64,32;128`. Once for each option
    #[arg(long = "grid", value_name = "OPTION=VALUES")]
    pub grid: Vec<String>,
    /// Seeds of every combination [default: the one of --seed]
    #[arg(long, value_name = "SEEDS", value_delimiter = ',')]
    pub seeds: Vec<u64>,
    /// Make each fold a task, so that several machines share a cross-validation
    #[arg(long)]
    pub folds_as_tasks: bool,
    /// Begin with the settings of a preset
    #[arg(long, value_enum, value_name = "NAME", value_parser = word::<Preset>(), conflicts_with = "file")]
    pub preset: Option<Preset>,
    #[command(flatten)]
    pub config: Config,
}

impl SettingsFlags {
    /// The settings, whose number of threads this process has from now on; and whether they ask for all GPUs:
    /// which of them trains a task is no setting of it.
    pub fn settings(&self, matches: &ArgMatches, progress: &dyn Progress) -> Result<(Settings, bool)> {
        let Settings { mut base, mut grid, mut seeds, folds_as_tasks } = match &self.file {
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|e| Error::io("read", file, e))?;
                let settings = Settings::from_toml(&text).map_err(|e| e.at(file.display()))?;
                Settings { base: settings.base.overridden(matches)?, ..settings }
            }
            None => Settings {
                base: Config::resolve(matches, self.preset, None)?,
                grid: Vec::new(),
                seeds: Vec::new(),
                folds_as_tasks: None,
            },
        };
        let on_all = base.run.choice.adapter.take_if(|adapter| adapter == ALL_ADAPTERS).is_some();
        let own = self.grid.iter().map(|text| Axis::parse("grid", text)).collect::<Result<Vec<Axis>>>()?;
        Axis::distinct(&own, "grid")?;
        grid.retain(|other| own.iter().all(|axis| axis.option != other.option));
        grid.extend(own);
        if !self.seeds.is_empty() {
            seeds.clone_from(&self.seeds);
        }
        refuse_axes(matches, &grid, "the grid")?;
        if !seeds.is_empty() && is_given(matches, "seed") {
            return Err(Error::config("--seed would have no effect beside a list of seeds")
                .hint("put it into `--seeds`, or leave it out"));
        }
        let has_folds = self.folds_as_tasks || folds_as_tasks.is_some();
        let settings = Settings { base, grid, seeds, folds_as_tasks: None }.checked()?;
        if settings.grid.is_empty() && settings.seeds.len() < 2 && !has_folds {
            return Err(Error::config("a sweep has a grid, or several seeds, and this has neither")
                .hint("add for instance `--grid cell=lstm,gru` or `--seeds 1,2,3`"));
        }
        set_threads(settings.base.run.threads)?;
        // Options may have changed the number that a file states.
        let folds_as_tasks = has_folds.then(|| folds(&settings.tasks()?, progress)).transpose()?;
        Ok((Settings { folds_as_tasks, ..settings }.checked()?, on_all))
    }

    /// Makes the folder of a new sweep.
    pub fn begin(mut settings: Settings, progress: &dyn Progress) -> Result<Sweep> {
        // The name is the sweep's, and not that of a run.
        let asked = settings.base.run.name.take();
        let name = asked.clone().unwrap_or_else(|| {
            let options: Vec<&str> = settings.grid.iter().map(|axis| axis.option.as_str()).collect();
            match options.is_empty() {
                true => "sweep-seeds".into(),
                false => format!("sweep-{}", options.join("-")),
            }
        });
        let sweep = Sweep::create(&settings.base.run.runs.clone(), &name, settings)?;
        tell_other_name(asked.as_deref(), sweep.path(), progress);
        Ok(sweep)
    }
}
