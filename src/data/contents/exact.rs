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

/// The most changes of a series that count where it is known only that they recur nowhere: those of a smooth
/// signal follow from one another.
const LONE_CHANGES: usize = 4;

/// Series with the same samples throughout.
#[derive(Default)]
pub struct Equal {
    /// Groups of two series or more, each in ascending order.
    pub groups: Vec<Vec<u32>>,
    /// The number of series that equal another one and say too little to tell a copy from chance.
    pub undecided: usize,
}

/// The series with the same samples throughout, where a row of each says so many `bits`.
pub fn equal(sketches: &[Sketch], bits: &[f64]) -> Equal {
    let needed = needed(sketches.len());
    let mut order: Vec<u32> =
        (0..sketches.len() as u32).filter(|&i| sketches[i as usize].novel > 0).collect();
    order.sort_unstable_by_key(|&i| (sketches[i as usize].hash, i));
    let classes: Vec<&[u32]> =
        order.chunk_by(|&a, &b| sketches[a as usize].hash == sketches[b as usize].hash).collect();
    if classes.len() == order.len() {
        return Equal::default();
    }
    let lone = LoneChanges::of(classes.iter().map(|class| &sketches[class[0] as usize]));
    let mut equal = Equal::default();
    for class in classes.into_iter().filter(|class| class.len() > 1) {
        let one = &sketches[class[0] as usize];
        let least = class.iter().map(|&i| bits[i as usize]).fold(f64::INFINITY, f64::min);
        match (one.novel as f64 * least).max(lone.evidence(one)) >= needed {
            true => equal.groups.push(class.to_vec()),
            false => equal.undecided += class.len(),
        }
    }
    equal.groups.sort_unstable();
    equal
}

/// How seldom changes of different series are equal, by all pairs of those that sketches keep: at most 64 of
/// a series. Few short series say little by the share of each change (`bits_per_row`), and yet no two of very
/// many pairs may be equal.
struct LoneChanges {
    /// The kept changes of all series, in ascending order.
    all: Vec<u32>,
    /// Of two changes: the binary logarithm of their pairs for each equal one.
    bits: f64,
}

impl LoneChanges {
    /// Of series that all differ.
    fn of<'a>(sketches: impl Iterator<Item = &'a Sketch>) -> Self {
        let mut all: Vec<u32> = sketches.flat_map(|sketch| sketch.changes[0].iter().copied()).collect();
        all.par_sort_unstable();
        let pairs = |n: usize| n as f64 * (n as f64 - 1.0) / 2.0;
        let equal: f64 = all.chunk_by(|a, b| a == b).map(|group| pairs(group.len())).sum();
        let bits = (pairs(all.len()) / (equal + 1.0)).log2().max(0.0);
        LoneChanges { all, bits }
    }

    /// The evidence of a series, in bits: 0 if one of its kept changes is another's, too.
    fn evidence(&self, sketch: &Sketch) -> f64 {
        let places = |change: u32| {
            self.all.partition_point(|&other| other <= change)
                - self.all.partition_point(|&other| other < change)
        };
        match sketch.changes[0].iter().all(|&change| places(change) == 1) {
            true => sketch.novel.min(LONE_CHANGES) as f64 * self.bits,
            false => 0.0,
        }
    }
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
