//! The comparison of all series of a data set with each other.

use super::evidence::needed;
use super::exact::Equal;
use super::resolution::bits_per_row;
use super::sketch::Sketch;
use super::stretch::Shared;
use super::{exact, near};

/// The common samples of a data set's series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// Groups of series with the same samples throughout.
    pub equal: Vec<Vec<u32>>,
    /// The number of series that equal another one and say too little to tell a copy from chance.
    pub undecided: usize,
    /// Stretches that two series share, in the order of the series. Series of one group are not listed.
    pub shared: Vec<Shared>,
    /// For each series, whether it says enough that a copy of half of it is told from chance.
    pub tells: Vec<bool>,
    /// The number of series of a shape that recurs, of which near-copies cannot be told.
    pub recurring: usize,
}

impl Contents {
    /// Whether no two series share anything.
    pub fn is_all_different(&self) -> bool {
        self.equal.is_empty() && self.shared.is_empty()
    }

    /// Compares all series with each other.
    pub fn of(sketches: &[Sketch]) -> Self {
        let changes: Vec<_> = sketches.iter().map(|sketch| &sketch.changes).collect();
        let bits = bits_per_row(&changes);
        let rows: usize = sketches.iter().map(|sketch| sketch.rows).sum();
        let half = 2.0 * needed(rows);
        let Equal { groups: equal, undecided } = exact::equal(sketches, &bits);
        let mut group = vec![None; sketches.len()];
        for (number, series) in equal.iter().enumerate() {
            series.iter().for_each(|&series| group[series as usize] = Some(number as u32));
        }
        let mut shared = exact::stretches(sketches, &bits, &group);
        shared.sort_unstable_by_key(|found| (found.series, found.at));
        let (near, recurring) = near::shared(sketches, &bits, &shared, &group);
        shared.extend(near);
        shared.sort_unstable_by_key(|found| (found.series, found.at));
        let tells = |(sketch, bits): (&Sketch, &f64)| sketch.novel as f64 * bits >= half;
        let tells = sketches.iter().zip(&bits).map(tells).collect();
        Contents { equal, undecided, shared, tells, recurring }
    }
}
