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

/// So many runs that end before their series do are no accident.
const MANY: usize = 4;

/// A mark that two series share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Common {
    series: [u32; 2],
    /// How much later it is in the second series.
    lag: i32,
    /// Its row in the first series.
    at: u32,
}

/// The groups of series with the same samples throughout, of two series or more, each in ascending order.
pub fn equal(sketches: &[Sketch], bits: &[f64]) -> Vec<Vec<u32>> {
    let needed = needed(sketches.len());
    let says = |&i: &u32| sketches[i as usize].novel as f64 * bits[i as usize] >= needed;
    let mut order: Vec<u32> = (0..sketches.len() as u32).filter(says).collect();
    order.sort_unstable_by_key(|&i| (sketches[i as usize].hash, i));
    let groups = order.chunk_by(|&a, &b| sketches[a as usize].hash == sketches[b as usize].hash);
    let mut groups: Vec<Vec<u32>> = groups.filter(|group| group.len() > 1).map(<[u32]>::to_vec).collect();
    groups.sort_unstable();
    groups
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

/// The stretches of equal samples that two series share, anywhere in them, where a row of each series says so
/// many `bits`. `group` is the number of a series' group of [`equal`] ones: these are not listed again.
pub fn stretches(sketches: &[Sketch], bits: &[f64], group: &[Option<u32>]) -> Vec<Shared> {
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
            let [one, two] = [first, second].map(|series| group[series as usize]);
            if one.is_some() && one == two {
                return;
            }
            common.push(Common { series: [first, second], lag: other as i32 - at as i32, at });
        });
    }
    common.par_sort_unstable();
    common.dedup();
    let runs: Vec<Run> = common
        .chunk_by(|a, b| a.series == b.series && a.lag == b.lag)
        .flat_map(|marks| {
            let Common { series, lag, .. } = marks[0];
            let least = bits[series[0] as usize].min(bits[series[1] as usize]);
            let bits = if least < FEWEST_BITS { 0.0 } else { least };
            let rows = marks.iter().map(|mark| mark.at).collect();
            let runs = unbroken(series.map(|s| &sketches[s as usize]), lag, rows).into_iter();
            runs.map(move |run| Run { series, lag, evidence: f64::from(run.rows) * bits, ..run })
        })
        .filter(|run| run.evidence >= needed)
        .collect();
    // A copy goes on as far as both series do. Where many runs end before, the signal makes such runs by
    // itself: it follows from its last value.
    let (ended, whole): (Vec<&Run>, Vec<&Run>) = runs.iter().partition(|run| run.is_ended);
    let by_itself = ended.len() >= MANY && ended.len() > 2 * whole.len();
    let longest = ended.iter().map(|run| run.evidence).fold(0.0, f64::max);
    let is_copy = |run: &&Run| !by_itself || (!run.is_ended && run.evidence >= 2.0 * longest);
    runs.iter().filter(is_copy).map(Run::shared).collect()
}

/// A run of common marks of two series.
#[derive(Clone, Copy, Default)]
struct Run {
    series: [u32; 2],
    lag: i32,
    /// The first row in the first series, and the row behind the last.
    from: u32,
    until: u32,
    /// The rows in the marks.
    rows: u32,
    /// In bits.
    evidence: f64,
    /// Whether it ends though both series go on.
    is_ended: bool,
}

impl Run {
    fn shared(&self) -> Shared {
        Shared {
            series: self.series,
            at: [self.from, (self.from as i32 + self.lag) as u32],
            rows: self.until - self.from,
            likeness: Likeness::Same,
        }
    }
}

/// The common marks at these rows of the first series, in runs without a mark that only the first has.
fn unbroken(series: [&Sketch; 2], lag: i32, at: Vec<u32>) -> Vec<Run> {
    let length = mark_rows(series[0].channels) as u32;
    // The second series chose its marks by its own length, and covers some of the first.
    let covered = |mark: &&marks::Mark| {
        let other = i64::from(mark.at) + i64::from(lag);
        other >= 0 && other + i64::from(length) <= series[1].rows as i64
    };
    let chosen = |mark: &&marks::Mark| marks::is_chosen(mark.hash, series[1].rows);
    let all = series[0].marks.iter().filter(chosen).filter(covered).map(|mark| mark.at);
    let mut runs: Vec<Run> = Vec::new();
    let mut common = at.into_iter().peekable();
    let (mut is_broken, mut is_first) = (true, true);
    for at in all {
        if common.next_if_eq(&at).is_none() {
            if let (false, Some(run)) = (is_broken, runs.last_mut()) {
                run.is_ended = true;
            }
            (is_broken, is_first) = (true, false);
            continue;
        }
        match runs.last_mut() {
            Some(run) if !is_broken => {
                // Marks overlap; a row counts once.
                run.rows += length.min(at + length - run.until);
                run.until = at + length;
            }
            _ => {
                let is_ended = !is_first;
                runs.push(Run { from: at, until: at + length, rows: length, is_ended, ..Run::default() });
            }
        }
        (is_broken, is_first) = (false, false);
    }
    runs
}
