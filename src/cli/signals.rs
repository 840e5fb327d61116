//! Ctrl-C, SIGTERM and SIGHUP: the first and the second ask the training to save and stop, a third ends the process at
//! once.

use crate::error::{Error, ErrorKind, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Watches for signals; the result becomes the number of the first one that comes.
pub fn watch() -> Result<Arc<AtomicUsize>> {
    let failed = |e| Error::new(ErrorKind::Other, format!("cannot watch for signals: {e}"));
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    let first = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&first);
    std::thread::spawn(move || {
        for (count, signal) in signals.forever().enumerate() {
            let _ = seen.compare_exchange(0, signal as usize, Ordering::Relaxed, Ordering::Relaxed);
            if count == 2 {
                std::process::exit(128 + signal);
            }
        }
    });
    Ok(first)
}
