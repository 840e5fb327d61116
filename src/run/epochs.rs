//! The history of a training.

use crate::error::{Error, Result};
use crate::train::EpochRecord;
use std::path::Path;

/// Reads epochs.csv: a row per epoch and fold, in the order in which they ended.
pub fn read_epochs(path: &Path) -> Result<Vec<EpochRecord>> {
    let broken = |e: csv::Error| Error::data(format!("{}: {e}", path.display()));
    csv::Reader::from_path(path).map_err(broken)?.deserialize().map(|row| row.map_err(broken)).collect()
}

/// Seconds of one epoch of all folds that are trained together: the median of the differences between the ends of epochs. None of a
/// history with one epoch only.
pub fn epoch_seconds(records: &[EpochRecord]) -> Option<f64> {
    let mut ends: Vec<(u32, usize, f64)> = records.iter().map(|r| (r.fold, r.epoch, r.seconds)).collect();
    ends.sort_by_key(|&(fold, epoch, _)| (fold, epoch));
    // The clock begins anew where a run was resumed, and with the next fold.
    let mut seconds: Vec<f64> = ends
        .windows(2)
        .filter(|pair| pair[0].0 == pair[1].0 && pair[1].2 > pair[0].2)
        .map(|pair| pair[1].2 - pair[0].2)
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied()
}
