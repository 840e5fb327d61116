//! Progress reports of long work. The library never prints; the command line shows these reports.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

/// Receives the progress and the warnings of long work, from several threads.
pub trait Progress: Sync {
    /// A task begins. It is called `what` and has `total` units, which are called `unit` ("subjects",
    /// "training steps").
    fn start(&self, what: &str, total: u64, unit: &str);
    /// `done` more units of the task are finished. `note` is a fact to show with them (a loss, a file), or
    /// empty.
    fn advance(&self, done: u64, note: &str);
    /// The task has ended.
    fn finish(&self);
    /// A warning, which does not stop the work.
    fn warn(&self, text: &str);
    /// A fact about a leak, or about knowledge that is missing to rule one out. It is shown even where
    /// warnings are not.
    fn caution(&self, text: &str);
    /// A fact about the work, which is no warning.
    fn say(&self, text: &str);
    /// A detail, shown only on request.
    fn detail(&self, text: &str);
}

/// A time in words: `about 3 min`.
pub fn about(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        _ if seconds < 90.0 => format!("about {seconds:.0} s"),
        _ if seconds < 5400.0 => format!("about {:.0} min", seconds / 60.0),
        _ if seconds < 172_800.0 => format!("about {:.1} h", seconds / 3600.0),
        _ => format!("about {:.1} days", seconds / 86400.0),
    }
}

/// Ignores all reports.
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _: &str, _: u64, _: &str) {}
    fn advance(&self, _: u64, _: &str) {}
    fn finish(&self) {}
    fn warn(&self, _: &str) {}
    fn caution(&self, _: &str) {}
    fn say(&self, _: &str) {}
    fn detail(&self, _: &str) {}
}

/// Remembers what was said, so that many pieces of work that have the same to say say it once.
#[derive(Default)]
pub struct Unrepeated(Mutex<BTreeSet<String>>);

impl Unrepeated {
    /// Reports to `inner`, but no text that was reported before.
    pub fn with<'a>(&'a self, inner: &'a dyn Progress) -> impl Progress + 'a {
        News { said: &self.0, inner }
    }
}

struct News<'a> {
    said: &'a Mutex<BTreeSet<String>>,
    inner: &'a dyn Progress,
}

impl News<'_> {
    fn is_new(&self, text: &str) -> bool {
        self.said.lock().is_ok_and(|mut said| said.insert(text.into()))
    }
}

impl Progress for News<'_> {
    fn start(&self, what: &str, total: u64, unit: &str) {
        self.inner.start(what, total, unit);
    }
    fn advance(&self, done: u64, note: &str) {
        self.inner.advance(done, note);
    }
    fn finish(&self) {
        self.inner.finish();
    }
    fn warn(&self, text: &str) {
        if self.is_new(text) {
            self.inner.warn(text);
        }
    }
    fn caution(&self, text: &str) {
        if self.is_new(text) {
            self.inner.caution(text);
        }
    }
    fn say(&self, text: &str) {
        if self.is_new(text) {
            self.inner.say(text);
        }
    }
    fn detail(&self, text: &str) {
        self.inner.detail(text);
    }
}
