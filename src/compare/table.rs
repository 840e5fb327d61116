//! The comparison as tables.

use super::{Entry, Pair, RunComparison};
use crate::metrics::ScoreTable;
use crate::metrics::table::{Cell, Row};
use crate::metrics::text;

impl RunComparison {
    /// For a terminal.
    pub fn table(&self) -> String {
        let mut parts = vec![text::table(&self.run_table()), text::table(&self.pair_table())];
        parts.extend(self.text().iter().map(|paragraph| text::wrapped(paragraph)));
        // The warning is the first paragraph.
        if self.leaky {
            parts[..3].rotate_right(1);
        }
        parts.join("\n\n")
    }

    pub(super) fn run_table(&self) -> ScoreTable {
        let row = |run: &Entry| {
            let name = format!("{}: {}, by {}", run.name, run.folder.display(), run.split);
            Row::new(name, [Cell::Score(run.accuracy.mean), Cell::Interval(run.accuracy.interval)])
        };
        let rows = self.runs.iter().map(row).collect();
        ScoreTable::new("Accuracy of trials", &["run", "accuracy", "95 % interval"], rows)
    }

    pub(super) fn pair_table(&self) -> ScoreTable {
        let row = |pair: &Pair| {
            let paired = &pair.paired;
            let numbers = [
                Cell::Score(Some(paired.difference)),
                Cell::Interval(paired.interval),
                Cell::Score(paired.effect),
                Cell::Probability(paired.p),
                Cell::Probability(pair.p_holm),
            ];
            Row::new(format!("{} - {}", pair.first, pair.second), numbers)
        };
        let header = ["runs", "difference", "95 % interval", "d", "p", "p (Holm)"];
        ScoreTable::new("Differences in accuracy", &header, self.pairs.iter().map(row).collect())
    }
}
