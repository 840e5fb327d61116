//! `sweep run`.

use super::settings::SettingsFlags;
use crate::cli::output::out;
use crate::cli::progress::Terminal;
use crate::cli::signals;
use crate::cli::threads::set_threads;
use crate::error::{Error, ErrorKind, Result};
use crate::experiment;
use crate::progress::Progress;
use crate::sweep::{Outcome, STALE, State, Sweep, Task, Worker};
use clap::{ArgMatches, Args};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine sweep run --grid cell=lstm,gru --seeds 1,2,3 --split subject --name cells\n  engine sweep run --resume \
runs/cells\n  engine sweep run --resume runs/cells --task 3\n\nAny number of processes work at one sweep, on this machine or on others that share its \
folder: start the second command on each. A task whose process is gone is taken up from its last saved state. Results do not depend on who trained what."
)]
pub struct RunCommand {
    /// Go on with this sweep, beside other processes that do
    #[arg(long, value_name = "SWEEP")]
    resume: Option<PathBuf>,
    /// Work at this task alone, from 1
    #[arg(long, value_name = "N", requires = "resume")]
    task: Option<usize>,
    /// Try tasks again that ended with an error
    #[arg(long, requires = "resume")]
    retry: bool,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl RunCommand {
    pub fn run(&self, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        let sweep = match &self.resume {
            None => self.settings.begin(matches)?,
            Some(folder) => {
                let mut others = self.settings.config.clone();
                others.run.threads = None;
                let is_alone = self.settings.file.is_none()
                    && self.settings.grid.is_empty()
                    && self.settings.seeds.is_empty()
                    && self.settings.preset.is_none()
                    && others == crate::config::Config::default();
                if !is_alone {
                    return Err(Error::config(
                        "--resume goes on as it was begun, with the settings of that time",
                    )
                    .hint("leave the other options out, but for --task, --retry and --threads"));
                }
                Sweep::open(folder)?
            }
        };
        let threads = self.settings.config.run.threads.or(sweep.settings.base.run.threads);
        set_threads(threads)?;
        terminal.say(&format!("sweep {}, {} tasks", sweep.path().display(), sweep.tasks.len()));
        let interrupt = signals::watch()?;
        let mut worker = Worker::new(&sweep);
        let mut failed = Vec::new();
        let tasks = match self.task {
            Some(number) => std::slice::from_ref(sweep.task(number)?),
            None => &sweep.tasks,
        };
        for task in tasks {
            if let Some(error) = self.one(&sweep, task, &mut worker, &interrupt, terminal)? {
                failed.push((task.number, error));
            }
        }
        let path = sweep.path().display();
        if let Some((number, error)) = failed.first() {
            let message = format!("{} tasks failed, the first is {number}: {}", failed.len(), error.message);
            return Err(Error::new(error.kind, message).hint(format!(
                "see `engine sweep status {path}`; try again with `engine sweep run --resume {path} --retry`"
            )));
        }
        let states = sweep.tasks.iter().map(|task| sweep.state(task)).collect::<Result<Vec<State>>>()?;
        let open = states.iter().filter(|state| **state != State::Finished).count();
        match open {
            0 => out(&format!("all {} tasks have scores: engine sweep collect {path}", sweep.tasks.len())),
            open => out(&format!(
                "{open} of {} tasks have no scores yet: engine sweep status {path}",
                sweep.tasks.len()
            )),
        }
    }

    /// Works at a task, unless it is done. The error that ended it, if one did.
    fn one(
        &self,
        sweep: &Sweep,
        task: &Task,
        worker: &mut Worker,
        interrupt: &AtomicUsize,
        terminal: &Terminal,
    ) -> Result<Option<Error>> {
        let begun = Instant::now();
        loop {
            match sweep.state(task)? {
                State::Finished => return Ok(None),
                State::Failed(message) if !self.retry => {
                    return Ok(Some(Error::new(ErrorKind::Other, message)));
                }
                _ => {}
            }
            let label =
                format!("[{}/{}] {}, seed {}", task.number, sweep.tasks.len(), task.setting(), task.seed);
            match worker.work(task, interrupt, terminal)? {
                Outcome::Finished => {
                    terminal.say(&format!("{label}: done"));
                    return Ok(None);
                }
                Outcome::Failed(error) => {
                    terminal.warn(&format!("{label}: {}", error.message));
                    return Ok(Some(error));
                }
                Outcome::Interrupted(signal) => {
                    return Err(experiment::interrupted(signal, sweep.path(), "sweep run"));
                }
                // A process that was killed on another machine looks alive for a while.
                Outcome::Owned(_) if self.task.is_some() && begun.elapsed() < 2 * STALE => {
                    std::thread::sleep(Duration::from_secs(2));
                    let signal = interrupt.load(Ordering::Relaxed);
                    if signal != 0 {
                        return Err(experiment::interrupted(signal as u8, sweep.path(), "sweep run"));
                    }
                }
                Outcome::Owned(owner) => {
                    terminal.say(&format!("{label}: with process {} of {}", owner.process, owner.host));
                    return Ok(None);
                }
            }
        }
    }
}
