//! The scores on the page: the score to quote and its baselines, and the tables overall, by subject, by class
//! and of confusions.

use super::chart::{Axis, Bar, bars};
use super::frame::{scrolling, table};
use crate::metrics::baseline::Baseline;
use crate::metrics::report::Group;
use crate::metrics::table::{Cell, Row, ScoreTable, named_baselines, notes};
use crate::metrics::{Confusion, Prediction, Scores, interval};
use maud::{Markup, html};
use std::collections::BTreeSet;

/// The scores to quote: means over subjects where there are several, else those of trials.
struct Quote {
    accuracy: Option<f64>,
    interval: Option<[f64; 2]>,
    balanced: Option<f64>,
    /// `None` unless the scores are means over subjects.
    balanced_interval: Option<[f64; 2]>,
    /// The units and the kind of interval, as the beginning of a sentence.
    over: String,
}

impl Quote {
    fn of(scores: &Scores) -> Self {
        let (trial, subjects) = (&scores.trial, &scores.trial.by_subject);
        if subjects.rows.len() > 1 {
            return Quote {
                accuracy: subjects.accuracy.mean,
                interval: subjects.accuracy.interval,
                balanced: subjects.balanced_accuracy.mean,
                balanced_interval: subjects.balanced_accuracy.interval,
                over: format!("Means over {} subjects, with 95 % t intervals", subjects.rows.len()),
            };
        }
        Quote {
            accuracy: trial.overall.accuracy,
            interval: trial.accuracy_interval,
            balanced: trial.overall.balanced_accuracy,
            balanced_interval: None,
            over: format!("Over {} trials, with the 95 % Wilson interval", trial.overall.n),
        }
    }
}

/// The score to quote, its baselines, a verdict, and a chart of both. `asks` names the trials that the split
/// tests on, as [`Scope::headline`](crate::data::split::Scope::headline) does; `leaky` says that the split
/// leaks.
pub(crate) fn headline(scores: &Scores, asks: &str, leaky: bool) -> Markup {
    let quote = Quote::of(scores);
    let baselines = named_baselines(&scores.baselines);
    let mut rows =
        vec![Bar { name: "this run".into(), value: quote.accuracy, interval: quote.interval, mark: None }];
    rows.extend(baselines.iter().map(|(name, baseline)| Bar {
        name: (*name).into(),
        value: baseline.scores.accuracy,
        interval: None,
        mark: None,
    }));
    html! {
        p.headline {
            "Accuracy " b { (Cell::Score(quote.accuracy)) } " " (Cell::Interval(quote.interval))
            ", balanced accuracy " b { (Cell::Score(quote.balanced)) }
            @if let Some(interval) = quote.balanced_interval { " " (Cell::Interval(Some(interval))) }
            " on " (asks) "."
        }
        p {
            (quote.over) ". Without reading any signal, accuracy would be "
            @for (i, (name, baseline)) in baselines.iter().enumerate() {
                @if i > 0 { ", " }
                (Cell::Score(baseline.scores.accuracy)) " (" (name) ")"
            }
            "."
        }
        @if leaky {
            p { "These scores are evidence of nothing: the split leaks, and no baseline makes up for that." }
        } @else {
            p { (verdict(quote.interval, &baselines)) }
        }
        figure {
            (bars("Accuracy of this run with its 95 % interval, and of its baselines", &Axis::unit("accuracy"), &rows))
        }
    }
}

/// States whether the interval lies above all baselines, and names those it does not exceed.
fn verdict(interval: Option<[f64; 2]>, baselines: &[(&str, &Baseline)]) -> String {
    let Some([low, _]) = interval else {
        return "There are too few units for an interval: nothing can be concluded.".into();
    };
    let reaches = |baseline: &Baseline| baseline.scores.accuracy.is_some_and(|accuracy| accuracy >= low);
    let not_exceeded: Vec<&str> =
        baselines.iter().filter(|(_, baseline)| reaches(baseline)).map(|(name, _)| *name).collect();
    match not_exceeded.is_empty() {
        true => "The interval lies above every baseline.".into(),
        false => format!(
            "The interval does not lie above these: {}. The network is not shown to be better than they are.",
            not_exceeded.join("; ")
        ),
    }
}

/// A score table as HTML.
fn html_table(scores: &ScoreTable) -> Markup {
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
        mark: row.majority,
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
    fn a_verdict_names_the_baselines_that_are_as_good() {
        let baseline = |right: u64| Baseline {
            scores: Confusion::from(vec![vec![right, 10 - right], vec![0, 0]]).overall(),
            second_choice: 0,
        };
        let (six, seven) = (baseline(6), baseline(7));
        let list = [("global majority", &six), ("subject majority", &seven)];
        let says = |interval, text: &str| assert!(verdict(interval, &list).contains(text), "{text}");
        says(Some([0.71, 0.9]), "above every baseline");
        says(Some([0.65, 0.9]), "above these: subject majority. ");
        says(Some([0.2, 0.3]), "above these: global majority; subject majority. ");
        says(None, "nothing can be concluded");
    }

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
