//! `sweep status`.

use crate::cli::output::{out, out_json};
use crate::error::Result;
use crate::shell::quoted;
use crate::sweep::{State, Sweep, Task};
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
        let more = |task: &Task, state: &State| match state {
            State::Running(owner) => format!("process {} of {}", owner.process, owner.host),
            State::Failed(message) => message.clone(),
            // Only an equal device goes on with it.
            State::Stopped => match sweep.device(task) {
                Ok(Some(device)) => format!("begun on {device}"),
                Ok(None) => String::new(),
                Err(error) => error.message,
            },
            State::Waiting | State::Finished => String::new(),
        };
        if self.json {
            let tasks: Vec<_> = sweep
                .tasks
                .iter()
                .zip(&states)
                .map(|(task, state)| {
                    json!({ "task": task.number, "run": task.name(), "state": state.word(), "more": more(task, state) })
                })
                .collect();
            return out_json(&tasks);
        }
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(["task", "setting", "seed", "state", ""]);
        for (task, state) in sweep.tasks.iter().zip(&states) {
            let number = task.number.to_string();
            table.add_row([
                number,
                task.setting(),
                task.seed.to_string(),
                state.word().into(),
                more(task, state),
            ]);
        }
        let done = states.iter().filter(|state| **state == State::Finished).count();
        let path = quoted(&sweep.path().to_string_lossy());
        let (next, has_own_gpu) = match states.iter().any(|state| matches!(state, State::Failed(_))) {
            _ if done == states.len() => (format!("engine sweep collect {path}"), false),
            has_failed => sweep.next(has_failed),
        };
        let reminder = if has_own_gpu { "; say `--adapter` again if it was said before" } else { "" };
        out(&format!("{table}\n\n{done} of {} tasks have scores; next: {next}{reminder}", states.len()))
    }
}
