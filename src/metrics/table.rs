//! Scores as plain text: Markdown tables of at most 100 columns, without colors.

use super::baseline::Baselines;
use super::confusion::{Average, Overall};
use super::interval::Summary;
use super::report::{Groups, Level, Scores};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

const WIDTH: u16 = 100;

/// The confusion matrix of more classes than this does not fit and is left to `--json`.
const MATRIX_CLASSES: usize = 10;

/// All tables: the scores beside their baselines, then by fold, by subject and by class, and the confusion matrix;
/// at trial level but where windows are named.
pub fn render(scores: &Scores) -> String {
    let mut parts = vec![headline(scores), notes(&scores.baselines).join("\n")];
    let (folds, subjects) = (&scores.trial.by_fold, &scores.trial.by_subject);
    // A single one says what the headline says, and leave-one-subject-out folds are the subjects.
    if folds.rows.len() > 1 && folds != subjects {
        parts.push(groups("fold", folds, &scores.window.by_fold));
    }
    if subjects.rows.len() > 1 {
        parts.push(groups("subject", subjects, &scores.window.by_subject));
    }
    parts.push(classes(scores));
    let (header, rows) = probabilities(scores);
    parts.push(format!("{PROBABILITIES}.\n\n{}", table(&header, rows)));
    if scores.class_names.len() <= MATRIX_CLASSES {
        parts.push(confusion(scores));
    }
    parts.join("\n\n") + "\n"
}

fn headline(scores: &Scores) -> String {
    let row = |name: String, overall: &Overall, interval: String, auc: String| {
        let f1 = overall.macro_average.as_ref().map(|average| average.f1);
        let mut row = vec![name, number(overall.accuracy), interval];
        row.extend([overall.balanced_accuracy, f1, overall.kappa, overall.mcc].map(number));
        row.push(auc);
        row
    };
    let level = |unit: &str, level: &Level, interval| {
        row(format!("{} {unit}", level.overall.n), &level.overall, interval, number(level.auc))
    };
    let subjects = {
        let Groups { rows, accuracy, balanced_accuracy, macro_f1, auc } = &scores.trial.by_subject;
        let mut row =
            vec![format!("{} subjects", rows.len()), number(accuracy.mean), range(accuracy.interval)];
        row.extend([number(balanced_accuracy.mean), number(macro_f1.mean), String::new(), String::new()]);
        row.push(number(auc.mean));
        row
    };
    let mut rows = vec![
        level("trials", &scores.trial, range(scores.trial.accuracy_interval)),
        subjects,
        level("windows", &scores.window, String::new()),
    ];
    let Baselines { global, subject, stimulus } = &scores.baselines;
    let baselines = [("global", Some(global)), ("subject", Some(subject)), ("stimulus", stimulus.as_ref())];
    rows.extend(baselines.into_iter().filter_map(|(name, baseline)| {
        Some(row(format!("{name} majority"), &baseline?.scores, String::new(), String::new()))
    }));
    table(&["", "accuracy", "95 % interval", "balanced", "macro F1", "kappa", "MCC", "AUC"], rows)
}

/// What [`probabilities`] shows.
pub(crate) const PROBABILITIES: &str =
    "Probabilities. Higher is better: AUC, average precision (PR-AUC). Lower: Brier score, log loss";

/// How good the probabilities are, not only the classes that they choose; header and rows.
pub(crate) fn probabilities(scores: &Scores) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let row = |unit: &str, level: &Level| {
        let mut row = vec![format!("{} {unit}", level.overall.n)];
        row.extend([level.auc, level.average_precision, level.brier, level.log_loss].map(number));
        row
    };
    let header = vec!["", "AUC", "average precision", "Brier", "log loss"];
    (header, vec![row("trials", &scores.trial), row("windows", &scores.window)])
}

