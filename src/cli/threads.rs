//! The thread pool that all commands share.

use crate::error::{Error, ErrorKind, Result};

/// Sets the size of the thread pool. Each command that computes calls it once, before any work.
pub fn set_threads(threads: Option<usize>) -> Result<()> {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
    builder
        .build_global()
        .map_err(|e| Error::new(ErrorKind::Other, format!("cannot start threads: {e}")).caused_by(e))
}
