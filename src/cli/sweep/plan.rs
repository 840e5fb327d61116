//! `sweep plan`.

use super::settings::SettingsFlags;
use crate::cli::output::out;
use crate::cli::progress::Terminal;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::memory::mebibytes;
use crate::progress::about;
use crate::sweep::{Prepared, Task};
use clap::{ArgMatches, Args};
use std::time::Duration;

/// Settings whose time is measured; the others take their mean.
const MEASURED: usize = 12;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine sweep plan --grid cell=lstm,gru --grid label=valence,arousal --seeds 1,2,3 --split subject\n  engine sweep plan \
sweep.toml\n\nA file is a configuration with additions:\n\n  seeds = [1, 2, 3]\n  [grid]\n  cell = [\"lstm\", \"gru\"]\n  hidden = [[64], [64, 32]]\n\n\
A task is a whole cross-validation: its folds train at once. Tasks whose networks have one shape train at once, too, up to 32 folds together: seeds, learning rates. The first 12 combinations are measured, the others take their mean."
)]
pub struct PlanCommand {
    #[command(flatten)]
    settings: SettingsFlags,
}

impl PlanCommand {
    pub fn run(&self, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        let (settings, on_all) = self.settings.settings(matches, terminal)?;
        let tasks = settings.tasks()?;
        let mut lines = Vec::new();
        let mut firsts: Vec<&Task> = tasks.iter().collect();
        firsts.dedup_by(|a, b| a.options == b.options);
        // Where folds are tasks, a run is as many tasks as it has folds.
        let runs = tasks.len() / settings.folds_as_tasks.unwrap_or(1).max(1);
        let seeds = runs / firsts.len().max(1);
        let mut measured = Vec::new();
        let mut prepared = Prepared::default();
        for (index, task) in firsts.iter().enumerate().take(MEASURED) {
            let (experiment, all) = ready(&mut prepared, task, terminal).map_err(|e| e.at(task.setting()))?;
            if index == 0 {
                lines.push(experiment.describe(&all, 1)?);
                lines.push(String::new());
            }
            let time = experiment.estimate()?;
            measured.push(time);
            lines.push(format!(
                "{}: {} folds, {} parameters, {}, {}{}; at most {} at once",
                task.setting(),
                experiment.split.folds().len(),
                experiment.network.params(),
                mebibytes(experiment.memory(&all, 1)?),
                about(time),
                if seeds > 1 { format!(" for each of {seeds} seeds") } else { String::new() },
                experiment.few_runs_at_once(&all, tasks.len())?
            ));
        }
        lines.extend(firsts.iter().skip(MEASURED).map(|task| format!("{}: not measured", task.setting())));
        let sum: Duration = measured.iter().sum();
        let whole = sum.mul_f64(runs as f64 / measured.len().max(1) as f64);
        lines.push(format!(
            "\n{} tasks, {} in all on {} if none stops early; the data are read besides",
            tasks.len(),
            about(whole),
            if on_all { "the default GPU alone" } else { "this machine" }
        ));
        out(&lines.join("\n"))
    }
}

/// A combination and all its folds, if they can be trained here.
fn ready(prepared: &mut Prepared, task: &Task, terminal: &Terminal) -> Result<(Experiment, Vec<usize>)> {
    let experiment = prepared.experiment(task, terminal)?;
    let all = task.selection(experiment.split.folds().len())?;
    experiment.check_memory(&all, 1)?;
    Ok((experiment, all))
}
