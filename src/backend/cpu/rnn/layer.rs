//! A recurrent layer in memory, and how its rows are cut into tasks.

use super::super::cache::CACHES;
use super::super::format::Layout;
use super::super::memory::{Aligned, Scratch};
use super::pack::Packed;
use crate::ops::{Purpose, Rnn};
use rayon::prelude::*;
use std::ops::Range;

/// Packed weights by model and direction, the reserve, and work space.
pub struct Layer {
    /// The vectors and words that it was made for: the kernels address memory by these, so that nobody else
    /// may exchange the fields below.
    layout: Layout,
    /// `M * B` lengths of the forward pass whose numbers are in `reserve`; empty if there is none.
    saved_lengths: Vec<u32>,
    pub(crate) packed: Vec<Packed>,
    /// `(M, dirs, T, B, blocks, saved, LANES)` numbers; empty if made for inference. Backward leaves the
    /// gradients by the gates in it.
    pub(crate) reserve: Aligned,
    pub(crate) scratch: Scratch,
}

impl Layer {
    /// The buffers of a layer of these sizes.
    pub fn new(s: &Rnn, purpose: Purpose, layout: Layout) -> Self {
        Layer {
            layout,
            saved_lengths: Vec::new(),
            packed: (0..s.models * s.dirs).map(|_| Packed::zeros(s, purpose, layout)).collect(),
            reserve: Aligned::zeros(reserve_words(s, purpose, layout)),
            scratch: Scratch::default(),
        }
    }

    /// Words that it takes from the start; what passes borrow as work space is small beside them.
    pub fn words(s: &Rnn, purpose: Purpose, layout: Layout) -> usize {
        s.models * s.dirs * Packed::words(s, purpose, layout) + reserve_words(s, purpose, layout)
    }

    /// Panics unless the layer was made for these vectors and words: the kernels address memory by them.
    pub fn check(&self, layout: Layout) {
        assert!(self.layout == layout, "a layer of {:?}, not {layout:?}", self.layout);
    }

    /// Records the rows that the reserve is about to hold.
    pub fn save_lengths(&mut self, lengths: Option<&[u32]>) {
        self.saved_lengths.clear();
        self.saved_lengths.extend(lengths.unwrap_or_default());
    }

    /// Panics unless the reserve holds a forward pass over rows of these lengths; afterwards it holds none.
    pub fn consume(&mut self, lengths: &[u32]) {
        let matches = !self.saved_lengths.is_empty() && lengths.starts_with(&self.saved_lengths);
        assert!(matches, "backward without the forward pass before it");
        self.saved_lengths.clear();
    }
}

/// Words of the reserve, for all rows and steps.
fn reserve_words(s: &Rnn, purpose: Purpose, layout: Layout) -> usize {
    let rows = s.models * s.dirs * s.steps * s.batch;
    if purpose == Purpose::Inference { 0 } else { rows * reserve_row_len(s, layout.lanes) / layout.pair }
}

/// Numbers of the reserve for one row at one step.
pub fn reserve_row_len(s: &Rnn, lanes: usize) -> usize {
    s.cell.saved() * s.hidden.next_multiple_of(lanes)
}

/// Rows of one model and direction, whose time steps one task runs.
#[derive(Clone, Debug)]
pub struct Tile {
    pub m: usize,
    pub dir: usize,
    pub rows: Range<usize>,
}

/// All tiles of a layer. How rows are cut changes no result: they do not meet.
pub fn tiles(s: &Rnn) -> Vec<Tile> {
    let sequences = s.models * s.dirs;
    let parts = parts(s, sequences);
    let sequence = |i: usize| (i / s.dirs, i % s.dirs);
    (0..sequences)
        .map(sequence)
        .flat_map(|(m, dir)| {
            (0..parts).map(move |p| Tile { m, dir, rows: p * s.batch / parts..(p + 1) * s.batch / parts })
        })
        .collect()
}

/// Tiles into which the rows of one model and direction are cut: as few as keep a step's elements in the
/// second-level cache and all threads busy to the end.
fn parts(s: &Rnn, sequences: usize) -> usize {
    /// With fewer rows a task mostly waits for the weights.
    const FEWEST_ROWS: usize = 4;
    /// From here on uneven shares hardly matter.
    const ROUNDS: usize = 8;
    let threads = rayon::current_num_threads();
    let row_bytes = size_of::<f32>() * s.hidden * (s.cell.gates() + 4);
    let rows = (CACHES.l2 / 2 / row_bytes).clamp(FEWEST_ROWS, s.batch.max(FEWEST_ROWS));
    let least = s.batch.div_ceil(rows);
    let most = (s.batch / FEWEST_ROWS).max(least);
    let even = |parts: usize| {
        let tasks = sequences * parts;
        tasks.is_multiple_of(threads) || tasks >= ROUNDS * threads
    };
    (least..=most).find(|&parts| even(parts)).unwrap_or(most)
}

/// Runs `work` on every tile: at once if there is only one, else on all threads.
pub fn for_each_tile(tiles: Vec<Tile>, work: impl Fn(Tile) + Sync + Send) {
    match tiles.len() {
        1 => tiles.into_iter().for_each(work),
        _ => tiles.into_par_iter().with_max_len(1).for_each(work),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Cell, RnnSize};

    #[test]
    fn the_words_of_a_layer_are_those_that_it_holds() {
        for (cell, lanes, pair) in
            [(Cell::Lstm, 8, 1), (Cell::Gru, 16, 1), (Cell::Lstm, 16, 2), (Cell::Gru, 4, 2)]
        {
            let layout = Layout { lanes, pair };
            let s = Rnn {
                models: 2,
                dirs: 2,
                ..Rnn::one(cell, RnnSize { batch: 3, steps: 5, input: 7, hidden: 11 })
            };
            for purpose in [
                Purpose::Inference,
                Purpose::Training { input_gradient: false },
                Purpose::Training { input_gradient: true },
            ] {
                let layer = Layer::new(&s, purpose, layout);
                let held = layer.reserve.len() + layer.packed.iter().map(Packed::len).sum::<usize>();
                assert_eq!(Layer::words(&s, purpose, layout), held, "{cell:?} {layout:?} {purpose:?}");
            }
        }
    }
}
