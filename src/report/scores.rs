//! The scores on the page: the score to quote with the verdict on it, and the tables overall, by subject, by
//! class and of confusions.

use super::chart::{Axis, Bar, bars};
use super::frame::{scrolling, table};
use crate::metrics::report::Group;
use crate::metrics::table::{Cell, Row, ScoreTable, notes};
use crate::metrics::{Confusion, Prediction, Scores, Verdict, interval};
use maud::{Markup, html};
use std::collections::BTreeSet;

/// The score to quote, the verdict on it, and a chart of it beside the rules that read no signal. `asks`
/// names the trials that the split tests on, as
/// [`Scope::headline`](crate::data::split::Scope::headline) does.
pub(crate) fn headline(scores: &Scores, asks: &str) -> Markup {
    let (trial, subjects) = (&scores.trial, &scores.trial.by_subject);
    let verdict = scores.verdict.as_ref();
    // Means over subjects where there are several, else the scores of trials.
    let (accuracy, interval, balanced) = match subjects.rows.len() {
        1 => (trial.overall.accuracy, trial.accuracy_interval, trial.overall.balanced_accuracy),
        _ => (subjects.accuracy.mean, subjects.accuracy.interval, subjects.balanced_accuracy.mean),
    };
    let of_verdict = verdict.and_then(|verdict| verdict.balanced_accuracy.as_ref());
    let balanced = of_verdict.map_or(balanced, |balanced| Some(balanced.score));
    html! {
        p.headline {
            "Accuracy " b { (Cell::Score(accuracy)) } " " (Cell::Interval(interval))
            ", balanced accuracy " b { (Cell::Score(balanced)) }
            @if let Some(balanced) = of_verdict {
                @if let Some(interval) = balanced.interval { " " (Cell::Interval(Some(interval))) }
                " (chance " (Cell::Score(Some(balanced.chance))) ")"
            }
            " on " (asks) "."
        }
        @for paragraph in scores.looks.iter().flat_map(|looks| looks.text()) { p { (paragraph) } }
        @if let Some(verdict) = verdict {
            @for paragraph in &verdict.text { p { (paragraph) } }
            figure { (verdict_bars(verdict, interval)) }
        } @else {
            p { "An earlier version wrote these scores, without a verdict. " code { "engine evaluate RUN" } " adds it." }
        }
    }
}

/// The accuracy of the run with its interval, of the rules to beat, and of those for context.
fn verdict_bars(verdict: &Verdict, interval: Option<[f64; 2]>) -> Markup {
    let bar = |name: String, value: f64, interval| Bar { name, value: Some(value), interval, mark: None };
    let mut rows = vec![bar("this run".into(), verdict.accuracy, interval)];
    rows.extend(verdict.bars.iter().map(|rule| bar(rule.shown_name().into(), rule.accuracy, None)));
    rows.extend(verdict.context.iter().map(|rule| bar(format!("({})", rule.name), rule.accuracy, None)));
    html! {
        figcaption { "In parentheses: for context only, because it needs test labels or other people's ratings." }
        (bars("Accuracy of this run with its 95 % interval, and of rules without signals", &Axis::unit("accuracy"), &rows))
    }
}

/// A score table as HTML.
pub(crate) fn html_table(scores: &ScoreTable) -> Markup {
    let cells = |row: &Row| {
        let cells = row.cells.iter().map(ToString::to_string);
        std::iter::once(row.name.clone()).chain(cells).collect()
    };
    let header: Vec<&str> = scores.header.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = scores.rows.iter().map(cells).collect();
    table(&scores.title, &header, &rows, scores.summary_rows)
}

/// Every overall score of subjects, trials and windows, and of the baselines.
pub(crate) fn score_table(scores: &Scores) -> Markup {
    html! {
        @if let Some(verdict) = &scores.verdict { (html_table(&ScoreTable::verdict(verdict))) }
        (html_table(&ScoreTable::overall(scores)))
        (html_table(&ScoreTable::probabilities(scores)))
        ul.notes { @for note in notes(&scores.baselines) { li { (note.trim()) } } }
    }
}

