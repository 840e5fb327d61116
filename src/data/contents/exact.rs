//! Series that share samples.

use super::evidence::needed;
use super::marks::{self, mark_rows};
use super::sketch::Sketch;
use super::stretch::{Likeness, Shared};
use rayon::prelude::*;

/// A mark is compared with the first series that has it, and with so many of the next.
const NEXT: usize = 4;

/// Where a row says less than so many bits, its series moves by steps of one size, and two of them go along
/// with each other for a while by chance. Then only whole series count.
const FEWEST_BITS: f64 = 2.0;

/// A mark that two series share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Common {
    series: [u32; 2],
    /// How much later it is in the second series.
    lag: i32,
    /// Its row in the first series.
    at: u32,
}

/// The stretches of equal samples, where a row of each series says so many `bits`.
pub fn shared(sketches: &[Sketch], bits: &[f64]) -> Vec<Shared> {
    let mut found = whole(sketches, bits);
    let known: Vec<[u32; 2]> = found.iter().map(|shared| shared.series).collect();
    let stretches = stretches(sketches, bits);
    found.extend(stretches.into_iter().filter(|shared| known.binary_search(&shared.series).is_err()));
    found.sort_unstable_by_key(|shared| (shared.series, shared.at));
    found
}

/// Pairs of series with the same samples throughout. Of many equal series, each is paired with the first and
/// with the next ones.
fn whole(sketches: &[Sketch], bits: &[f64]) -> Vec<Shared> {
    let needed = needed(sketches.len());
    let says = |&i: &u32| sketches[i as usize].novel as f64 * bits[i as usize] >= needed;
    let mut order: Vec<u32> = (0..sketches.len() as u32).filter(says).collect();
    order.sort_unstable_by_key(|&i| (sketches[i as usize].hash, i));
    let mut found = Vec::new();
    for equal in order.chunk_by(|&a, &b| sketches[a as usize].hash == sketches[b as usize].hash) {
        pairs(equal, |&series, &other| {
            found.push(Shared {
                series: [series, other],
                at: [0, 0],
                rows: sketches[series as usize].rows as u32,
                likeness: Likeness::Same,
            });
        });
    }
    found.sort_unstable_by_key(|shared| shared.series);
    found
}

/// Pairs of each element with the first and with the [`NEXT`] ones.
fn pairs<T>(group: &[T], mut each: impl FnMut(&T, &T)) {
    for (i, other) in group.iter().enumerate().skip(1) {
        (i.saturating_sub(NEXT)..i).for_each(|j| each(&group[j], other));
        if i > NEXT {
            each(&group[0], other);
        }
    }
}

/// Stretches that two series share, anywhere in them.
fn stretches(sketches: &[Sketch], bits: &[f64]) -> Vec<Shared> {
    let rows: usize = sketches.iter().map(|sketch| sketch.rows).sum();
    let needed = needed(rows);
    // Where chance needs more rows than any series has, no stretch is long enough.
    if !sketches.iter().zip(bits).any(|(sketch, bits)| sketch.novel as f64 * bits >= needed) {
        return Vec::new();
    }
    let mut marks: Vec<(u64, u32, u32)> = sketches
        .par_iter()
        .enumerate()
        .flat_map_iter(|(series, sketch)| {
            sketch.marks.iter().map(move |mark| (mark.hash, series as u32, mark.at))
        })
        .collect();
    marks.par_sort_unstable();
    let mut common = Vec::new();
    for equal in marks.chunk_by(|a, b| a.0 == b.0) {
        pairs(equal, |&(_, first, at), &(_, second, other)| {
            common.push(Common { series: [first, second], lag: other as i32 - at as i32, at });
        });
    }
    common.par_sort_unstable();
    common.dedup();
    let stretch = |marks: &[Common]| {
        let rows = marks.iter().map(|mark| mark.at);
        let Common { series, lag, .. } = marks[0];
        let bits = bits[series[0] as usize].min(bits[series[1] as usize]);
        let bits = if bits < FEWEST_BITS { 0.0 } else { bits };
        let runs = unbroken(series.map(|s| &sketches[s as usize]), rows.collect());
        runs.into_iter().filter(move |(_, _, rows)| *rows as f64 * bits >= needed).map(
            move |(from, until, _)| Shared {
                series,
                at: [from, (from as i32 + lag) as u32],
                rows: until - from,
                likeness: Likeness::Same,
            },
        )
    };
    common.chunk_by(|a, b| a.series == b.series && a.lag == b.lag).flat_map(stretch).collect()
}

/// The common marks at these rows of the first series, in runs without a mark that only the first has: the
/// first row, the row behind the last, and the number of rows in the marks.
fn unbroken(series: [&Sketch; 2], at: Vec<u32>) -> Vec<(u32, u32, u32)> {
    let length = mark_rows(series[0].channels) as u32;
    // The second series chose its marks by its own length.
    let chosen = |mark: &&marks::Mark| marks::is_chosen(mark.hash, series[1].rows);
    let all = series[0].marks.iter().filter(chosen).map(|mark| mark.at);
    let mut runs: Vec<(u32, u32, u32)> = Vec::new();
    let mut common = at.into_iter().peekable();
    let mut is_broken = true;
    for at in all {
        if common.next_if_eq(&at).is_none() {
            is_broken = true;
            continue;
        }
        match runs.last_mut() {
            Some((_, until, rows)) if !is_broken => {
                // Marks overlap; a row counts once.
                *rows += length.min(at + length - *until);
                *until = at + length;
            }
            _ => runs.push((at, at + length, length)),
        }
        is_broken = false;
    }
    runs
}
