//! The peak rates of a device, with which `engine profile` compares kernels.

use crate::error::Result;
use serde::Serialize;
use std::time::{Duration, Instant};

/// The measured peak rates of a device.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Peak {
    /// Multiply-adds that wait for nothing, 10^9 operations a second, two per multiply-add.
    pub gflops: f64,
    /// Copying what is larger than the caches, 10^9 bytes a second, read and written.
    pub gbytes: f64,
}

/// A trial takes at least this long.
const TRIAL: Duration = Duration::from_millis(20);
/// Trials repeat for this long. The fastest counts: threads that have just begun may share a core for a
/// while.
const PATIENCE: Duration = Duration::from_millis(300);

/// The rate of the fastest trial in 10^9 a second. `work(count)` does `count` times `each` operations and
/// waits for them. The count doubles until a trial is long enough.
///
/// # Errors
/// Those of `work`.
pub fn fastest_rate(each: usize, mut work: impl FnMut(usize) -> Result<()>) -> Result<f64> {
    let mut time = |count: usize| -> Result<Duration> {
        let start = Instant::now();
        work(count)?;
        Ok(start.elapsed())
    };
    // The first call compiles kernels and touches memory.
    time(1)?;
    let mut count = 1;
    while time(count)? < TRIAL {
        count *= 2;
    }
    let (begin, mut fastest) = (Instant::now(), Duration::MAX);
    while begin.elapsed() < PATIENCE {
        fastest = fastest.min(time(count)?);
    }
    Ok((count * each) as f64 / fastest.as_secs_f64() / 1e9)
}