/// A bar for each subject with the interval over its trials and its majority, and a table of the same scores.
/// `trials` has one prediction per fold and trial.
pub(crate) fn subject_bars(scores: &Scores, trials: &[Prediction]) -> Markup {
    let groups = &scores.trial.by_subject;
    // The groups are sorted by the subjects' indices. A trial that several folds test counts once.
    let distinct: BTreeSet<(u32, u32)> = trials.iter().map(|p| (p.subject, p.trial)).collect();
    let subjects: BTreeSet<u32> = trials.iter().map(|p| p.subject).collect();
    let units = subjects.iter().map(|&s| distinct.range((s, 0)..=(s, u32::MAX)).count());
    let bar = |(row, units): (&Group, usize)| Bar {
        name: row.name.clone(),
        value: row.accuracy,
        // Without an interval over all trials, trials are unknown.
        interval: scores
            .trial
            .accuracy_interval
            .and(row.accuracy)
            .and_then(|accuracy| interval::wilson(accuracy, units)),
        mark: row.majority.map(|majority| ("majority", majority)),
    };
    let list: Vec<Bar> = groups.rows.iter().zip(units).map(bar).collect();
    html! {
        div."beside grid" {
            figure {
                figcaption { "Bar: accuracy of trials. Line: 95 % Wilson interval. Diamond: the subject's own majority." }
                (bars("Accuracy by subject, with intervals and majorities", &Axis::unit("accuracy"), &list))
            }
            (html_table(&subject_table(scores, &list)))
        }
    }
}

/// The scores of each subject with the interval of its bar, and their means.
fn subject_table(scores: &Scores, bars: &[Bar]) -> ScoreTable {
    let groups = &scores.trial.by_subject;
    let row = |(group, bar): (&Group, &Bar)| {
        let (accuracy, interval) = (Cell::Score(group.accuracy), Cell::Interval(bar.interval));
        let [balanced, majority, auc] = [group.balanced_accuracy, group.majority, group.auc].map(Cell::Score);
        Row::new(&group.name, [Cell::Count(group.n), accuracy, interval, balanced, majority, auc])
    };
    let mut rows: Vec<Row> = groups.rows.iter().zip(bars).map(row).collect();
    let [accuracy, balanced, auc] =
        [&groups.accuracy, &groups.balanced_accuracy, &groups.auc].map(|summary| Cell::Score(summary.mean));
    let interval = Cell::Interval(groups.accuracy.interval);
    rows.push(Row::new("mean", [Cell::Empty, accuracy, interval, balanced, Cell::Empty, auc]));
    let header = ["subject", "trials", "accuracy", "95 % interval", "balanced", "majority", "AUC"];
    ScoreTable::new("Trials by subject; their mean with its interval over subjects", &header, rows)
        .with_summary(1)
}

/// Precision, recall and F1 of each class over trials, with their means.
pub(crate) fn class_table(scores: &Scores) -> Markup {
    html_table(&ScoreTable::by_class(scores))
}

/// A confusion matrix. The shade of a cell is its share of the row. The page has to say that rows are actual
/// classes and columns predicted ones.
pub(crate) fn confusion_table(caption: &str, confusion: &Confusion, classes: &[String]) -> Markup {
    let matrix = ScoreTable::confusion(caption, confusion, classes);
    scrolling(
        caption,
        &html! {
            table.matrix {
                caption { (matrix.title) }
                thead { tr { @for name in &matrix.header { th scope="col" { (name) } } } }
                tbody {
                    @for row in &matrix.rows {
                        tr {
                            th scope="row" { (row.name) }
                            @for cell in &row.cells {
                                @if let Cell::Share { count, share, correct } = cell {
                                    td class=[correct.then_some("right")] style=(format!("--share:{share:.3}")) {
                                        (count) small { (format!("{:.0} %", 100.0 * share)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_has_counts_and_shares_of_rows() {
        let names = ["low".to_string(), "<high>".to_string()];
        let text = confusion_table("trials", &vec![vec![3, 1], vec![0, 0]].into(), &names).into_string();
        for wanted in ["--share:0.750", "75 %", "25 %", "&lt;high&gt;"] {
            assert!(text.contains(wanted), "{wanted} is missing in {text}");
        }
        assert!(!text.contains("NaN"), "a class that never occurs: {text}");
    }
}
