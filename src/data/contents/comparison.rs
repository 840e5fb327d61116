//! The comparison of all series of a data set with each other.

use super::evidence::needed;
use super::resolution::bits_per_row;
use super::sketch::Sketch;
use super::stretch::Shared;
use super::{exact, near};

/// The common stretches of a data set's series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// In the order of the series.
    pub shared: Vec<Shared>,
    /// For each series, whether it says enough that a copy of half of it is told from chance.
    pub tells: Vec<bool>,
}

impl Contents {
    /// Compares all series with each other.
    pub fn of(sketches: &[Sketch]) -> Self {
        let changes: Vec<_> = sketches.iter().map(|sketch| &sketch.changes).collect();
        let bits = bits_per_row(&changes);
        let rows: usize = sketches.iter().map(|sketch| sketch.rows).sum();
        let half = 2.0 * needed(rows);
        let mut shared = exact::shared(sketches, &bits);
        shared.extend(near::shared(sketches, &bits, &shared));
        shared.sort_unstable_by_key(|found| (found.series, found.at));
        let tells = |(sketch, bits): (&Sketch, &f64)| sketch.novel as f64 * bits >= half;
        Contents { shared, tells: sketches.iter().zip(&bits).map(tells).collect() }
    }
}
