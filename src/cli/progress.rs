//! Progress on stderr: a bar on a terminal, now and then a plain line elsewhere.

use super::options::as_options;
use crate::error::Error;
use crate::progress::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Shows progress, warnings and errors.
pub struct Terminal {
    quiet: bool,
    verbose: bool,
    fancy: bool,
    stretch: Mutex<Option<Stretch>>,
}

/// The stretch of work at hand.
struct Stretch {
    what: String,
    unit: String,
    total: u64,
    done: u64,
    started: Instant,
    spoke: Instant,
    bar: Option<ProgressBar>,
}

/// Between two plain lines.
const INTERVAL: Duration = Duration::from_secs(10);

impl Terminal {
    pub fn new(quiet: bool, verbose: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Terminal {
            quiet,
            verbose,
            fancy: std::io::stderr().is_terminal() && !dumb,
            stretch: Mutex::new(None),
        }
    }

    pub fn error(&self, error: &Error) {
        self.finish();
        self.line(&format!("error: {}", as_options(&error.to_string())));
    }

    /// Something worth reading that is not a result.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.line(text);
        }
    }

    fn line(&self, text: &str) {
        // Nobody is left to be told that stderr is closed.
        let _ = self.beside_the_bar(|| writeln!(std::io::stderr(), "{text}"));
    }

    /// Prints while a bar is shown, which is drawn again below.
    pub fn beside_the_bar<T>(&self, print: impl FnOnce() -> T) -> T {
        let stretch = self.stretch();
        match stretch.as_ref().and_then(|stretch| stretch.bar.as_ref()) {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn stretch(&self) -> std::sync::MutexGuard<'_, Option<Stretch>> {
        self.stretch.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Progress for Terminal {
    fn start(&self, what: &str, total: u64, unit: &str) {
        if self.quiet {
            return;
        }
        let bar = self.fancy.then(|| {
            let template =
                format!("{{prefix}} {{wide_bar}} {{percent}}% {{per_sec}} {unit} ETA {{eta}} {{msg}}");
            let style = ProgressStyle::with_template(&template).expect("the template is a constant");
            let bar = ProgressBar::new(total).with_style(style).with_prefix(what.to_string());
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        let now = Instant::now();
        *self.stretch() = Some(Stretch {
            what: what.into(),
            unit: unit.into(),
            total,
            done: 0,
            started: now,
            spoke: now,
            bar,
        });
    }

    fn advance(&self, done: u64, note: &str) {
        let mut line = None;
        if let Some(stretch) = self.stretch().as_mut() {
            stretch.done += done;
            match &stretch.bar {
                Some(bar) => {
                    bar.inc(done);
                    bar.set_message(note.to_string());
                }
                None if stretch.spoke.elapsed() >= INTERVAL => {
                    stretch.spoke = Instant::now();
                    line = Some(stretch.describe(note));
                }
                None => {}
            }
        }
        if let Some(line) = line {
            self.line(&line);
        }
    }

    fn finish(&self) {
        let Some(stretch) = self.stretch().take() else { return };
        if let Some(bar) = &stretch.bar {
            bar.finish_and_clear();
        }
        let seconds = stretch.started.elapsed().as_secs_f64();
        let rate = stretch.done as f64 / seconds.max(1e-9);
        self.say(&format!(
            "{}: {} {} in {seconds:.1} s ({rate:.0}/s)",
            stretch.what, stretch.done, stretch.unit
        ));
    }

    fn warn(&self, text: &str) {
        self.say(&format!("warning: {}", as_options(text)));
    }

    fn detail(&self, text: &str) {
        if self.verbose {
            self.line(text);
        }
    }
}

impl Stretch {
    fn describe(&self, note: &str) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = self.done as f64 / seconds.max(1e-9);
        let left = self.total.saturating_sub(self.done) as f64 / rate.max(1e-9);
        format!(
            "{}: {} of {} {} ({rate:.0}/s, at most {left:.0} s left) {note}",
            self.what, self.done, self.total, self.unit
        )
    }
}