/// What the headline's rows mean, so that nobody has to guess.
pub(crate) fn notes(baselines: &Baselines) -> Vec<String> {
    let mut notes = vec![
        "trials: the mean probability of a trial's windows; Wilson interval, as if trials were independent"
            .into(),
        "subjects: the mean of the subjects' scores over their trials; t interval over subjects".into(),
        "global majority: the most frequent class of each fold's training trials".into(),
    ];
    let (subject, n) = (&baselines.subject, baselines.subject.scores.n);
    notes.push(match subject.second_choice {
        0 => "subject majority: the subject's most frequent class in training".into(),
        k if k == n => "subject majority: the subject's most frequent class among its own test labels:\n  \
                        an oracle, the most that knowing the person's bias can reach"
            .into(),
        k => format!(
            "subject majority: the subject's most frequent class in training; for {k} of {n} trials,\n  \
             where there is none, among its own test labels (an oracle)"
        ),
    });
    if let Some(stimulus) = &baselines.stimulus {
        notes.push(
            "stimulus majority: the other subjects' most frequent class for the same stimulus in training"
                .into(),
        );
        if stimulus.second_choice > 0 {
            let k = stimulus.second_choice;
            notes.push(format!("  (for {k} of {n} trials, where there is none, the global majority)"));
        }
    }
    notes
}

/// By fold or by subject, with mean, standard deviation and 95 % interval over the rows.
fn groups(unit: &str, trials: &Groups, windows: &Groups) -> String {
    let mut rows = Vec::new();
    for (trial, window) in trials.rows.iter().zip(&windows.rows) {
        let mut row = vec![trial.name.clone(), trial.n.to_string()];
        let scores = [trial.majority, trial.accuracy, trial.balanced_accuracy, trial.macro_f1, trial.auc];
        row.extend(scores.map(number));
        row.push(number(window.accuracy));
        rows.push(row);
    }
    let columns =
        [&trials.accuracy, &trials.balanced_accuracy, &trials.macro_f1, &trials.auc, &windows.accuracy];
    let mut below = |name: &str, show: fn(&Summary) -> Option<f64>| {
        let mut row = vec![name.to_string(), String::new(), String::new()];
        row.extend(columns.map(|column| number(show(column))));
        rows.push(row);
    };
    below("mean", |column| column.mean);
    below("sd", |column| column.sd);
    below("95 % from", |column| column.interval.map(|[low, _]| low));
    below("95 % to", |column| column.interval.map(|[_, high]| high));
    format!(
        "By {unit}: the scores of its trials, and the accuracy of its windows. Majority: the share of\n\
         its most frequent class. AUC: undefined where a class does not occur, its mean over the others.\n\n{}",
        table(&[unit, "trials", "majority", "accuracy", "balanced", "macro F1", "AUC", "windows"], rows)
    )
}

fn classes(scores: &Scores) -> String {
    let mut rows = Vec::new();
    for (name, class) in scores.class_names.iter().zip(&scores.trial.by_class) {
        let mut row = vec![name.clone()];
        row.extend([class.precision, class.recall, class.f1].map(|score| number(Some(score))));
        row.extend([class.support.to_string(), class.predicted.to_string()]);
        rows.push(row);
    }
    let Overall { macro_average, weighted_average, .. } = &scores.trial.overall;
    for (name, average) in [("macro", macro_average), ("weighted", weighted_average)] {
        let score = |score: fn(&Average) -> f64| number(average.as_ref().map(score));
        rows.push(vec![name.into(), score(|a| a.precision), score(|a| a.recall), score(|a| a.f1)]);
    }
    let table = table(&["class", "precision", "recall", "F1", "true", "predicted"], rows);
    format!("By class, trials.\n\n{table}")
}

fn confusion(scores: &Scores) -> String {
    let mut header = vec!["actual"];
    header.extend(scores.class_names.iter().map(String::as_str));
    let mut rows = Vec::new();
    for (name, counts) in scores.class_names.iter().zip(scores.trial.confusion.counts()) {
        let support: u64 = counts.iter().sum();
        let cell = |&count: &u64| match support {
            0 => "0".into(),
            _ => format!("{count} ({:.0}%)", 100.0 * count as f64 / support as f64),
        };
        rows.push(std::iter::once(name.clone()).chain(counts.iter().map(cell)).collect());
    }
    let table = table(&header, rows);
    format!(
        "Confusion matrix of trials: rows actual, columns predicted, with the share of the row.\n\n{table}"
    )
}

fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(header.to_vec())
        .add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// Three decimals.
pub(crate) fn number(score: Option<f64>) -> String {
    score.map_or("undefined".into(), |score| format!("{score:.3}"))
}

/// Low and high end, in brackets.
pub(crate) fn range(interval: Option<[f64; 2]>) -> String {
    interval.map_or("undefined".into(), |[low, high]| format!("[{low:.3}, {high:.3}]"))
}
