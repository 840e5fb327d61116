//! Which sequences each fold reads in which step.

use crate::data::sequences::Dataset;
use crate::model::{Batch, Extent};
use crate::random::{Random, Stream};

/// The order of one epoch of one fold: a pure function of seed, fold and epoch, so that nothing about it is
/// saved.
pub fn order(train: &[u32], seed: u64, fold: u32, epoch: usize) -> Vec<u32> {
    let mut order = train.to_vec();
    Random::new(seed, Stream::Shuffle, [fold, epoch as u32]).shuffle(&mut order);
    order
}

/// Rows `position * B ..` of every fold's list; a fold whose list has ended has absent rows.
pub fn batch(dataset: &Dataset, lists: &[&[u32]], extent: Extent, position: usize) -> Batch {
    let mut batch = Batch::empty(extent.models, extent.batch);
    for (m, list) in lists.iter().enumerate() {
        for (b, &index) in list.iter().skip(position * extent.batch).take(extent.batch).enumerate() {
            let sequence = &dataset.sequences[index as usize];
            let row = m * extent.batch + b;
            batch.first[row] = sequence.first;
            batch.lengths[row] = sequence.length;
            batch.labels[row] = sequence.label;
        }
    }
    batch
}

/// Steps that the longest list needs.
pub fn steps(lists: &[&[u32]], batch: usize) -> usize {
    lists.iter().map(|list| list.len().div_ceil(batch)).max().unwrap_or(0)
}
