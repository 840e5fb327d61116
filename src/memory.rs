//! The memory of this machine: asked for before it is taken, so that a lack of it is an error with the sizes.

use crate::error::{Error, ErrorKind, Result};
use std::fs;

/// Smaller requests are not looked at: the check would cost more than they do.
const SMALL: usize = 16 << 20;

/// Refuses `bytes` of memory that the machine does not have free: the system would end the process when it
/// uses them. `what` names what needs them: `the training`.
///
/// # Errors
/// [`ErrorKind::Device`] with the memory that is needed and the memory that is free.
pub fn require(bytes: usize, what: &str) -> Result<()> {
    match free().filter(|&free| bytes >= SMALL && bytes > free) {
        None => Ok(()),
        Some(free) => Err(refused(bytes, what, &format!("{} are free", mebibytes(free)))),
    }
}

/// Refuses `bytes` of memory that the system does not give to this process, for instance by `ulimit -v`,
/// whether it will use them or not.
///
/// # Errors
/// [`ErrorKind::Device`] with the memory that is needed.
pub fn reserve(bytes: usize, what: &str) -> Result<()> {
    if bytes < SMALL {
        return Ok(());
    }
    let reserved = Vec::<u8>::new().try_reserve_exact(bytes);
    reserved.map_err(|e| refused(bytes, what, "the system gives this process no more").caused_by(e))
}

fn refused(bytes: usize, what: &str, limit: &str) -> Error {
    Error::new(ErrorKind::Device, format!("{what} needs {} of memory, and {limit}", mebibytes(bytes)))
}

/// A number of bytes in words: `219 MiB`.
pub fn mebibytes(bytes: usize) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// The bytes of memory that are free, by the estimate of Linux and the limit of the container; `None` where
/// nobody says.
fn free() -> Option<usize> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let entry = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse::<usize>().ok()
    };
    let machine = (entry("MemAvailable:")? + entry("SwapFree:").unwrap_or(0)) << 10;
    let number = |name: &str| {
        let text = fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?;
        text.trim().parse::<usize>().ok()
    };
    // Files that are kept in memory make room when it is needed, but those of a file system in memory do not.
    let statistics = fs::read_to_string("/sys/fs/cgroup/memory.stat").unwrap_or_default();
    let statistic = |name: &str| {
        let line = statistics.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|number| number.trim().parse::<usize>().ok()).unwrap_or(0)
    };
    let files = statistic("file ").saturating_sub(statistic("shmem "));
    let taken = number("memory.current").map(|taken| taken.saturating_sub(files));
    let container = number("memory.max").zip(taken);
    Some(container.map_or(machine, |(most, taken)| machine.min(most.saturating_sub(taken))))
}
