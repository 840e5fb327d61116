//! The script of a Slurm job array: a task of the sweep for each of its jobs.

use crate::error::{Error, Result};
use crate::shell::quoted;
use crate::sweep::{State, Sweep};
use std::path::Path;

/// The resources that each job asks for; Slurm's own defaults where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slurm {
    /// `--partition`
    pub partition: Option<String>,
    /// `--time` of a job: `04:00:00`. A job that needs longer is queued again and goes on.
    pub time: Option<String>,
    /// `--gres`: `gpu:1`.
    pub gres: Option<String>,
    /// `--cpus-per-task`
    pub cpus: Option<usize>,
    /// `--mem`: `8G`.
    pub memory: Option<String>,
    /// Jobs that may run at once.
    pub array_limit: Option<usize>,
}

/// The exit code of a run that SIGTERM stopped, with its state saved.
const TERMINATED: u8 = 143;

impl Slurm {
    /// The script, for the tasks that have no scores. `program` is this program as the nodes find it, and
    /// `place` the folder from which the paths in the settings lead.
    ///
    /// # Errors
    ///
    /// If every task has scores, and if a state cannot be read.
    pub fn script(&self, sweep: &Sweep, program: &Path, place: &Path) -> Result<String> {
        let folder = sweep.path().to_string_lossy();
        let mut open = Vec::new();
        for task in &sweep.tasks {
            if sweep.state(task)? != State::Finished {
                open.push(task.number);
            }
        }
        if open.is_empty() {
            return Err(Error::config("every task of the sweep has scores")
                .hint(format!("`engine sweep collect {}` puts them together", quoted(&folder))));
        }
        let limit = self.array_limit.map_or(String::new(), |limit| format!("%{limit}"));
        let mut lines = vec![
            "#!/bin/bash".to_string(),
            "# A job for each task of the sweep. It is told 60 s before its time is over, saves its state, and is queued again."
                .into(),
            format!("#SBATCH --job-name={}", quoted(&sweep.path().file_name().unwrap_or_default().to_string_lossy())),
            format!("#SBATCH --array={}{limit}", ranges(&open)),
            "#SBATCH --signal=B:USR1@60".into(),
            "#SBATCH --requeue".into(),
            "#SBATCH --open-mode=append".into(),
            format!("#SBATCH --output={}", quoted(&format!("{}/slurm-%A_%a.log", folder.replace('%', "%%")))),
        ];
        let asked = [
            ("partition", self.partition.clone()),
            ("time", self.time.clone()),
            ("gres", self.gres.clone()),
            ("cpus-per-task", self.cpus.map(|cpus| cpus.to_string())),
            ("mem", self.memory.clone()),
        ];
        lines.extend(
            asked.into_iter().filter_map(|(option, value)| Some(format!("#SBATCH --{option}={}", value?))),
        );
        let threads = self.cpus.map_or(String::new(), |cpus| format!(" --threads {cpus}"));
        lines.extend([
            format!("cd {} || exit 1", quoted(&place.to_string_lossy())),
            "# USR1 says that the time is nearly over: the program saves its state, and the job is queued again.".into(),
            "# TERM is somebody's scancel. Slurm sends it to the program as well, and the shell waits for it.".into(),
            "again=1 warned=".into(),
            "trap 'again=1; warned=1; kill -TERM \"$task\"' USR1".into(),
            "trap 'again=1' TERM".into(),
            format!(
                "{} sweep run --resume {} --retry --task \"$SLURM_ARRAY_TASK_ID\"{threads} &",
                quoted(&program.to_string_lossy()),
                quoted(&folder)
            ),
            "task=$!".into(),
            "# A signal ends the shell's wait, not the program.".into(),
            "while [ -n \"$again\" ]; do again=; wait \"$task\"; code=$?; done".into(),
            format!(
                "if [ -n \"$warned\" ] && [ \"$code\" = {TERMINATED} ]; then scontrol requeue \"${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID\"; fi"
            ),
            "exit \"$code\"".into(),
        ]);
        Ok(lines.join("\n") + "\n")
    }
}

/// Ascending numbers as Slurm takes them: `1-3,7`.
fn ranges(numbers: &[usize]) -> String {
    let parts = numbers.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [one] => one.to_string(),
        _ => format!("{}-{}", run[0], run[run.len() - 1]),
    });
    parts.collect::<Vec<_>>().join(",")
}
