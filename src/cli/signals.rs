//! Ctrl-C, SIGTERM and SIGHUP. After the first or second signal, training saves its state and stops; the
//! third ends the process at once. A signal that the parent ignores stays ignored, as `nohup` expects. A file
//! that grows too large is an error, not a signal.

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
    let watched = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal));
    let mut signals = Signals::new(watched).map_err(failed)?;
    // With a handler, a write beyond the limit of a file's size fails with an error.
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default()).map_err(failed)?;
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

/// Whether this process was started with the signal ignored. Only Linux says so, in a mask of bits.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
