//! Work without the interpreter's lock. Meanwhile the calling thread looks for Ctrl-C and hands on reports,
//! so that no other thread ever waits for Python.

use crate::errors::OrRaise;
use engine::progress::Progress;
use engine::train::{EpochRecord, Observer, StepRecord};
use engine::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The longest time before Ctrl-C is seen.
const INTERVAL: Duration = Duration::from_millis(20);
/// The number of the signal that Ctrl-C sends.
const SIGINT: usize = 2;

enum Report {
    Start(String, u64, String),
    Advance(u64, String),
    Finish,
    Warn(String),
    Caution(String),
    /// The work is done.
    Done,
}

/// Takes the reports of work, and asks it to stop.
pub struct Reports {
    sender: Sender<Report>,
    /// The number of the signal that asks to stop, or 0.
    pub interrupt: AtomicUsize,
}

impl Reports {
    fn send(&self, report: Report) {
        // Nobody listens only after the work.
        let _ = self.sender.send(report);
    }
}

impl Progress for Reports {
    fn start(&self, what: &str, total: u64, unit: &str) {
        self.send(Report::Start(what.into(), total, unit.into()));
    }
    fn advance(&self, done: u64, note: &str) {
        if done > 0 {
            self.send(Report::Advance(done, note.into()));
        }
    }
    fn finish(&self) {
        self.send(Report::Finish);
    }
    fn warn(&self, text: &str) {
        self.send(Report::Warn(text.into()));
    }
    fn caution(&self, text: &str) {
        self.send(Report::Caution(text.into()));
    }
    fn say(&self, _: &str) {}
    fn detail(&self, _: &str) {}
}

/// Reports a training in memory, and keeps its epochs.
pub struct Watch<'a> {
    /// Where the reports go.
    pub reports: &'a Reports,
    /// The epochs so far.
    pub epochs: Vec<EpochRecord>,
}

impl Observer for Watch<'_> {
    fn step(&mut self, records: &[StepRecord]) -> Result<()> {
        let rows = records.iter().map(|record| record.rows as u64).sum();
        let note = records.first().map_or(String::new(), |r| format!("epoch {} loss {:.4}", r.epoch, r.loss));
        self.reports.advance(rows, &note);
        Ok(())
    }

    fn epoch(&mut self, records: &[EpochRecord]) -> Result<()> {
        self.epochs.extend_from_slice(records);
        Ok(())
    }

    fn interrupted(&self) -> Option<u8> {
        let signal = self.reports.interrupt.load(Ordering::Relaxed);
        (signal != 0).then_some(signal as u8)
    }
}

/// Runs `work` on so many threads. `observer` has the methods of `fused_rnn._progress.Reporter`, or is None.
pub fn run<T: Send>(
    py: Python<'_>,
    threads: Option<usize>,
    observer: Bound<'_, PyAny>,
    work: impl FnOnce(&Reports) -> Result<T> + Send,
) -> PyResult<T> {
    let observer = observer.unbind();
    let pool = pool(threads).or_raise()?;
    let (sender, receiver) = channel();
    let reports = &Reports { sender, interrupt: AtomicUsize::new(0) };
    let (result, stopped) = py.detach(move || {
        let mut result = None;
        let place = &mut result;
        let stopped = pool.in_place_scope(|scope| {
            scope.spawn(move |_| {
                // A fault of ours is an exception like any other.
                let caught = catch_unwind(AssertUnwindSafe(|| work(reports)));
                *place = Some(caught.unwrap_or_else(|fault| Err(internal(&*fault))));
                reports.send(Report::Done);
            });
            listen(&receiver, reports, &observer)
        });
        (result, stopped)
    });
    match stopped {
        Some(exception) => Err(exception),
        None => result.expect("the work has ended").or_raise(),
    }
}

/// The error of work that panicked.
fn internal(fault: &(dyn Any + Send)) -> Error {
    let text =
        fault.downcast_ref::<&str>().copied().or_else(|| fault.downcast_ref::<String>().map(|t| t.as_str()));
    Error::new(ErrorKind::Other, format!("a fault of the engine: {}", text.unwrap_or("it says no more")))
        .hint("this should not happen: please report it, with the arrays' shapes and the settings")
}

/// Hands on reports until the work is done. The first exception, of Ctrl-C or of the observer, stops it.
fn listen(receiver: &Receiver<Report>, reports: &Reports, observer: &Py<PyAny>) -> Option<PyErr> {
    let mut stopped = None;
    loop {
        let mut batch = match receiver.recv_timeout(INTERVAL) {
            Ok(report) => vec![report],
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return stopped,
        };
        batch.extend(receiver.try_iter());
        let done = batch.iter().any(|report| matches!(report, Report::Done));
        let deliver = |py: Python<'_>| {
            py.check_signals()?;
            let observer = observer.bind(py);
            if !observer.is_none() { hand_on(observer, batch) } else { Ok(()) }
        };
        if let Err(exception) = Python::attach(deliver) {
            stopped.get_or_insert(exception);
            reports.interrupt.store(SIGINT, Ordering::Relaxed);
        }
        if done {
            return stopped;
        }
    }
}

/// Calls the observer. Steps between two other reports become one.
fn hand_on(observer: &Bound<'_, PyAny>, batch: Vec<Report>) -> PyResult<()> {
    let mut advanced: Option<(u64, String)> = None;
    for report in batch {
        if let Report::Advance(more, note) = report {
            advanced = Some((advanced.map_or(0, |(done, _)| done) + more, note));
            continue;
        }
        if let Some(step) = advanced.take() {
            observer.call_method1("advance", step)?;
        }
        match report {
            Report::Start(what, total, unit) => observer.call_method1("start", (what, total, unit))?,
            Report::Finish => observer.call_method0("finish")?,
            Report::Warn(text) => observer.call_method1("warn", (text,))?,
            Report::Caution(text) => observer.call_method1("caution", (text,))?,
            Report::Advance(..) | Report::Done => continue,
        };
    }
    advanced.map_or(Ok(()), |step| observer.call_method1("advance", step).map(drop))
}

/// Pools by process and number of threads. A forked process has none of its parent's threads.
type Pools = HashMap<(u32, usize), Arc<ThreadPool>>;

/// The pools so far.
static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

/// The most threads: more of them only take memory, and starting them takes minutes.
const MOST: usize = 1024;

/// A pool of so many threads; of `OMP_NUM_THREADS`, by which joblib bounds its processes, if the number is
/// open; of all cores without either.
fn pool(threads: Option<usize>) -> Result<Arc<ThreadPool>> {
    let bounded = || std::env::var("OMP_NUM_THREADS").ok()?.split(',').next()?.trim().parse().ok();
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.or_else(bounded).filter(|&threads| threads > 0).unwrap_or_else(cores);
    if threads > MOST {
        return Err(Error::config(format!("`threads` is {threads}, expected at most {MOST}")));
    }
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let pools = pools.get_or_insert_default();
    if let Some(pool) = pools.get(&(std::process::id(), threads)) {
        return Ok(Arc::clone(pool));
    }
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| {
        Error::new(ErrorKind::Other, format!("cannot start threads: {e}"))
            .hint("raise the limit of processes, `ulimit -u`, or use fewer `threads`")
            .caused_by(e)
    })?;
    Ok(Arc::clone(pools.entry((std::process::id(), threads)).or_insert(Arc::new(pool))))
}
