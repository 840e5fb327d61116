//! `sweep run`.

use super::adapters;
use super::left::Left;
use super::settings::SettingsFlags;
use crate::backend::ALL_ADAPTERS;
use crate::cli::output::out;
use crate::cli::progress::Terminal;
use crate::cli::resume::refuse_other_options;
use crate::cli::signals;
use crate::cli::threads::set_threads;
use crate::error::{Error, ErrorKind, Result};
use crate::experiment;
use crate::progress::{Progress, Unrepeated};
use crate::shell::quoted;
use crate::sweep::{Outcome, Settings, State, Sweep, Task, Worker};
use clap::{ArgMatches, Args};
use signal_hook::consts::SIGTERM;
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine sweep run --grid cell=lstm,gru --seeds 1,2,3 --split subject --name cells\n  engine sweep run --resume \
runs/cells\n  engine sweep run --resume runs/cells --task 3\n\nAny number of processes work at one sweep, on this machine or on others that share its \
folder: start the second command on each. `--adapter all` starts one for each GPU of the default's kind. A task whose process is gone is taken up from its last saved state, so a process that finds no free task \
waits until all have ended. On equal devices, results do not depend on who trained what."
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
    /// Number of processes that begin at the same time, here and on other machines: each takes its share of
    /// the open tasks at once, folds of one run among them. Without a number it takes as many as memory
    /// allows, but the folds of a run one after the other. Either way at most 32 folds train at once
    #[arg(long, value_name = "N", conflicts_with = "task")]
    workers: Option<NonZeroUsize>,
    /// Stop as after a signal when the standard input ends
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
    #[command(flatten)]
    settings: SettingsFlags,
}

/// The options of a process, by the names of their fields: no settings of the sweep.
const OF_A_PROCESS: [&str; 7] =
    ["resume", "task", "retry", "workers", "until_stdin_ends", "adapter", "threads"];

/// Time between two looks at tasks that other processes work at.
const LOOK: Duration = Duration::from_millis(500);

