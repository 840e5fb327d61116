//! Progress reports of long work. The library never prints; the command line shows these reports.

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
    /// A detail, shown only on request.
    fn detail(&self, text: &str);
}

/// Ignores all reports.
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _: &str, _: u64, _: &str) {}
    fn advance(&self, _: u64, _: &str) {}
    fn finish(&self) {}
    fn warn(&self, _: &str) {}
    fn caution(&self, _: &str) {}
    fn detail(&self, _: &str) {}
}
