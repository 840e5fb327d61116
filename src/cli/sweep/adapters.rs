//! `sweep run --adapter all`: a process for each GPU of the machine, which meet in the sweep's folder as any
//! processes do.

use crate::backend::any::{ListedGpu, gpus};
use crate::backend::{ALL_ADAPTERS, Kind};
use crate::cli::progress::Terminal;
use crate::cli::signals;
use crate::error::{Error, ErrorKind, Result};
use crate::experiment;
use crate::progress::Progress;
use crate::shell::quoted;
use crate::sweep::{Settings, State, Sweep};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Time between two looks at the processes.
const LOOK: Duration = Duration::from_millis(50);

/// Options of every process.
pub struct Options {
    pub retry: bool,
    /// Threads of each; without a number they share the processor's.
    pub threads: Option<usize>,
}

/// Works at a sweep on these GPUs, and returns the errors that ended tasks, with their numbers. A process
/// that dies leaves its tasks to those of equal GPUs.
///
/// # Errors
///
/// If a process does not start, for a signal, and if processes died and tasks are left.
pub fn work(
    sweep: &Sweep,
    gpus: &[ListedGpu],
    options: &Options,
    terminal: &Terminal,
) -> Result<Vec<(usize, Error)>> {
    let interrupt = signals::watch()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = options.threads.unwrap_or_else(|| (cores / gpus.len()).max(1));
    let mut processes = Vec::new();
    for gpu in gpus {
        terminal.say(&format!("adapter  {}: {}", gpu.index, gpu.name));
        processes.push(start(sweep, gpu, gpus.len(), threads, options.retry, terminal)?);
    }
    let mut signal = 0;
    let ends = std::thread::scope(|scope| -> Result<Vec<ExitStatus>> {
        for (process, gpu) in processes.iter_mut().zip(gpus) {
            let lines = BufReader::new(process.stderr.take().expect("it is a pipe")).lines();
            scope.spawn(move || {
                lines.map_while(std::io::Result::ok).for_each(|line| {
                    terminal.relay(&format!("adapter {}: {line}", gpu.index));
                });
            });
        }
        while !all_ended(&mut processes)? {
            signal = interrupt.load(Ordering::Relaxed);
            if signal != 0 {
                // The end of their input tells them to save their state and to stop.
                processes.iter_mut().for_each(|process| drop(process.stdin.take()));
            }
            std::thread::sleep(LOOK);
        }
        processes.iter_mut().map(|process| process.wait().map_err(lost)).collect()
    })?;
    if signal != 0 {
        return Err(experiment::interrupted(signal as u8, sweep.path(), "sweep run --adapter all"));
    }
    let mut failed = Vec::new();
    let mut open = 0;
    for task in &sweep.tasks {
        match sweep.state(task)? {
            State::Finished => {}
            State::Failed(message) => failed.push((task.number, Error::new(ErrorKind::Other, message))),
            _ => open += 1,
        }
    }
    let died = gpus.iter().zip(&ends).find(|(_, end)| !end.success());
    match died {
        Some((gpu, end)) if open > 0 && failed.is_empty() => Err(Error::new(
            ErrorKind::Device,
            format!("the process of adapter {} ended with {end}, and {open} tasks have no scores", gpu.index),
        )
        .hint(format!(
            "go on with `engine sweep run --resume {} --adapter {ALL_ADAPTERS}`",
            quoted(&sweep.path().to_string_lossy())
        ))),
        _ => Ok(failed),
    }
}

/// All GPUs of the settings' backend that can be used. Those that cannot are named, and so are differences.
///
/// # Errors
///
/// If there is none, and for settings that choose GPUs themselves.
pub fn usable(settings: &Settings, terminal: &Terminal) -> Result<Vec<ListedGpu>> {
    let kind = settings.base.run.backend;
    if kind == Kind::Cpu {
        return Err(Error::backend("`adapter = all` is for the backends `cuda` and `wgpu`")
            .hint("one process uses all cores of the processor: leave `adapter` out"));
    }
    if let Some(axis) = settings.grid.iter().find(|a| ["backend", "adapter"].contains(&a.option.as_str())) {
        return Err(Error::config(format!(
            "grid {}: with --adapter all, each process has its own GPU",
            axis.option
        ))
        .hint("leave one of them out"));
    }
    let mut usable = Vec::new();
    for gpu in gpus(kind)?.filter(|gpu| gpu.is_of_all) {
        match &gpu.refused {
            None => usable.push(gpu),
            Some(why) => {
                terminal.caution(&format!("adapter {}, {}, is left out: {why}", gpu.index, gpu.name))
            }
        }
    }
    let Some(first) = usable.first() else {
        return Err(Error::backend(format!("no GPU for the backend `{}` can be used", kind.name()))
            .hint("`engine devices` lists the GPUs and why one is refused"));
    };
    if usable.iter().any(|gpu| gpu.name != first.name) {
        terminal.caution("the GPUs differ, and round differently: the manifest of each run names its own");
    }
    Ok(usable)
}

/// Starts the process of a GPU, one of `workers`.
fn start(
    sweep: &Sweep,
    gpu: &ListedGpu,
    workers: usize,
    threads: usize,
    retry: bool,
    terminal: &Terminal,
) -> Result<Child> {
    let program = std::env::current_exe().map_err(lost)?;
    let mut command = Command::new(program);
    command.args(["sweep", "run", "--until-stdin-ends", "--resume"]).arg(sweep.path());
    command.args(["--adapter", &gpu.index.to_string(), "--workers", &workers.to_string()]);
    command.args(["--threads", &threads.to_string()]).args(retry.then_some("--retry"));
    command.args(terminal.verbosity());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(lost)
}

/// Whether every process has ended.
fn all_ended(processes: &mut [Child]) -> Result<bool> {
    for process in processes {
        if process.try_wait().map_err(lost)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn lost(e: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("a process of the sweep: {e}")).caused_by(e)
}
