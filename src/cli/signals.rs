//! Ctrl-C, SIGTERM and SIGHUP. After the first or second signal, training saves its state and stops; the
//! third ends the process at once.

use crate::error::{Error, ErrorKind, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Starts a thread that waits for signals. The returned number is 0 until the first signal arrives, then that
/// signal's number.
pub fn watch() -> Result<Arc<AtomicUsize>> {
    let failed = |e: std::io::Error| {
        Error::new(ErrorKind::Other, format!("cannot watch for signals: {e}")).caused_by(e)
    };
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
