//! `sweep run --adapter all`: a process for each GPU of the machine, which meet in the sweep's folder as any
//! processes do.

use super::left::Left;
use crate::backend::any::{ListedGpu, gpus};
use crate::backend::{ALL_ADAPTERS, Kind};
use crate::cli::progress::Terminal;
use crate::cli::signals;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Progress;
use crate::shell::quoted;
use crate::sweep::{Settings, State, Sweep};
use std::io::{BufRead, BufReader};
use std::num::NonZeroUsize;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Time between two looks at the processes.
const LOOK: Duration = Duration::from_millis(50);

/// Options of every process.
pub struct Options {
    pub retry: bool,
    /// The number of all processes, where other machines start some at the same time.
    pub workers: Option<NonZeroUsize>,
    /// Threads of each; without a number they share the processor's.
    pub threads: Option<usize>,
}

/// Works at a sweep on these GPUs, and returns the tasks that have no scores. A process that dies leaves its
/// tasks to those of equal GPUs.
///
/// # Errors
///
/// If a process does not start, if the state of a task cannot be read, and if tasks are left that were not
/// begun on another device.
pub fn work(sweep: &Sweep, gpus: &[ListedGpu], options: &Options, terminal: &Terminal) -> Result<Left> {
    let interrupt = signals::watch()?;
    if options.retry {
        // Once: each process would try a task again that fails again.
        sweep.reopen_failed(terminal)?;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = options.threads.unwrap_or_else(|| (cores / gpus.len()).max(1));
    let mut processes: Vec<Child> = Vec::new();
    for gpu in gpus {
        terminal.say(&format!("adapter  {}: {}", gpu.index, gpu.name));
        let workers = options.workers.map_or(gpus.len(), usize::from).max(gpus.len());
        match start(sweep, gpu, workers, threads, terminal) {
            Ok(process) => processes.push(process),
            Err(error) => {
                stop(&mut processes);
                processes.iter_mut().try_for_each(|process| process.wait().map(drop)).map_err(lost)?;
                return Err(error);
            }
        }
    }
    let ends = std::thread::scope(|scope| -> Result<Vec<ExitStatus>> {
        for (process, gpu) in processes.iter_mut().zip(gpus) {
            let said = BufReader::new(process.stderr.take().expect("it is a pipe"));
            scope.spawn(move || {
                // A driver may say what is no text.
                for line in said.split(b'\n').map_while(std::io::Result::ok) {
                    terminal.relay(&format!("adapter {}: {}", gpu.index, String::from_utf8_lossy(&line)));
                }
            });
        }
        while !all_ended(&mut processes)? {
            if interrupt.load(Ordering::Relaxed) != 0 {
                stop(&mut processes);
            }
            std::thread::sleep(LOOK);
        }
        processes.iter_mut().map(|process| process.wait().map_err(lost)).collect()
    })?;
    let mut left = Left::default();
    let mut open = 0;
    for task in &sweep.tasks {
        match sweep.state(task)? {
            // Another process has it: those of this one have ended.
            State::Finished | State::Running(_) => {}
            State::Failed(message) => left.failed.push((task.number, Error::new(ErrorKind::Other, message))),
            State::Waiting | State::Stopped => {
                open += 1;
                if let Ok(Some(begun)) = sweep.begun(task) {
                    left.elsewhere.push((task.number, begun.device));
                }
            }
        }
    }
    let signal = interrupt.load(Ordering::Relaxed);
    if signal != 0 && open > 0 {
        return Ok(Left { signal: Some(signal as u8), ..left });
    }
    let died = gpus.iter().zip(&ends).find(|(_, end)| !end.success());
    let died = died.map(|(gpu, end)| format!("the process of adapter {} ended with {end}", gpu.index));
    match died {
        Some(died) if open == 0 => terminal.caution(&format!("{died}; it left no task open")),
        // Those that began elsewhere are the only ones that processes leave as they are.
        None if open == left.elsewhere.len() => {}
        died => {
            let why = died.map_or(String::new(), |died| format!("{died}: "));
            let failed = left.failed.len();
            let message = format!("{why}{open} tasks have no scores, and {failed} failed");
            return Err(Error::new(ErrorKind::Device, message).hint(format!(
                "go on with `engine sweep run --resume {} --adapter {ALL_ADAPTERS}`",
                quoted(&sweep.path().to_string_lossy())
            )));
        }
    }
    Ok(left)
}

/// The end of their input tells processes to save their state and to stop.
fn stop(processes: &mut [Child]) {
    processes.iter_mut().for_each(|process| drop(process.stdin.take()));
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
    terminal: &Terminal,
) -> Result<Child> {
    let program = std::env::current_exe().map_err(lost)?;
    let mut command = Command::new(program);
    command.args(["sweep", "run", "--until-stdin-ends", "--resume"]).arg(sweep.path());
    command.args(["--adapter", &gpu.index.to_string(), "--workers", &workers.to_string()]);
    command.args(["--threads", &threads.to_string()]);
    command.args(terminal.verbosity());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(lost)
}

/// Whether every process has ended. All are asked: the number of one that nobody asked is in use, as if it
/// lived, and so are its claims.
fn all_ended(processes: &mut [Child]) -> Result<bool> {
    let mut all = true;
    for process in processes {
        all &= process.try_wait().map_err(lost)?.is_some();
    }
    Ok(all)
}

fn lost(e: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("a process of the sweep: {e}")).caused_by(e)
}
