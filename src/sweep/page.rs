//! The results of a sweep as a page.

use super::collect::{Collection, Setting};
use crate::report::chart::{Axis, Bar, bars};
use crate::report::frame::{frame, section, table};
use crate::report::scores::html_table;
use maud::{Markup, html};

impl Collection {
    /// As HTML that needs nothing but itself, and leads to the runs beside it.
    pub fn page(&self) -> String {
        let runs: usize = self.settings.iter().flat_map(|setting| &setting.runs).map(Vec::len).sum();
        let body = html! {
            header {
                h1 { "Sweep " (self.name) }
                p.under { (self.settings.len()) " settings · " (runs) " runs" }
            }
            @if self.leaky {
                div.banner role="alert" {
                    h2 { "LEAKY" }
                    p { "Test windows are close to training windows. Sweep over splits by trial or by subject." }
                }
            }
            section.result #result aria-labelledby="result-heading" {
                h2 #result-heading { "Result" }
                figure {
                    figcaption { "Bar: accuracy of trials, the mean over subjects and seeds. Line: its 95 % interval over subjects." }
                    (self.bars())
                }
                @for note in self.notes() { p { (note) } }
            }
            (section("settings", "Settings", &html_table(&self.table())))
            @if let Some(map) = self.heat_map() { (section("map", "By two options", &map)) }
            (section("runs", "Runs", &self.links()))
        };
        frame(&format!("Sweep {}", self.name), &body).into_string()
    }

    fn bars(&self) -> Markup {
        let bar = |setting: &Setting| Bar {
            name: setting.name.clone(),
            value: setting.accuracy.mean,
            interval: setting.accuracy.interval,
            mark: setting.baseline.map(|share| ("majority class", share)),
        };
        let rows: Vec<Bar> = self.settings.iter().map(bar).collect();
        bars("Accuracy of each setting with its 95 % interval", &Axis::unit("accuracy"), &rows)
    }

    /// The accuracy by the first two options, where there are two.
    fn heat_map(&self) -> Option<Markup> {
        let [first, second] = self.options.get(..2)? else { return None };
        if self.options.len() > 2 {
            return None;
        }
        let distinct = |option: usize| {
            let mut values: Vec<String> = Vec::new();
            for setting in &self.settings {
                if !values.contains(&setting.values[option]) {
                    values.push(setting.values[option].clone());
                }
            }
            values
        };
        let (rows, columns) = (distinct(0), distinct(1));
        let cell = |row: &String, column: &String| {
            let of = self.settings.iter().find(|s| s.values[0] == *row && s.values[1] == *column);
            of.and_then(|setting| setting.accuracy.mean).map_or("-".into(), |mean| format!("{mean:.3}"))
        };
        let name = format!("{first} \\ {second}");
        let header: Vec<&str> =
            std::iter::once(name.as_str()).chain(columns.iter().map(String::as_str)).collect();
        let lines: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                std::iter::once(row.clone()).chain(columns.iter().map(|column| cell(row, column))).collect()
            })
            .collect();
        Some(table("Accuracy of trials", &header, &lines, 0))
    }

    fn links(&self) -> Markup {
        html! {
            ul {
                @for setting in &self.settings {
                    @for ((runs, seed), accuracy) in setting.runs.iter().zip(&setting.seeds).zip(&setting.by_seed) {
                        li {
                            @if let [run] = runs.as_slice() {
                                a href={ "runs/" (run) "/report.html" } { (setting.name) ", seed " (seed) }
                            } @else {
                                (setting.name) ", seed " (seed) ", folds"
                                @for (fold, run) in runs.iter().enumerate() {
                                    " " a href={ "runs/" (run) "/report.html" } { (fold + 1) }
                                }
                            }
                            ": " (format!("{accuracy:.3}"))
                        }
                    }
                }
            }
        }
    }
}
