//! Series that share samples but for noise, scale or level.

use super::evidence::needed;
use super::patches::{POINTS, Patch};
use super::rows::mix;
use super::sketch::Sketch;
use super::stretch::{Likeness, Shared};
use rayon::prelude::*;

/// Correlation above which two patches are one.
const ALIKE: f64 = 0.999;
/// Correlation of the other patches of two series of which some are.
const SUPPORTING: f64 = 0.99;
/// Independent keys by which candidates are found.
const TABLES: u64 = 2;
/// A patch is compared with so many that follow it under the same key.
const NEXT: usize = 8;
/// Pairs of patches from which the degrees of freedom are estimated.
const SAMPLE: u64 = 20_000;
/// Degrees of freedom below which a match of patches says nothing.
const FEWEST: f64 = 4.0;

/// A series that resembles more others than this is of a shape that recurs: nobody can tell copies from
/// heartbeats or evoked responses.
const MOST_PARTNERS: usize = 4;
/// The share of a series' patches that a copy has at the same places, and of these, that are alike.
const PRESENT: f64 = 0.5;
const AGREEING: f64 = 0.8;

/// A patch and its series.
type Owned<'a> = (u32, &'a Patch);

/// A pair of patches that are alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Match {
    series: [u32; 2],
    kind: u8,
    /// How much later it is in the second series.
    lag: i32,
    /// Its row in the first series.
    at: u32,
    rows: u32,
}

/// The stretches that are alike and not the same, and the number of series of a shape that recurs. `known`
/// has the same stretches, and series of one `group` are the same. A row of each series says so many `bits`.
pub fn shared(
    sketches: &[Sketch],
    bits: &[f64],
    known: &[Shared],
    group: &[Option<u32>],
) -> (Vec<Shared>, usize) {
    let patches: Vec<Owned> = sketches
        .iter()
        .enumerate()
        .flat_map(|(series, sketch)| sketch.patches.iter().map(move |patch| (series as u32, patch)))
        .collect();
    if patches.is_empty() {
        return (Vec::new(), 0);
    }
    let kinds: Vec<f64> = (0..3).map(|kind| information(&patches, kind)).collect();
    let is_same = |pair: [u32; 2]| {
        let [one, two] = pair.map(|series| group[series as usize]);
        one.is_some() && one == two
    };
    let mut matches: Vec<Match> = (0..TABLES)
        .flat_map(|table| alike(&patches, table, &kinds, sketches))
        .filter(|found| !is_same(found.series))
        .collect();
    matches.par_sort_unstable();
    matches.dedup();
    let recurring = recurring(&matches, sketches.len());
    let needed = needed(patches.len());
    let stretch = |matches: &[Match]| {
        let Match { series, kind, lag, at, .. } = matches[0];
        // Patches overlap; a row counts once.
        let mut end = 0;
        let mut evidence = 0.0;
        // Values of few levels say less.
        let bits = bits[series[0] as usize].min(bits[series[1] as usize]);
        let each = kinds[kind as usize].min(POINTS as f64 * bits);
        for found in matches {
            let until = found.at + found.rows;
            let new = found.rows.min(until - end.min(until));
            evidence += each * f64::from(new) / f64::from(found.rows);
            end = until;
        }
        let is_copy = evidence >= needed && agree(series.map(|s| &sketches[s as usize]), kind, lag);
        is_copy.then(|| Shared {
            series,
            at: [at, (at as i32 + lag) as u32],
            rows: end - at,
            likeness: Likeness::Similar,
        })
    };
    let mut found: Vec<Shared> = matches
        .chunk_by(|a, b| (a.series, a.kind, a.lag) == (b.series, b.kind, b.lag))
        .filter_map(stretch)
        .filter(|found| known.binary_search_by_key(&found.series, |known| known.series).is_err())
        .filter(|found| found.series.iter().all(|&series| !recurring[series as usize]))
        .collect();
    // The longest of each pair.
    found.sort_unstable_by_key(|found| (found.series, std::cmp::Reverse(found.rows)));
    found.dedup_by_key(|found| found.series);
    (found, recurring.iter().filter(|&&recurs| recurs).count())
}

