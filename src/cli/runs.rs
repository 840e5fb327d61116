//! `runs`: the runs of a folder.

use super::output::{out, out_json};
use super::progress::Terminal;
use crate::error::{Error, Result};
use crate::ops::LayerSpec;
use crate::run::{Manifest, RunFolder, Status};
use clap::Args;
use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

#[derive(Args)]
#[command(
    after_help = "A run whose process is gone was killed: go on with `engine train --resume RUN` or `engine crossval --resume RUN`.\n\
The score is the accuracy over all test trials, with its 95 % interval; a run of `engine train --all` has none.\n\nExamples:\n  engine runs\n  engine runs \
/elsewhere/runs --json"
)]
pub struct RunsCommand {
    /// The folder of run folders
    #[arg(default_value = "runs", value_name = "DIR")]
    folder: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A run in a line.
#[derive(Serialize)]
struct Entry {
    name: String,
    /// How far it has come, in words.
    state: String,
    /// The day on which it began, in UTC.
    date: Option<String>,
    data: Option<String>,
    split: Option<&'static str>,
    network: Option<String>,
    folds: Option<usize>,
    accuracy: Option<f64>,
    interval: Option<[f64; 2]>,
    leaks: Option<bool>,
    /// Whether it has a test part, and so a score.
    tested: Option<bool>,
    unbound: Option<bool>,
}

impl RunsCommand {
    pub fn run(&self, _: &Terminal) -> Result<()> {
        let failed = |e| Error::io("list", &self.folder, e);
        let mut runs = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.join("config.toml").is_file() || path.join(Manifest::FILE).is_file() {
                runs.push(path);
            }
        }
        runs.sort();
        let entries: Vec<Entry> = runs.iter().map(|run| Entry::of(run)).collect();
        if self.json {
            return out_json(&entries);
        }
        if entries.is_empty() {
            return out(&format!("no runs in {}", self.folder.display()));
        }
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(["run", "state", "began", "data", "split", "network", "folds", "accuracy"]);
        table.add_rows(entries.iter().map(Entry::row));
        out(&table.to_string())
    }
}

impl Entry {
    fn of(run: &Path) -> Self {
        let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut entry = Entry {
            name,
            state: state(run),
            date: None,
            data: None,
            split: None,
            network: None,
            folds: None,
            accuracy: None,
            interval: None,
            leaks: None,
            tested: None,
            unbound: None,
        };
        let manifest = match Manifest::read(run) {
            Ok(manifest) => manifest,
            Err(error) => {
                entry.state = format!("unreadable: {}", error.message);
                return entry;
            }
        };
        let begun = OffsetDateTime::from_unix_timestamp(manifest.unix_time as i64).ok();
        entry.date = begun.map(|time| time.date().to_string());
        let data = &manifest.dataset;
        entry.data = Some(format!(
            "{} recordings, {} windows; {}",
            data.recordings.len(),
            data.sequences,
            data.labels
        ));
        entry.split = Some(manifest.split.kind.name());
        let layer =
            |l: &LayerSpec| format!("{}{} {}", if l.dirs == 2 { "bi" } else { "" }, l.cell.name(), l.hidden);
        entry.network = Some(match &manifest.tuning {
            None => manifest.network.layers.iter().map(layer).collect::<Vec<_>>().join(" -> "),
            Some(tuning) => format!("chosen by fold of {} candidates", tuning.candidates.len()),
        });
        entry.folds = Some(manifest.selected_folds.len());
        entry.tested = Some(manifest.split.has_test());
        entry.leaks = Some(manifest.split.leaks());
        entry.unbound = Some(manifest.unbound);
        let scores = std::fs::read_to_string(run.join("scores.json")).ok();
        if let Some(scores) = scores.and_then(|text| serde_json::from_str::<Value>(&text).ok())
            && manifest.check_sealed(run).is_ok()
            && manifest.check_files(run, &["scores.json"]).is_ok()
        {
            let trial = &scores["trial"];
            let by_subject = &trial["by_subject"];
            // As the verdict: people are the independent units where there are several.
            let is_over_people = by_subject["rows"].as_array().is_some_and(|rows| rows.len() > 1);
            let (accuracy, interval) = match is_over_people {
                true => (&by_subject["accuracy"]["mean"], &by_subject["accuracy"]["interval"]),
                false => (&trial["overall"]["accuracy"], &trial["accuracy_interval"]),
            };
            entry.accuracy = accuracy.as_f64();
            entry.interval = serde_json::from_value(interval.clone()).ok();
        }
        entry
    }

    fn row(&self) -> [String; 8] {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let leaks = if self.leaks == Some(true) { " LEAKS" } else { "" };
        let unbound = if self.unbound == Some(true) { ", unbound" } else { "" };
        let score = match (self.accuracy, self.interval) {
            (Some(accuracy), Some([low, high])) => format!("{accuracy:.3} [{low:.3}, {high:.3}]{leaks}"),
            (Some(accuracy), None) => format!("{accuracy:.3}{leaks}"),
            (None, _) if self.tested == Some(false) => "no test part".into(),
            (None, _) => String::new(),
        };
        [
            self.name.clone(),
            format!("{}{unbound}", self.state),
            text(&self.date),
            text(&self.data),
            self.split.unwrap_or_default().into(),
            text(&self.network),
            self.folds.map_or(String::new(), |folds| folds.to_string()),
            score,
        ]
    }
}

/// How far a run has come. A run that says that it trains, and is locked by nobody, was killed.
fn state(run: &Path) -> String {
    match Status::read(run) {
        Ok(Status::Created) => "created".into(),
        Ok(Status::Running) => match RunFolder::is_in_use(run) {
            Some(true) => "running".into(),
            Some(false) => "killed: its process is gone".into(),
            None => "running, or killed: its lock cannot be looked at".into(),
        },
        Ok(Status::Finished) => "finished".into(),
        Ok(Status::Interrupted { signal }) => format!("stopped by signal {signal}"),
        // The first part says what failed, and the run's own files have the rest.
        Ok(Status::Failed { message }) => {
            format!("failed: {}", message.split(';').next().unwrap_or_default())
        }
        Err(error) => format!("unknown: {}", error.message),
    }
}
