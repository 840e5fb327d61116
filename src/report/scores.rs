//! The scores: what to quote, beside what can be had without a signal; by subject, by class, who is taken for whom.

use super::chart::{Axis, Bar, bars};
use super::frame::{scrolling, table};
use crate::metrics::baseline::Baseline;
use crate::metrics::confusion::{Average, Overall};
use crate::metrics::table::{PROBABILITIES, notes, number, probabilities, range};
use crate::metrics::{Baselines, Confusion, Prediction, Scores, interval};
use maud::{Markup, html};
use std::collections::BTreeSet;

/// What a paper would cite: over subjects where there are several, else over trials.
struct Quote {
    accuracy: Option<f64>,
    interval: Option<[f64; 2]>,
    balanced: Option<f64>,
    /// Over subjects only.
    balanced_interval: Option<[f64; 2]>,
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

/// The baselines that there are. One that had to look at the test labels throughout says so.
fn named(baselines: &Baselines) -> Vec<(&'static str, &Baseline)> {
    let Baselines { global, subject, stimulus } = baselines;
    let oracle = subject.second_choice == subject.scores.n;
    let own = if oracle { "subject majority, oracle" } else { "subject majority" };
    let mut list = vec![("global majority", global), (own, subject)];
    list.extend(stimulus.as_ref().map(|stimulus| ("stimulus majority", stimulus)));
    list
}

/// One sentence with the score to quote and its baselines, what it amounts to, and a chart of both. `asks` completes "on
/// trials of ...".
pub(crate) fn headline(scores: &Scores, asks: &str, leaky: bool) -> Markup {
    let quote = Quote::of(scores);
    let baselines = named(&scores.baselines);
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
            "Accuracy " b { (number(quote.accuracy)) } " " (range(quote.interval))
            ", balanced accuracy " b { (number(quote.balanced)) }
            @if quote.balanced_interval.is_some() { " " (range(quote.balanced_interval)) }
            " on " (asks) "."
        }
        p {
            (quote.over) ". Without reading any signal, accuracy would be "
            @for (i, (name, baseline)) in baselines.iter().enumerate() {
                @if i > 0 { ", " }
                (number(baseline.scores.accuracy)) " (" (name) ")"
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

/// Whether the interval lies above what needs no signal.
fn verdict(interval: Option<[f64; 2]>, baselines: &[(&str, &Baseline)]) -> String {
    let Some([low, _]) = interval else {
        return "There are too few units for an interval: nothing can be concluded.".into();
    };
    let reached = |baseline: &Baseline| baseline.scores.accuracy.is_some_and(|accuracy| accuracy >= low);
    let above: Vec<&str> =
        baselines.iter().filter(|(_, baseline)| reached(baseline)).map(|(name, _)| *name).collect();
    match above.is_empty() {
        true => "The interval lies above every baseline.".into(),
        false => format!(
            "The interval does not lie above these: {}. The network is not shown to be better than they are.",
            above.join("; ")
        ),
    }
}

/// Every overall score, at both levels, beside the baselines'.
pub(crate) fn score_table(scores: &Scores) -> Markup {
    let row = |name: String, overall: &Overall, interval: String, auc: String| {
        let mut row = vec![name, number(overall.accuracy), interval];
        let f1 = overall.macro_average.as_ref().map(|average| average.f1);
        row.extend([overall.balanced_accuracy, f1, overall.kappa, overall.mcc].map(number));
        row.push(auc);
        row
    };
    let (trial, window, subjects) = (&scores.trial, &scores.window, &scores.trial.by_subject);
    let mut rows = vec![
        vec![
            format!("{} subjects, mean", subjects.rows.len()),
            number(subjects.accuracy.mean),
            range(subjects.accuracy.interval),
            number(subjects.balanced_accuracy.mean),
            number(subjects.macro_f1.mean),
            String::new(),
            String::new(),
            number(subjects.auc.mean),
        ],
        row(
            format!("{} trials", trial.overall.n),
            &trial.overall,
            range(trial.accuracy_interval),
            number(trial.auc),
        ),
        row(format!("{} windows", window.overall.n), &window.overall, String::new(), number(window.auc)),
    ];
    let baselines = named(&scores.baselines);
    rows.extend(
        baselines.iter().map(|(name, b)| row((*name).into(), &b.scores, String::new(), String::new())),
    );
    let header = ["", "accuracy", "95 % interval", "balanced", "macro F1", "kappa", "MCC", "AUC"];
    html! {
        (table("All scores, and below them those of the baselines", &header, &rows, baselines.len()))
        @let (header, rows) = probabilities(scores);
        (table(PROBABILITIES, &header, &rows, 0))
        ul.notes { @for note in notes(&scores.baselines) { li { (note.trim()) } } }
    }
}

/// A bar for each subject with the interval over its trials, and its own majority; the numbers beside it. `trials` has one
/// prediction per fold and trial.
pub(crate) fn subject_bars(scores: &Scores, trials: &[Prediction]) -> Markup {
    let groups = &scores.trial.by_subject;
    // Groups come in the order of the subjects' numbers. A trial that several folds test counts once.
    let distinct: BTreeSet<(u32, u32)> = trials.iter().map(|p| (p.subject, p.trial)).collect();
    let subjects: BTreeSet<u32> = trials.iter().map(|p| p.subject).collect();
    let units = subjects.iter().map(|&s| distinct.range((s, 0)..=(s, u32::MAX)).count());
    let bar = |(row, units): (&crate::metrics::report::Group, usize)| Bar {
        name: row.name.clone(),
        value: row.accuracy,
        interval: row.accuracy.and_then(|accuracy| interval::wilson(accuracy, units)),
        mark: row.majority,
    };
    let list: Vec<Bar> = groups.rows.iter().zip(units).map(bar).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (group, bar) in groups.rows.iter().zip(&list) {
        let mut row =
            vec![group.name.clone(), group.n.to_string(), number(group.accuracy), range(bar.interval)];
        row.extend([group.balanced_accuracy, group.majority, group.auc].map(number));
        rows.push(row);
    }
    let mean = [number(groups.accuracy.mean), range(groups.accuracy.interval)];
    let mut sum = vec!["mean".to_string(), String::new()];
    sum.extend(mean);
    sum.extend([number(groups.balanced_accuracy.mean), String::new(), number(groups.auc.mean)]);
    rows.push(sum);
    let header = ["subject", "trials", "accuracy", "95 % interval", "balanced", "majority", "AUC"];
    html! {
        div."beside grid" {
            figure {
                figcaption { "Bar: accuracy of trials. Line: 95 % Wilson interval. Diamond: the subject's own majority." }
                (bars("Accuracy by subject, with intervals and majorities", &Axis::unit("accuracy"), &list))
            }
            (table("Trials by subject; their mean with its interval over subjects", &header, &rows, 1))
        }
    }
}

/// Precision, recall and F1 of each class at trial level, with their averages.
pub(crate) fn class_table(scores: &Scores) -> Markup {
    let mut rows = Vec::new();
    for (name, class) in scores.class_names.iter().zip(&scores.trial.by_class) {
        let mut row = vec![name.clone()];
        row.extend([class.precision, class.recall, class.f1].map(|score| number(Some(score))));
        row.extend([class.support.to_string(), class.predicted.to_string()]);
        rows.push(row);
    }
    let Overall { macro_average, weighted_average, .. } = &scores.trial.overall;
    for (name, average) in [("macro mean", macro_average), ("weighted mean", weighted_average)] {
        let score = |score: fn(&Average) -> f64| number(average.as_ref().map(score));
        let mut row = vec![name.into(), score(|a| a.precision), score(|a| a.recall), score(|a| a.f1)];
        row.extend([String::new(), String::new()]);
        rows.push(row);
    }
    let header = ["class", "precision", "recall", "F1", "support", "predicted"];
    table("Trials by class", &header, &rows, 2)
}

/// Rows actual, columns predicted, which the page has to say; a cell is shaded by its share of the row.
pub(crate) fn confusion_table(caption: &str, confusion: &Confusion, classes: &[String]) -> Markup {
    let share = |count: u64, row: &[u64]| count as f64 / row.iter().sum::<u64>().max(1) as f64;
    scrolling(
        caption,
        &html! {
            table.matrix {
                caption { (caption) }
                thead { tr { th scope="col" { "actual" } @for class in classes { th scope="col" { (class) } } } }
                tbody {
                    @for (i, (class, row)) in classes.iter().zip(confusion.counts()).enumerate() {
                        tr {
                            th scope="row" { (class) }
                            @for (j, &count) in row.iter().enumerate() {
                                @let share = share(count, row);
                                td class=[(i == j).then_some("right")] style=(format!("--share:{share:.3}")) {
                                    (count) small { (format!("{:.0} %", 100.0 * share)) }
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