/// Whether each series resembles more than [`MOST_PARTNERS`] others somewhere.
fn recurring(matches: &[Match], series: usize) -> Vec<bool> {
    let mut partners = vec![0; series];
    // Matches are in the order of their series.
    for pair in matches.chunk_by(|a, b| a.series == b.series) {
        pair[0].series.iter().for_each(|&series| partners[series as usize] += 1);
    }
    partners.into_iter().map(|partners| partners > MOST_PARTNERS).collect()
}

/// Whether two series agree wherever they overlap, not only in a patch: a response of one shape in both does
/// not make copies of them.
fn agree([first, second]: [&Sketch; 2], kind: u8, lag: i32) -> bool {
    let (mut all, mut present, mut agreeing) = (0, 0, 0);
    for patch in first.patches.iter().filter(|patch| patch.lag == kind && (lag == 0 || patch.at > 0)) {
        let at = i64::from(patch.at) + i64::from(lag);
        if at < 0 || at + patch.rows(first.channels) as i64 > second.rows as i64 {
            continue;
        }
        all += 1;
        let other = second.patches.iter().find(|other| other.lag == kind && i64::from(other.at) == at);
        if let Some(other) = other {
            present += 1;
            agreeing += usize::from(patch.correlation(other) > SUPPORTING);
        }
    }
    let fewest = if lag == 0 { 1 } else { 2 };
    agreeing >= fewest
        && f64::from(present) >= PRESENT * f64::from(all)
        && agreeing as f64 >= AGREEING * f64::from(present)
}

/// The bits that a match of two patches of this kind says; 0 where it says nothing.
///
/// The chance that two vectors of `n` independent values correlate by more than r is about
/// `(1 - r^2)^((n - 2) / 2)`. The effective number of values is one over the mean squared correlation of
/// independent patches (Bartlett, "Some aspects of the time-correlation problem", 1935).
fn information(patches: &[Owned], kind: u8) -> f64 {
    let of_kind: Vec<&Owned> = patches.iter().filter(|(_, patch)| patch.lag == kind).collect();
    let pick = |i: u64| of_kind[(mix(i) >> 8) as usize % of_kind.len()];
    let (mut sum, mut count) = (0.0, 0);
    if !of_kind.is_empty() {
        for i in 0..SAMPLE {
            let ((one, a), (other, b)) = (pick(2 * i), pick(2 * i + 1));
            if one != other && a.values.len() == b.values.len() {
                sum += a.correlation(b).powi(2);
                count += 1;
            }
        }
    }
    let degrees = if sum > 0.0 { f64::from(count) / sum } else { 0.0 };
    if degrees < FEWEST {
        return 0.0;
    }
    (degrees - 2.0) / 2.0 * (1.0 / (1.0 - ALIKE * ALIKE)).log2()
}

/// The pairs of patches with the same key that are alike.
fn alike(patches: &[Owned], table: u64, kinds: &[f64], sketches: &[Sketch]) -> Vec<Match> {
    let mut keys: Vec<(u64, u32)> = patches
        .par_iter()
        .enumerate()
        .filter(|(_, (_, patch))| kinds[patch.lag as usize] > 0.0)
        .map(|(index, (_, patch))| (patch.key(table), index as u32))
        .collect();
    keys.par_sort_unstable();
    let compare = |i: usize| {
        let (key, index) = keys[i];
        let (first, a) = patches[index as usize];
        let next = keys[i + 1..].iter().take_while(move |(other, _)| *other == key).take(NEXT);
        next.filter_map(move |&(_, other)| {
            let (second, b) = patches[other as usize];
            (first != second && a.correlation(b) > ALIKE).then(|| Match {
                series: [first, second],
                kind: a.lag,
                lag: b.at as i32 - a.at as i32,
                at: a.at,
                rows: a.rows(sketches[first as usize].channels) as u32,
            })
        })
    };
    (0..keys.len()).into_par_iter().flat_map_iter(compare).collect()
}
