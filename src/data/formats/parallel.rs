//! Reading the recordings of several subjects at the same time.

use super::format::Each;
use crate::data::recording::Recording;
use crate::error::Result;
use crate::progress::Progress;
use rayon::prelude::*;

/// Reads each item with its number, and gives the recordings to `each`.
pub fn in_parallel<I: Sync>(
    items: &[I],
    what: &str,
    progress: &dyn Progress,
    read: impl Fn(usize, &I) -> Result<Recording> + Sync,
    each: &Each,
) -> Result<()> {
    progress.start(what, items.len() as u64, "subjects");
    let result = items.par_iter().enumerate().try_for_each(|(number, item)| {
        let recording = read(number, item)?;
        let subject = recording.subject.clone();
        each(number, recording)?;
        progress.advance(1, &subject);
        Ok(())
    });
    progress.finish();
    result
}
