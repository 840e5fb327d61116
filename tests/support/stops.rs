//! Progress that asks for a stop.

use engine::progress::Progress;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sends the signal 15 when a report is the one that `when` waits for.
pub struct StopsWhen<F> {
    /// The number of the signal, or 0.
    pub signal: AtomicUsize,
    when: F,
}

impl<F: Fn(&str) -> bool + Sync> StopsWhen<F> {
    pub fn new(when: F) -> Self {
        StopsWhen { signal: AtomicUsize::new(0), when }
    }
}

impl<F: Fn(&str) -> bool + Sync> Progress for StopsWhen<F> {
    fn start(&self, _: &str, _: u64, _: &str) {}
    fn advance(&self, _: u64, note: &str) {
        if (self.when)(note) {
            self.signal.store(15, Ordering::Relaxed);
        }
    }
    fn finish(&self) {}
    fn warn(&self, _: &str) {}
    fn caution(&self, _: &str) {}
    fn say(&self, _: &str) {}
    fn detail(&self, _: &str) {}
}
