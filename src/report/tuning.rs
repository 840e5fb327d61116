//! The choice of settings inside the folds on the page: the inner accuracies of each fold, its choice marked.

use super::frame::{scrolling, section};
use super::scores::html_table;
use crate::metrics::{ScoreTable, Tuning};
use maud::{Markup, html};

/// The section of the choice; nothing without one.
pub(super) fn tuning_section(tuning: Option<&Tuning>) -> Markup {
    let Some(tuning) = tuning else { return html! {} };
    section(
        "tuning",
        "Choice inside the folds",
        &html! {
            p { (tuning.text()) }
            (html_table(&ScoreTable::tuning(tuning)))
            (choices(tuning))
        },
    )
}

/// The inner accuracy of each candidate by fold.
fn choices(tuning: &Tuning) -> Markup {
    let caption = "Inner accuracy of trials by fold and candidate, the choice in bold. Equal accuracies are decided by the \
                   lower log loss of windows";
    scrolling(
        caption,
        &html! {
            table.matrix {
                caption { (caption) }
                thead {
                    tr {
                        th scope="col" { "fold" }
                        @for candidate in &tuning.candidates { th scope="col" { (candidate.setting) } }
                    }
                }
                tbody {
                    @for choice in &tuning.folds {
                        tr {
                            th scope="row" { (choice.fold) }
                            @for (i, score) in choice.inner.iter().enumerate() {
                                @let chosen = i == choice.chosen;
                                td class=[chosen.then_some("right")] {
                                    (format!("{:.3}", score.accuracy))
                                    @if chosen { small { "chosen" } }
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}