impl RunCommand {
    pub fn run(&self, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        let own = &self.settings.config.run;
        let all = |settings: &Settings| {
            if self.task.is_some() {
                return Err(Error::config("--task is for one process, and --adapter all for several")
                    .hint("give --adapter the number of one GPU"));
            }
            adapters::usable(settings, terminal)
        };
        // A sweep that begins keeps an adapter as one of its settings.
        let (sweep, adapter, gpus) = match &self.resume {
            None => {
                let (settings, on_all) = self.settings.settings(matches, terminal)?;
                let gpus = on_all.then(|| all(&settings)).transpose()?;
                (SettingsFlags::begin(settings, terminal)?, None, gpus)
            }
            Some(folder) => {
                refuse_other_options::<Self>(matches, &OF_A_PROCESS)?;
                let sweep = Sweep::open(folder)?;
                set_threads(own.threads.or(sweep.settings.base.run.threads))?;
                let on_all = own.choice.adapter.as_deref() == Some(ALL_ADAPTERS);
                let gpus = on_all.then(|| all(&sweep.settings)).transpose()?;
                if own.choice.adapter.is_some()
                    && sweep.settings.grid.iter().any(|axis| axis.option == "adapter")
                {
                    return Err(Error::config(
                        "the tasks of the sweep have their own adapter, and --adapter is another",
                    )
                    .hint("leave --adapter out"));
                }
                (sweep, own.choice.adapter.as_deref(), gpus)
            }
        };
        terminal.say(&format!("sweep {}, {} tasks", sweep.path().display(), sweep.tasks.len()));
        let tasks = match self.task {
            Some(number) => std::slice::from_ref(sweep.task(number)?),
            None => &sweep.tasks,
        };
        // A single run takes one of them.
        let first = gpus.iter().flatten().next().map(|gpu| gpu.index.to_string());
        let one_adapter = first.as_deref().or(adapter).map(|one| format!(" --adapter {}", quoted(one)));
        let adapter_option = match (&gpus, adapter) {
            (Some(_), _) => format!(" --adapter {ALL_ADAPTERS}"),
            (None, Some(own)) => format!(" --adapter {}", quoted(own)),
            (None, None) => String::new(),
        };
        let path = quoted(&sweep.path().to_string_lossy());
        let left = match gpus {
            Some(gpus) => {
                let threads = own.threads.or(sweep.settings.base.run.threads);
                let options = adapters::Options { retry: self.retry, workers: self.workers, threads };
                adapters::work(&sweep, &gpus, &options, terminal)
            }
            None => self.work(&sweep, tasks, adapter, terminal),
        };
        let left = left?;
        // Whoever started this process says it better.
        match left.signal {
            Some(signal) if self.until_stdin_ends => std::process::exit(128 + i32::from(signal)),
            None if self.until_stdin_ends => return Ok(()),
            _ => {}
        }
        if let Some(signal) = left.signal {
            let command = format!("sweep run{adapter_option}");
            return Err(experiment::interrupted(signal, sweep.path(), &command));
        }
        if let Some((number, error)) = left.failed.first() {
            let message =
                format!("{} tasks failed, the first is {number}: {}", left.failed.len(), error.message);
            return Err(Error::new(error.kind, message).hint(format!(
                "see `engine sweep status {path}`; try again with `engine sweep run --resume {path} --retry{adapter_option}`"
            )));
        }
        if let Some((number, error)) = left.not_here.first() {
            let message = format!(
                "{} tasks are left open because this process cannot read their data, the first is {number}: {}",
                left.not_here.len(),
                error.message
            );
            return Err(Error::new(error.kind, message).hint(format!(
                "run where the data are, from the folder where the sweep began: `engine sweep run --resume {path}{adapter_option}`"
            )));
        }
        if let Some((number, device)) = left.elsewhere.first() {
            let run = quoted(&sweep.run(sweep.task(*number)?).to_string_lossy());
            return Err(Error::config(format!(
                "{} tasks were begun on other devices, the first is {number}, on {device}: another one rounds differently",
                left.elsewhere.len()
            ))
            .hint(format!(
                "go on where that device is; or finish the run on this one: `engine crossval --resume {run} \
                 --other-device{}`",
                one_adapter.unwrap_or_default()
            )));
        }
        // Of thousands of jobs for one task each, none looks at all the others.
        if self.task.is_some() {
            return out(&format!("the task has scores: engine sweep status {path}"));
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

    /// Works at tasks until each has ended, here or in another process: one that dies leaves its task to this
    /// one. Returns those that have no scores.
    fn work(
        &self,
        sweep: &Sweep,
        tasks: &[Task],
        adapter: Option<&str>,
        terminal: &Terminal,
    ) -> Result<Left> {
        let interrupt = signals::watch()?;
        if self.until_stdin_ends {
            stop_when_stdin_ends(Arc::clone(&interrupt));
        }
        let mut worker = Worker::new(sweep, self.retry, self.workers, adapter)?;
        let said = Unrepeated::default();
        let news = said.with(terminal);
        let label = |task: &Task| {
            let fold = task.fold.map_or(String::new(), |fold| format!(", fold {fold}"));
            format!("[{}/{}] {}, seed {}{fold}", task.number, sweep.tasks.len(), task.setting(), task.seed)
        };
        let begin = |stack: &[&Task]| {
            if let [first, .., last] = stack {
                terminal.say(&format!(
                    "{} tasks at once, from {} to {}",
                    stack.len(),
                    first.number,
                    last.number
                ));
            }
        };
        let mut left = Left::default();
        let mut open: VecDeque<&Task> = tasks.iter().collect();
        loop {
            let mut owned = VecDeque::new();
            while let Some(&task) = open.front() {
                match sweep.state(task)? {
                    State::Finished => {
                        open.pop_front();
                        continue;
                    }
                    State::Failed(message) if !self.retry => {
                        open.pop_front();
                        left.failed.push((task.number, Error::new(ErrorKind::Other, message)));
                        continue;
                    }
                    _ => {}
                }
                let mut interrupted = None;
                for (task, outcome) in worker.work(open.make_contiguous(), &interrupt, terminal, &begin)? {
                    open.retain(|other| other.number != task.number);
                    match outcome {
                        Outcome::Finished => terminal.say(&format!("{}: done", label(task))),
                        Outcome::Failed(error) => {
                            terminal.warn(&format!("{}: {}", label(task), error.message));
                            left.failed.push((task.number, error));
                        }
                        Outcome::Interrupted(signal) => interrupted = Some(signal),
                        Outcome::NotHere(error) => {
                            news.warn(&format!("{}: {}", label(task), error.message));
                            left.not_here.push((task.number, error));
                        }
                        // Said once for all of them, below.
                        Outcome::Open => {}
                        Outcome::Owned(owner) => {
                            news.say(&format!("{}: with {owner}", label(task)));
                            owned.push_back(task);
                        }
                        Outcome::Elsewhere(device) => {
                            let only = "and only such a device goes on with it";
                            terminal.say(&format!("{}: begun on {device}, {only}", label(task)));
                            left.elsewhere.push((task.number, device));
                        }
                    }
                }
                if let Some(why) = worker.broken() {
                    let path = quoted(&sweep.path().to_string_lossy());
                    return Err(Error::new(ErrorKind::Device, why).hint(format!(
                        "`engine sweep run --resume {path}` goes on with the open tasks where the GPU can be used"
                    )));
                }
                if interrupted.is_some() {
                    return Ok(Left { signal: interrupted, ..left });
                }
            }
            if owned.is_empty() {
                left.failed.sort_by_key(|(number, _)| *number);
                let mut elsewhere = Vec::new();
                for (number, device) in left.elsewhere {
                    // Another process may have taken it since.
                    if matches!(sweep.state(sweep.task(number)?)?, State::Stopped | State::Failed(_)) {
                        elsewhere.push((number, device));
                    }
                }
                return Ok(Left { elsewhere, ..left });
            }
            open = owned;
            if let Some(signal) = wait(&interrupt) {
                return Ok(Left { signal: Some(signal), ..left });
            }
        }
    }
}

/// Treats the end of the standard input as SIGTERM: whoever started this process wants it to stop, or is
/// gone.
fn stop_when_stdin_ends(interrupt: Arc<AtomicUsize>) {
    std::thread::spawn(move || {
        // A broken pipe ends as well as a closed one.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = interrupt.compare_exchange(0, SIGTERM as usize, Ordering::Relaxed, Ordering::Relaxed);
    });
}

/// Waits a little for other processes, or for a signal.
fn wait(interrupt: &AtomicUsize) -> Option<u8> {
    let begun = Instant::now();
    while begun.elapsed() < LOOK {
        std::thread::sleep(Duration::from_millis(50));
        let signal = interrupt.load(Ordering::Relaxed);
        if signal != 0 {
            return Some(signal as u8);
        }
    }
    None
}
