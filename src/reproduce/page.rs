//! The comparison as a page.

use super::comparison::{Comparison, Figure, Row, STATEMENT, interval, share};
use super::{Protocol, job_name};
use crate::report::chart::{Axis, Bar, bars};
use crate::report::frame::{facts, frame, scrolling, section};
use maud::{Markup, html};

impl Comparison {
    /// As HTML that needs nothing but itself; it links to the pages of the runs beside it. `settings` are
    /// `reproduce.toml`.
    pub fn page(&self, settings: &str) -> String {
        let body = html! {
            header {
                h1 { "The original study, reproduced" }
                p.under {
                    "Four quadrants of valence and arousal in " (self.data) " · " (self.epochs) " epochs · " (self.device)
                }
            }
            (section("comparison", "Accuracy of windows", &html! {
                p { (STATEMENT) }
                (figures(self))
                div.grid { @for row in &self.rows { (chart(row)) } }
            }))
            (section("scope", "What each protocol tests", &scopes(self)))
            (section("trials", "Trials, baselines and time", &details(self)))
            (section("repeat", "Repeating this", &html! {
                (facts(&[
                    ("device", self.device.clone()),
                    ("data", self.data.clone()),
                    ("engine", self.engine.to_string()),
                ]))
                p { "What was run, as " code { "reproduce.toml" } ":" }
                (scrolling("reproduce.toml", &html! { pre { (settings) } }))
            }))
        };
        frame("The original study, reproduced", &body).into_string()
    }
}

fn title(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Original => "original (leaks)",
        Protocol::NewTrials => "new trials",
        Protocol::NewPeople => "new people",
    }
}

fn figures(comparison: &Comparison) -> Markup {
    scrolling(
        "Accuracy of windows",
        &html! {
            table {
                caption {
                    "Accuracy of windows, pooled over folds; in brackets the mean over subjects with its 95 % interval. Each figure links to \
                     its run."
                }
                thead { tr {
                    th scope="col" { "network" }
                    th scope="col" { "published" }
                    @for protocol in Protocol::ALL { th scope="col" { (title(protocol)) } }
                    th scope="col" { "majority" }
                } }
                tbody { @for row in &comparison.rows { tr {
                    th scope="row" { (row.preset.name()) }
                    td { (share(Some(row.published.accuracy))) }
                    @for protocol in Protocol::ALL { td {
                        @if let Some(figure) = row.figure(protocol) {
                            a href={ (job_name(row.preset, protocol)) "/report.html" } { (share(figure.accuracy)) }
                            br;
                            span.under { "(" (interval(&figure.by_subject)) ")" }
                        }
                    } }
                    td { (share(row.honest().and_then(|figure| figure.majority))) }
                } } }
            }
        },
    )
}

fn chart(row: &Row) -> Markup {
    let bar = |(name, value, figure): (&str, Option<f64>, Option<&Figure>)| Bar {
        name: name.into(),
        value,
        interval: figure.and_then(|figure| figure.by_subject.interval),
        mark: figure.and_then(|figure| Some(("majority", figure.majority?))),
    };
    let ours = Protocol::ALL.into_iter().filter_map(|protocol| {
        let figure = row.figure(protocol)?;
        Some((title(protocol), figure.by_subject.mean, Some(figure)))
    });
    let list: Vec<Bar> =
        std::iter::once(("published", Some(row.published.accuracy), None)).chain(ours).map(bar).collect();
    let name = row.preset.name();
    html! {
        figure {
            figcaption { (name) ": mean over subjects. Line: 95 % interval. Diamond: majority." }
            (bars(&format!("{name}: accuracy under each protocol"), &Axis::unit("accuracy"), &list))
        }
    }
}

/// Whom each protocol asks about, which is the same for all networks.
fn scopes(comparison: &Comparison) -> Markup {
    let figures = comparison.rows.first().map_or(&[][..], |row| &row.figures);
    html! {
        dl { @for figure in figures {
            dt { (title(figure.protocol)) }
            dd {
                (figure.scope.headline()) "."
                ul.notes { @for note in figure.scope.notes() { li { (note) } } }
            }
        } }
    }
}

fn details(comparison: &Comparison) -> Markup {
    let header = [
        "network",
        "protocol",
        "folds",
        "macro F1, windows",
        "accuracy, trials",
        "balanced, trials",
        "majority",
        "subject's majority",
        "s/epoch, all folds",
    ];
    let mut rows = Vec::new();
    for row in &comparison.rows {
        for figure in &row.figures {
            rows.push(vec![
                row.preset.name().to_string(),
                title(figure.protocol).to_string(),
                figure.folds.to_string(),
                share(figure.macro_f1),
                share(figure.trial_accuracy),
                share(figure.trial_balanced_accuracy),
                share(figure.majority),
                share(figure.subject_majority),
                figure.epoch_seconds.map_or("-".into(), |seconds| format!("{seconds:.2}")),
            ]);
        }
    }
    crate::report::frame::table("Each network under each protocol", &header, &rows, 0)
}
