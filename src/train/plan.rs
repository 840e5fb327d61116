//! Which sequences each model reads in which step.

use crate::data::sequences::{Dataset, Sequence};
use crate::model::{Batch, Extent};
use crate::random::{Random, Stream};

/// Sequences of a data set, in the order in which a model reads them.
#[derive(Clone, Copy)]
pub struct List<'a> {
    /// Where the sequences and their labels are. The lists of models that work together may have the labels
    /// of different data sets, but the frames of all of these are the same.
    pub dataset: &'a Dataset,
    /// Indices into the sequences of the data set.
    pub indices: &'a [u32],
}

impl<'a> List<'a> {
    /// The sequences in order.
    pub fn sequences(self) -> impl Iterator<Item = &'a Sequence> {
        self.indices.iter().map(move |&index| &self.dataset.sequences[index as usize])
    }
}

/// The order of one epoch of one fold: a pure function of seed, fold and epoch, so that nothing about it is
/// saved.
pub fn order(train: &[u32], seed: u64, fold: u32, epoch: usize) -> Vec<u32> {
    let mut order = train.to_vec();
    Random::new(seed, Stream::Shuffle, [fold, epoch as u32]).shuffle(&mut order);
    order
}

/// Rows `position * B ..` of every model's list; a model whose list has ended has absent rows.
pub fn batch(lists: &[List], extent: Extent, position: usize) -> Batch {
    let mut batch = Batch::empty(extent.models, extent.batch);
    for (m, list) in lists.iter().enumerate() {
        for (b, sequence) in list.sequences().skip(position * extent.batch).take(extent.batch).enumerate() {
            let row = m * extent.batch + b;
            batch.first[row] = sequence.first;
            batch.lengths[row] = sequence.length;
            batch.labels[row] = sequence.label;
        }
    }
    batch
}

/// Steps that the longest list needs.
pub fn steps(lists: &[List], batch: usize) -> usize {
    lists.iter().map(|list| list.indices.len().div_ceil(batch)).max().unwrap_or(0)
}
