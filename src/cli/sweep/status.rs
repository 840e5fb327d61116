//! `sweep status`.

use crate::cli::output::{out, out_json};
use crate::error::Result;
use crate::shell::quoted;
use crate::sweep::{State, Sweep};
use clap::Args;
use comfy_table::{Table, presets};
use serde_json::json;
use std::path::PathBuf;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine sweep status runs/sweep-cell-label\n  engine sweep status runs/sweep-cell-label --json"
)]
pub struct StatusCommand {
    /// Folder of the sweep
    #[arg(value_name = "SWEEP")]
    sweep: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl StatusCommand {
    pub fn run(&self) -> Result<()> {
        let sweep = Sweep::open(&self.sweep)?;
        let states = sweep.tasks.iter().map(|task| sweep.state(task)).collect::<Result<Vec<State>>>()?;
        let more = |state: &State| match state {
            State::Running(owner) => format!("process {} of {}", owner.process, owner.host),
            State::Failed(message) => message.clone(),
            _ => String::new(),
        };
        if self.json {
            let tasks: Vec<_> = sweep
                .tasks
                .iter()
                .zip(&states)
                .map(|(task, state)| {
                    json!({ "task": task.number, "run": task.name(), "state": state.word(), "more": more(state) })
                })
                .collect();
            return out_json(&tasks);
        }
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(["task", "setting", "seed", "state", ""]);
        for (task, state) in sweep.tasks.iter().zip(&states) {
            let number = task.number.to_string();
            table.add_row([number, task.setting(), task.seed.to_string(), state.word().into(), more(state)]);
        }
        let done = states.iter().filter(|state| **state == State::Finished).count();
        let path = quoted(&sweep.path().to_string_lossy());
        let next = match states.iter().find(|state| matches!(state, State::Failed(_))) {
            _ if done == states.len() => format!("engine sweep collect {path}"),
            Some(_) => format!("engine sweep run --resume {path} --retry"),
            None => format!("engine sweep run --resume {path}"),
        };
        out(&format!("{table}\n\n{done} of {} tasks have scores; next: {next}", states.len()))
    }
}
