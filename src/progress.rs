//! How long work tells its caller where it stands. The library never prints: the command line shows these calls.

/// Receives the progress and the warnings of long work; called from several threads.
pub trait Progress: Sync {
    /// A stretch of work begins: `total` units of `unit` ("subjects", "steps").
    fn start(&self, what: &str, total: u64, unit: &str);
    /// `done` more units are ready; `note` is the newest fact worth showing (a loss, a file), or empty.
    fn advance(&self, done: u64, note: &str);
    /// The stretch has ended.
    fn finish(&self);
    /// Something that the user must know but that does not stop the work.
    fn warn(&self, text: &str);
    /// Something shown only when the user asked for details.
    fn detail(&self, text: &str);
}

/// Ignores everything: for library users and tests that do not watch.
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _: &str, _: u64, _: &str) {}
    fn advance(&self, _: u64, _: &str) {}
    fn finish(&self) {}
    fn warn(&self, _: &str) {}
    fn detail(&self, _: &str) {}
}
