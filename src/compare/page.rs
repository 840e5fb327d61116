//! The comparison as a page.

use super::words::LEAKY;
use super::{Entry, Pair, RunComparison, Unit};
use crate::metrics::table::Cell;
use crate::report::chart::{Axis, Bar, bars};
use crate::report::frame::{facts, frame, section, table};
use crate::report::scores::html_table;
use maud::{Markup, html};

impl RunComparison {
    /// As HTML that needs nothing but itself.
    pub fn page(&self) -> String {
        let title = &self.title;
        let unit = match self.unit {
            Unit::Subject => "subjects",
            Unit::Trial => "trials",
            Unit::Fold => "folds",
        };
        let body = html! {
            header {
                h1 { (title) }
                p.under { "Accuracy of " (self.trials) " trials · paired by " (self.units.len()) " " (unit) }
            }
            @if self.leaky {
                div.banner role="alert" {
                    h2 { (LEAKY) }
                    p { "Compare runs that are split by trial or by subject." }
                }
            }
            section.result #result aria-labelledby="result-heading" {
                h2 #result-heading { "Result" }
                figure {
                    figcaption { "Diamond: difference in accuracy. Line: its 95 % interval. Right of 0, the first run is better." }
                    (self.differences())
                }
                // The banner says the first paragraph of a leaky comparison.
                @for paragraph in self.text().into_iter().skip(usize::from(self.leaky)) { p { (paragraph) } }
            }
            (section("pairs", "Differences", &html_table(&self.pair_table())))
            (section("runs", "Runs", &html! {
                div."beside grid" {
                    figure {
                        figcaption { "Bar: accuracy. Line: 95 % interval." }
                        (self.accuracies())
                    }
                    (html_table(&self.run_table()))
                }
            }))
            (section("units", &format!("By {}", unit.trim_end_matches('s')), &self.by_unit(unit)))
            (section("data", "Data", &facts(&[("data, BLAKE3", self.dataset.clone())])))
        };
        frame(title, &body).into_string()
    }

    fn differences(&self) -> Markup {
        let ends = |pair: &Pair| pair.paired.interval.unwrap_or([pair.paired.difference; 2]);
        let axis = Axis::over("difference in accuracy", self.pairs.iter().flat_map(ends).chain([0.0]), 0.0);
        let row = |pair: &Pair| Bar {
            name: format!("{} - {}", pair.first, pair.second),
            value: None,
            interval: pair.paired.interval,
            mark: Some(("difference", pair.paired.difference)),
        };
        bars(
            "Differences in accuracy with their 95 % intervals",
            &axis,
            &self.pairs.iter().map(row).collect::<Vec<_>>(),
        )
    }

    fn accuracies(&self) -> Markup {
        let row = |run: &Entry| Bar {
            name: run.name.clone(),
            value: run.accuracy.mean,
            interval: run.accuracy.interval,
            mark: None,
        };
        let rows: Vec<Bar> = self.runs.iter().map(row).collect();
        bars("Accuracy of each run with its 95 % interval", &Axis::unit("accuracy"), &rows)
    }

    fn by_unit(&self, unit: &str) -> Markup {
        let header: Vec<&str> =
            std::iter::once(unit).chain(self.runs.iter().map(|run| run.name.as_str())).collect();
        let row = |(i, name): (usize, &String)| {
            let scores = self.runs.iter().map(|run| Cell::Score(Some(run.by_unit[i])).to_string());
            std::iter::once(name.clone()).chain(scores).collect()
        };
        let rows: Vec<Vec<String>> = self.units.iter().enumerate().map(row).collect();
        table("Accuracy of trials", &header, &rows, 0)
    }
}
