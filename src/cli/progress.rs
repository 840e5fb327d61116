//! Progress on stderr: a bar on a terminal, a plain line every ten seconds elsewhere.

use super::options::as_options;
use super::output::printable;
use crate::error::Error;
use crate::progress::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Shows progress, warnings and errors on stderr.
pub struct Terminal {
    quiet: bool,
    verbose: bool,
    has_bar: bool,
    task: Mutex<Option<Task>>,
}

/// The task in progress.
struct Task {
    name: String,
    unit: String,
    total: u64,
    done: u64,
    started: Instant,
    /// The time of the last plain line.
    last_line: Instant,
    bar: Option<ProgressBar>,
}

/// The time between two plain lines.
const INTERVAL: Duration = Duration::from_secs(10);

impl Terminal {
    /// `quiet` shows only errors and cautions, `verbose` shows details, too.
    pub fn new(quiet: bool, verbose: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Terminal { quiet, verbose, has_bar: std::io::stderr().is_terminal() && !dumb, task: Mutex::new(None) }
    }

    /// Shows an error.
    pub fn error(&self, error: &Error) {
        self.finish();
        self.line(&format!("error: {}", as_options(&error.to_string())));
    }

    /// Shows a message, unless only errors and cautions are shown.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.line(text);
        }
    }

    /// Shows a line of another process, which knows what is to be shown.
    pub fn relay(&self, line: &str) {
        self.line(line);
    }

    /// The option by which another process shows as much.
    pub fn verbosity(&self) -> Option<&'static str> {
        match (self.quiet, self.verbose) {
            (true, _) => Some("--quiet"),
            (false, true) => Some("--verbose"),
            (false, false) => None,
        }
    }

    fn line(&self, text: &str) {
        // If stderr is closed, there is nowhere to report it.
        let _ = self.beside_the_bar(|| writeln!(std::io::stderr(), "{}", printable(text)));
    }

    /// Runs `print` with the bar hidden, and draws the bar again below its output.
    pub fn beside_the_bar<T>(&self, print: impl FnOnce() -> T) -> T {
        let task = self.task();
        match task.as_ref().and_then(|task| task.bar.as_ref()) {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn task(&self) -> std::sync::MutexGuard<'_, Option<Task>> {
        self.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Progress for Terminal {
    fn start(&self, what: &str, total: u64, unit: &str) {
        if self.quiet {
            return;
        }
        let bar = self.has_bar.then(|| {
            let template =
                format!("{{prefix}} {{wide_bar}} {{percent}}% {{per_sec}} {unit} ETA {{eta}} {{msg}}");
            let style = ProgressStyle::with_template(&template).expect("the template is a constant");
            let bar = ProgressBar::new(total).with_style(style).with_prefix(what.to_string());
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        let now = Instant::now();
        *self.task() = Some(Task {
            name: what.into(),
            unit: unit.into(),
            total,
            done: 0,
            started: now,
            last_line: now,
            bar,
        });
    }

    fn advance(&self, done: u64, note: &str) {
        let mut line = None;
        if let Some(task) = self.task().as_mut() {
            task.done += done;
            match &task.bar {
                Some(bar) => {
                    bar.inc(done);
                    bar.set_message(note.to_string());
                }
                None if task.last_line.elapsed() >= INTERVAL => {
                    task.last_line = Instant::now();
                    line = Some(task.describe(note));
                }
                None => {}
            }
        }
        if let Some(line) = line {
            self.line(&line);
        }
    }

    fn finish(&self) {
        let Some(task) = self.task().take() else { return };
        if let Some(bar) = &task.bar {
            bar.finish_and_clear();
        }
        let seconds = task.started.elapsed().as_secs_f64();
        let rate = task.done as f64 / seconds.max(1e-9);
        self.say(&format!("{}: {} {} in {seconds:.1} s ({rate:.0}/s)", task.name, task.done, task.unit));
    }

    fn warn(&self, text: &str) {
        self.say(&format!("warning: {}", as_options(text)));
    }

    fn caution(&self, text: &str) {
        self.line(&format!("warning: {}", as_options(text)));
    }

    fn say(&self, text: &str) {
        Terminal::say(self, text);
    }

    fn detail(&self, text: &str) {
        if self.verbose {
            self.line(text);
        }
    }
}

impl Task {
    /// The plain line of an unfinished task.
    fn describe(&self, note: &str) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = self.done as f64 / seconds.max(1e-9);
        let left = self.total.saturating_sub(self.done) as f64 / rate.max(1e-9);
        format!(
            "{}: {} of {} {} ({rate:.0}/s, at most {left:.0} s left) {note}",
            self.name, self.done, self.total, self.unit
        )
    }
}
