//! `ablate`.

use super::output::{out, out_json};
use super::progress::Terminal;
use super::resume::refuse_other_options;
use super::saved::tell_other_name;
use super::signals;
use super::threads::set_threads;
use crate::ablation::{self, Settings};
use crate::config::{Config, Given, Preset};
use crate::data::feature::GroupBy;
use crate::error::{Error, Result};
use crate::experiment::{self, Ending};
use crate::run;
use crate::word::word;
use clap::{ArgMatches, Args};
use std::path::{Path, PathBuf};

/// The file of the settings.
const SETTINGS: &str = "ablation.toml";

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine ablate --channels eeg,eog,emg --split subject\n  engine ablate --by band --folds 5\n  engine ablate --by region \
--channels eeg --json\n\nCross-validates with all features, with each group alone, and without each, on the same folds and seeds. What is left \
out stays a column of zeros: each variant equals `engine crossval --leave-out ...` bit for bit. Every variant is compared with all features, \
pair by pair, corrected for their number (Holm). Leaves a run folder for each variant, ablation.csv, ablation.json and report.html. After Ctrl-C \
go on with --resume FOLDER."
)]
pub struct AblateCommand {
    /// Leave features out by this property
    #[arg(long, value_enum, value_name = "PROPERTY", default_value_t = GroupBy::Modality, value_parser = word::<GroupBy>())]
    by: GroupBy,
    /// Begin with the settings of a preset
    #[arg(long, value_enum, value_name = "NAME")]
    preset: Option<Preset>,
    /// Begin with the settings of this file
    #[arg(long = "config", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Resume a stopped ablation, as it was begun
    #[arg(long, value_name = "FOLDER")]
    resume: Option<PathBuf>,
    /// Print the variants and the plan of the first, and stop
    #[arg(long, conflicts_with = "json")]
    dry_run: bool,
    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

impl AblateCommand {
    pub fn run(&self, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        let asked = Settings {
            by: self.by,
            config: Config::resolve(matches, self.preset, self.config_file.as_deref())?,
        };
        let settings = match &self.resume {
            None => asked,
            Some(folder) => {
                refuse_other_options::<Self>(matches, &["resume", "dry_run", "json"])?;
                read_settings(folder)?
            }
        };
        if settings.config.permutation.permutations.is_some() || settings.config.training.from.is_some() {
            return Err(Error::config("an ablation takes neither `permutations` nor `from`")
                .hint("use them with `engine crossval`"));
        }
        if !settings.config.tuning.tune.is_empty() {
            return Err(Error::config("an ablation takes no `tune`: its variants have the same settings")
                .hint("choose settings inside the folds with `engine crossval`"));
        }
        let given = match &self.resume {
            Some(_) => None,
            None => Some(Given::of(matches, self.config_file.as_deref())?),
        };
        given.iter().try_for_each(|given| experiment::refuse_ignored(&settings.config, given))?;
        set_threads(settings.config.run.threads)?;
        let jobs = ablation::jobs(&settings, terminal)?;
        given.iter().try_for_each(|given| experiment::refuse_ignored(&jobs[0].experiment.config, given))?;
        let first = &jobs[0];
        if !first.experiment.split.has_test() {
            return Err(Error::config("an ablation compares scores, and the split has no test part")
                .hint("choose another `split_by`"));
        }
        let selection = first.selection();
        let at_once = first.experiment.runs_at_once(&selection, jobs.len())?;
        let plan = first.experiment.describe(&selection, at_once)?;
        let names: Vec<&str> = jobs.iter().map(|job| job.variant.name.as_str()).collect();
        let plan = format!("{plan}\nvariants {}, {at_once} at once: {}", jobs.len(), names.join(", "));
        if self.dry_run {
            return out(&plan);
        }
        first.experiment.check_memory(&selection, at_once)?;
        terminal.say(&plan);
        let folder = match &self.resume {
            Some(folder) => folder.clone(),
            None => {
                let folder = begin(&settings, &first.experiment.default_name())?;
                tell_other_name(settings.config.run.name.as_deref(), &folder, terminal);
                folder
            }
        };
        terminal.say(&format!("everything goes to {}", folder.display()));
        let interrupt = signals::watch()?;
        for (part, together) in jobs.chunks(at_once).enumerate() {
            if at_once < jobs.len() {
                let names: Vec<&str> = together.iter().map(|job| job.variant.name.as_str()).collect();
                let from = part * at_once + 1;
                terminal.say(&format!("[{from}/{}] {}", jobs.len(), names.join(", ")));
            }
            if let Ending::Interrupted(signal) = ablation::train(together, &folder, &interrupt, terminal)? {
                return Err(experiment::interrupted(signal, &folder, "ablate"));
            }
        }
        let comparison = ablation::compare(&jobs, &folder, settings.by)?;
        let json =
            serde_json::to_string_pretty(&comparison).map_err(|e| Error::data(format!("ablation: {e}")))?;
        run::write_file(&folder.join("ablation.json"), format!("{json}\n").as_bytes())?;
        run::write_file(&folder.join("ablation.csv"), &ablation::csv(&comparison)?)?;
        run::write_file(&folder.join("report.html"), comparison.page().as_bytes())?;
        terminal.say(&format!("report   {}", folder.join("report.html").display()));
        match self.json {
            true => out_json(&comparison),
            false => out(&comparison.table()),
        }
    }
}

/// Makes the folder of an ablation, with its settings.
fn begin(settings: &Settings, run_name: &str) -> Result<PathBuf> {
    let run = &settings.config.run;
    let name = run.name.clone().unwrap_or_else(|| format!("ablation-{}-{run_name}", settings.by.name()));
    let folder = run::new_folder(&run.runs, &name)?;
    let text = toml::to_string(settings).expect("settings are plain values");
    run::write_file(&folder.join(SETTINGS), text.as_bytes())?;
    Ok(folder)
}

fn read_settings(folder: &Path) -> Result<Settings> {
    let path = folder.join(SETTINGS);
    let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
    toml::from_str(&text).map_err(|e| Error::config(format!("{}: {}", path.display(), e.message())))
}
