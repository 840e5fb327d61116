//! When each kernel ran, for `engine profile`: a CPU backend measures around its parallel regions, a GPU backend fills in
//! its own time stamps.

use crate::spec::Work;
use serde::Serialize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// One launch of one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    pub kernel: &'static str,
    /// Nanoseconds since the timeline was made.
    pub start: u64,
    pub duration: u64,
    pub work: Work,
}

impl Span {
    pub fn end(&self) -> u64 {
        self.start + self.duration
    }
}

/// The launches of a backend, recorded while it is told to: otherwise a launch costs one branch more.
pub struct Timeline {
    origin: Instant,
    recording: AtomicBool,
    spans: Mutex<Vec<Span>>,
}

impl Default for Timeline {
    fn default() -> Self {
        Timeline { origin: Instant::now(), recording: AtomicBool::new(false), spans: Mutex::default() }
    }
}

impl Timeline {
    /// Nanoseconds since the timeline was made.
    pub fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    /// Begins anew, or stops and gives what was recorded, in order.
    pub fn record(&self, on: bool) -> Vec<Span> {
        self.recording.store(on, Ordering::Relaxed);
        std::mem::take(&mut *self.spans())
    }

    /// Runs `launch` and records it.
    pub fn span<T>(&self, kernel: &'static str, work: Work, launch: impl FnOnce() -> T) -> T {
        if !self.recording.load(Ordering::Relaxed) {
            return launch();
        }
        let start = self.now();
        let result = launch();
        let duration = self.now() - start;
        self.spans().push(Span { kernel, start, duration, work });
        result
    }

    fn spans(&self) -> std::sync::MutexGuard<'_, Vec<Span>> {
        self.spans.lock().expect("nothing panics while it holds the lock")
    }
}
