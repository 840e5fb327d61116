//! The thread pool that all commands share.

use crate::error::{Error, ErrorKind, Result};

/// The most threads: more of them only take memory, and starting them takes minutes.
const MOST: usize = 1024;

/// Sets the size of the thread pool. Each command that computes calls it once, before any work.
pub fn set_threads(threads: Option<usize>) -> Result<()> {
    if let Some(threads) = threads.filter(|&threads| threads > MOST) {
        return Err(Error::config(format!("`threads` is {threads}, expected at most {MOST}")));
    }
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
    builder.build_global().map_err(|e| {
        Error::new(ErrorKind::Other, format!("cannot start threads: {e}"))
            .hint("raise the limit of processes, `ulimit -u`, or use fewer `threads`")
            .caused_by(e)
    })
}
