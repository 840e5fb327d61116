//! Marks: a sample of the short runs of rows in a series. Two series with a common stretch have its marks in
//! common.
//!
//! A run is chosen by its own hash, so that it is chosen in every series that holds it (Broder, "On the
//! resemblance and containment of documents", 1997). Long series choose a smaller share, and what they choose
//! is among what short ones would.

use super::rows::mix;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Rows of a run of few channels, and of more.
const RUN: [usize; 2] = [3, 2];
/// The number of channels from which a run has fewer rows.
const MANY_CHANNELS: usize = 4;
/// A series of more rows chooses a part of its runs, about so many.
const KEPT: usize = 64;

/// A run of rows of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The hash of the run.
    pub hash: u64,
    /// Its first row.
    pub at: u32,
}

/// The number of rows of a mark in series of so many channels.
pub fn mark_rows(channels: usize) -> usize {
    RUN[usize::from(channels >= MANY_CHANNELS)]
}

/// The rows by which a stretch of a series is recognized as a repetition.
const STRETCH: usize = 8;

/// The marks of a series, given the hashes of its rows and of its changes from row to row, in order of time.
/// The second result is the number of rows that are neither equal to the one before nor a repetition of an
/// earlier stretch, about.
///
/// A run with two equal rows in succession is no mark, nor is one whose changes were there before: flat
/// stretches, ramps and periods are equal everywhere.
pub fn marks(rows: &[u64], changes: &[u64], channels: usize) -> (Vec<Mark>, usize) {
    let length = mark_rows(channels);
    let (mut stretches, mut runs) = (HashSet::new(), HashSet::new());
    let mut marks = Vec::new();
    for at in 0..changes.len() {
        let stretch = &changes[at..changes.len().min(at + STRETCH)];
        let moves = stretch[0] != 0;
        let stretch = hash(stretch);
        let is_new = moves && is_chosen(stretch, rows.len()) && stretches.insert(stretch);
        let run = &rows[at..rows.len().min(at + length)];
        if run.len() < length || run.windows(2).any(|pair| pair[0] == pair[1]) {
            continue;
        }
        let hash = hash(run);
        let repeats = !is_new && stretches.contains(&stretch);
        if !repeats && is_chosen(hash, rows.len()) && runs.insert(hash) {
            marks.push(Mark { hash, at: at as u32 });
        }
    }
    (marks, stretches.len() * share(rows.len()))
}

/// Random numbers, one for each place in a stretch.
static FACTORS: LazyLock<[u64; STRETCH]> = LazyLock::new(|| std::array::from_fn(|place| mix(place as u64)));

/// A hash of at most [`STRETCH`] numbers.
fn hash(run: &[u64]) -> u64 {
    let parts =
        run.iter().zip(FACTORS.iter()).map(|(&part, factor)| (part ^ part >> 29).wrapping_mul(*factor));
    mix(parts.fold(run.len() as u64, u64::wrapping_add))
}

/// Whether a series of so many rows chooses a run with this hash.
pub fn is_chosen(hash: u64, rows: usize) -> bool {
    hash <= u64::MAX / share(rows) as u64
}

/// One run among so many is chosen.
fn share(rows: usize) -> usize {
    (rows / KEPT).max(1).next_power_of_two()
}
