//! `reproduce`.

use super::output::{out, out_json};
use super::progress::Terminal;
use super::saved::tell_other_name;
use super::signals;
use super::threads::set_threads;
use crate::config::{DemoConfig, Preset, RunConfig};
use crate::data::demo;
use crate::error::{Error, Result};
use crate::experiment;
use crate::progress::about;
use crate::reproduce::{self, Comparison, JobEnding, Settings};
use crate::run;
use crate::word::word;
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file of the settings.
const SETTINGS: &str = "reproduce.toml";

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine reproduce --data DEAP --backend cuda\n  engine reproduce --demo-subjects 3 --epochs 3 --presets \
study-gru\n\nTrains each network three times: under the study's own protocol, which leaks, and so that no trial, and no person, stands on \
both sides. An epoch of the study's LSTM over 32 subjects is about 10 TFLOP a fold; how long all of it takes is measured and printed \
first, and --dry-run stops there."
)]
pub struct ReproduceCommand {
    /// A folder with DEAP's s01.dat ... s32.dat, or `demo` for generated recordings
    #[arg(long, value_name = "PATH", default_value = "demo")]
    data: PathBuf,
    /// Networks to train
    #[arg(long, value_enum, value_parser = word::<Preset>(), value_name = "LIST", value_delimiter = ',', default_values_t = Preset::ALL)]
    presets: Vec<Preset>,
    /// Passes over the training part; the study has 100
    #[arg(long, value_name = "N", default_value_t = 100)]
    epochs: usize,
    /// Leave one person out of each fold, instead of a fifth of them
    #[arg(long)]
    loso: bool,
    /// Resume a stopped reproduction
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["data", "presets", "epochs", "loso"])]
    resume: Option<PathBuf>,
    /// Print the plan and its estimated time, and stop
    #[arg(long, conflicts_with = "json")]
    dry_run: bool,
    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    demo: DemoConfig,
    #[command(flatten)]
    run: RunConfig,
}

impl ReproduceCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let settings = match &self.resume {
            Some(_) if self.run != RunConfig::default() || self.demo != DemoConfig::default() => {
                return Err(Error::config("--resume goes on as it was begun, with the options of that time")
                    .hint("leave the other options out, but for --dry-run and --json"));
            }
            Some(folder) => read_settings(folder)?,
            None if self.demo != DemoConfig::default() && !demo::is_generated(&self.data) => {
                return Err(Error::config(format!(
                    "the options --demo-... would have no effect: {} holds recordings of its own",
                    self.data.display()
                ))
                .hint("leave them out, or use --data demo"));
            }
            None => Settings {
                data: self.data.clone(),
                presets: self.presets.clone(),
                epochs: self.epochs,
                loso: self.loso,
                demo: self.demo.clone(),
                run: self.run.clone(),
            },
        };
        set_threads(settings.run.threads)?;
        let device = reproduce::device(&settings)?;
        let jobs = reproduce::jobs(&settings, terminal)?;
        let times = jobs.iter().map(|job| job.estimate()).collect::<Result<Vec<_>>>()?;
        let all: Duration = times.iter().sum();
        terminal.say(&format!("on {device}: {} of training in all", about(all)));
        for (job, time) in jobs.iter().zip(&times) {
            terminal.say(&format!("  {:<30} {}", job.name(), about(*time)));
        }
        if self.dry_run {
            return Ok(());
        }
        let text = toml::to_string(&settings).expect("settings are plain values");
        let folder = match &self.resume {
            Some(folder) => folder.clone(),
            None => {
                let name = settings.run.name.as_deref().unwrap_or("reproduce");
                let folder = run::new_folder(&settings.run.runs, name)?;
                tell_other_name(settings.run.name.as_deref(), &folder, terminal);
                run::write_file(&folder.join(SETTINGS), text.as_bytes())?;
                folder
            }
        };
        terminal.say(&format!("everything goes to {}", folder.display()));
        let interrupt = signals::watch()?;
        let mut done = Vec::new();
        for (number, job) in jobs.iter().enumerate() {
            terminal.say(&format!("[{}/{}] {}", number + 1, jobs.len(), job.name()));
            match job.run(&folder, &interrupt, terminal)? {
                JobEnding::Finished(outcome) => done.push(*outcome),
                JobEnding::Interrupted(signal) => {
                    return Err(experiment::interrupted(signal, &folder, "reproduce"));
                }
            }
        }
        let comparison = Comparison::of(&settings, device, &done);
        let json =
            serde_json::to_string_pretty(&comparison).map_err(|e| Error::data(format!("comparison: {e}")))?;
        run::write_file(&folder.join("comparison.json"), format!("{json}\n").as_bytes())?;
        run::write_file(&folder.join("report.html"), comparison.page(&text).as_bytes())?;
        terminal.say(&format!("report   {}", folder.join("report.html").display()));
        match self.json {
            true => out_json(&comparison),
            false => out(&comparison.table()),
        }
    }
}

fn read_settings(folder: &Path) -> Result<Settings> {
    let path = folder.join(SETTINGS);
    let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
    let settings = toml::from_str(&text);
    settings.map_err(|e| Error::config(format!("{}: {}", path.display(), e.message())))
}
