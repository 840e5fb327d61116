//! The permutation test on the page: the scores of permuted labels as histograms, the run's own among them.

use super::frame::section;
use super::histogram::Histogram;
use super::scores::html_table;
use crate::metrics::permutation::StatisticTest;
use crate::metrics::{PermutationTest, ScoreTable};
use maud::{Markup, html};

/// The section of the test; nothing without one.
pub(super) fn permutation_section(test: Option<&PermutationTest>) -> Markup {
    let Some(test) = test else { return html! {} };
    section(
        "permutation",
        "Permutation test",
        &html! {
            p.under {
                "Bars: how many of " (test.n) " trainings on permuted labels reached a score. Line: this run. The further \
                 the line lies to the right of the bars, the less chance explains the score."
            }
            div.grid { @for statistic in &test.statistics { (histogram(statistic)) } }
            (html_table(&ScoreTable::permutation(test)))
        },
    )
}

fn histogram(statistic: &StatisticTest) -> Markup {
    let values: Vec<f64> = statistic.null.iter().copied().flatten().collect();
    let name = &statistic.name;
    let title = format!("{name} of permuted labels, and of this run");
    let chart =
        Histogram { title: &title, label: name, values: &values, mark: ("this run", statistic.observed) };
    html! {
        figure {
            figcaption { b { (name) } ", p = " (statistic.shown_p()) }
            (chart.draw())
        }
    }
}
