//! Reading the recordings of several subjects at the same time.

use super::format::Each;
use crate::data::recording::Recording;
use crate::error::{Result, in_order};
use crate::progress::Progress;
use rayon::prelude::*;

/// Reads each item with its number, and gives the recordings to `each`. Of several items that fail, the first
/// in order is told; those behind it need not be read.
pub fn in_parallel<I: Sync>(
    items: &[I],
    what: &str,
    progress: &dyn Progress,
    read: impl Fn(usize, &I) -> Result<Recording> + Sync,
    each: &Each,
) -> Result<()> {
    progress.start(what, items.len() as u64, "subjects");
    let done = in_order(items.par_iter().enumerate(), |(number, item)| {
        let recording = read(number, item)?;
        let subject = recording.subject.clone();
        each(number, recording)?;
        progress.advance(1, &subject);
        Ok(())
    });
    progress.finish();
    done.map(drop)
}
