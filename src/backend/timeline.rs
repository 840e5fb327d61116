//! When each kernel ran, for `engine profile`: a CPU backend measures around its parallel regions, a GPU
//! backend fills in its own time stamps.

use crate::ops::Work;
use serde::Serialize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// One launch of one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Label of the kernel.
    pub kernel: &'static str,
    /// By the timeline's clock, in nanoseconds.
    pub start: u64,
    /// Nanoseconds from start to end.
    pub duration: u64,
    /// Algorithmic operations and bytes.
    pub work: Work,
    /// Whether the device had nothing to do when this launch began to be timed: its duration then holds what
    /// the host needed to launch it, too.
    pub from_idle: bool,
}

impl Span {
    /// When it ended, in nanoseconds on the timeline's clock.
    pub fn end(&self) -> u64 {
        self.start + self.duration
    }
}

/// The launches of a backend, while recording is on. While it is off, a launch costs one branch.
pub struct Timeline {
    origin: Instant,
    /// Nanoseconds in which the clock stood.
    aside: AtomicU64,
    recording: AtomicBool,
    spans: Mutex<Vec<Span>>,
}

impl Default for Timeline {
    fn default() -> Self {
        Timeline {
            origin: Instant::now(),
            aside: AtomicU64::new(0),
            recording: AtomicBool::new(false),
            spans: Mutex::default(),
        }
    }
}

impl Timeline {
    /// Nanoseconds since the timeline was made, without what was done aside.
    pub fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64 - self.aside.load(Ordering::Relaxed)
    }

    /// Does what only recording needs, such as reading time stamps: the clock stands.
    pub fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.aside.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        result
    }

    /// Begins anew, or stops and gives what was recorded, in order.
    pub fn record(&self, on: bool) -> Vec<Span> {
        self.recording.store(on, Ordering::Relaxed);
        std::mem::take(&mut *self.spans())
    }

    /// Whether launches are recorded now.
    pub fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Relaxed)
    }

    /// Records a launch with the device's own time stamps.
    pub fn push(&self, span: Span) {
        self.spans().push(span);
    }

    /// Runs `launch` and records it. A launch that records spans itself, of its parts, is not recorded beside
    /// them.
    pub fn span<T>(&self, kernel: &'static str, work: Work, launch: impl FnOnce() -> T) -> T {
        if !self.is_recording() {
            return launch();
        }
        let (before, start) = (self.spans().len(), self.now());
        let result = launch();
        let duration = self.now() - start;
        let mut spans = self.spans();
        if spans.len() == before {
            spans.push(Span { kernel, start, duration, work, from_idle: false });
        }
        result
    }

    fn spans(&self) -> std::sync::MutexGuard<'_, Vec<Span>> {
        self.spans.lock().expect("nothing panics while it holds the lock")
    }
}
