//! The tables of a run's scores: titles, headers and typed cells, for any renderer.
//!
//! [`text`](super::text) renders them for terminals; the run's page renders them as HTML.

use super::baseline::{Baseline, Baselines};
use super::confusion::{Average, Confusion, Overall};
use super::interval::{Summary, mean};
use super::permutation::{PermutationTest, StatisticTest};
use super::report::{Groups, Level, Scores};
use super::tuning::{Candidate, Tuning};
use super::verdict::{Unit, Verdict};
use std::fmt;

/// A table of scores.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreTable {
    /// The title, without a final period.
    pub title: String,
    /// The name of each column. The first column holds the rows' names.
    pub header: Vec<String>,
    /// The rows from top to bottom.
    pub rows: Vec<Row>,
    /// The number of rows at the end that summarize the others or compare with them.
    pub summary_rows: usize,
}

/// A row of a [`ScoreTable`].
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The name of the class, the fold, the baseline ...
    pub name: String,
    /// A cell for each column but the first.
    pub cells: Vec<Cell>,
}

/// A cell of a [`ScoreTable`]. `Display` writes it as text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// The column does not apply to the row.
    Empty,
    /// A number of trials or windows.
    Count(u64),
    /// A score; `None` is undefined.
    Score(Option<f64>),
    /// The lower and the upper end of a confidence interval; `None` is undefined.
    Interval(Option<[f64; 2]>),
    /// A p value; `None` is undefined.
    Probability(Option<f64>),
    /// A count of a confusion matrix.
    Share {
        /// The number of samples.
        count: u64,
        /// Their share of the actual class's samples; 0 if it has none.
        share: f64,
        /// Whether the predicted class is the actual one.
        correct: bool,
    },
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Cell::Empty => Ok(()),
            Cell::Count(count) => write!(f, "{count}"),
            Cell::Score(Some(score)) => write!(f, "{:.3}", unsigned_zero(score)),
            Cell::Interval(Some([low, high])) => {
                write!(f, "[{:.3}, {:.3}]", unsigned_zero(low), unsigned_zero(high))
            }
            Cell::Probability(Some(p)) if p < 0.001 => f.write_str("< 0.001"),
            Cell::Probability(Some(p)) => write!(f, "{p:.3}"),
            Cell::Score(None) | Cell::Interval(None) | Cell::Probability(None) => f.write_str("undefined"),
            Cell::Share { count, share, .. } => write!(f, "{count} ({:.0}%)", 100.0 * share),
        }
    }
}

/// Three digits of a small negative number are 0, not -0.
fn unsigned_zero(value: f64) -> f64 {
    if value.abs() < 0.0005 { 0.0 } else { value }
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, cells: impl Into<Vec<Cell>>) -> Self {
        Row { name: name.into(), cells: cells.into() }
    }

    /// A row of [`ScoreTable::overall`] with the scores of a confusion matrix.
    fn overall(name: String, overall: &Overall, interval: Cell, auc: Cell) -> Self {
        let f1 = overall.macro_average.as_ref().map(|average| average.f1);
        let [balanced, f1, kappa, mcc] =
            [overall.balanced_accuracy, f1, overall.kappa, overall.mcc].map(Cell::Score);
        Row::new(name, [Cell::Score(overall.accuracy), interval, balanced, f1, kappa, mcc, auc])
    }
}

impl ScoreTable {
    /// A table whose rows are all of one kind.
    pub(crate) fn new(title: impl Into<String>, header: &[&str], rows: Vec<Row>) -> Self {
        let header = header.iter().map(ToString::to_string).collect();
        ScoreTable { title: title.into(), header, rows, summary_rows: 0 }
    }

    /// Marks the last `rows` as summaries.
    pub(crate) fn with_summary(self, rows: usize) -> Self {
        ScoreTable { summary_rows: rows, ..self }
    }

    /// The overall scores of subjects, trials and windows, and below them those of the baselines.
    pub fn overall(scores: &Scores) -> Self {
        let (trial, window, subjects) = (&scores.trial, &scores.window, &scores.trial.by_subject);
        let means = [&subjects.balanced_accuracy, &subjects.macro_f1, &subjects.auc];
        let [balanced, f1, auc] = means.map(|summary| Cell::Score(summary.mean));
        let (accuracy, interval) = (Cell::Score(subjects.accuracy.mean), subjects.accuracy.interval);
        let by_subject = [accuracy, Cell::Interval(interval), balanced, f1, Cell::Empty, Cell::Empty, auc];
        let level = |unit: &str, level: &Level, interval| {
            let name = format!("{} {unit}", level.overall.n);
            Row::overall(name, &level.overall, interval, Cell::Score(level.auc))
        };
        let mut rows = vec![
            Row::new(format!("{} subjects, mean", subjects.rows.len()), by_subject),
            level("trials", trial, Cell::Interval(trial.accuracy_interval)),
            level("windows", window, Cell::Empty),
        ];
        let baselines = named_baselines(&scores.baselines);
        let below = baselines.len();
        rows.extend(
            baselines
                .into_iter()
                .map(|(name, b)| Row::overall(name.into(), &b.scores, Cell::Empty, Cell::Empty)),
        );
        let header = ["", "accuracy", "95 % interval", "balanced", "macro F1", "kappa", "MCC", "AUC"];
        ScoreTable::new("All scores, and below them those of the baselines", &header, rows)
            .with_summary(below)
    }

    /// The rules that the network has to beat, with its differences to them, and below them those for
    /// context.
    pub fn verdict(verdict: &Verdict) -> Self {
        let row = |name: &str, accuracy| {
            vec![Row::new(name, [Cell::Score(Some(accuracy)), Cell::Empty, Cell::Empty])]
        };
        let mut rows = row("the network", verdict.accuracy);
        for bar in &verdict.bars {
            let name = match bar.is_guessing() {
                true => format!("guessing ({} is lower)", bar.name),
                false => bar.name.clone(),
            };
            let numbers = [bar.accuracy, bar.difference].map(|value| Cell::Score(Some(value)));
            rows.push(Row::new(name, [numbers[0], numbers[1], Cell::Interval(Some(bar.interval))]));
        }
        rows.extend(
            verdict.context.iter().flat_map(|c| row(&format!("{}, for context", c.name), c.accuracy)),
        );
        let unit = match verdict.unit {
            Unit::Subject => "subjects, each of whom counts alike",
            Unit::Trial => "trials of one subject",
        };
        let title = format!("Accuracy over {} {unit}, and the network's differences", verdict.units);
        ScoreTable::new(title, &["", "accuracy", "difference", "95 % interval"], rows)
            .with_summary(verdict.context.len())
    }

    /// The run's statistics beside those of its permutations.
    pub fn permutation(test: &PermutationTest) -> Self {
        let row = |t: &StatisticTest| {
            let scores = [Some(t.observed), t.null_mean, t.null_sd, t.highest()].map(Cell::Score);
            let counts = [Cell::Count(t.reached as u64), Cell::Probability(Some(t.p))];
            Row::new(&t.name, [&scores[..], &counts[..]].concat())
        };
        let title = format!(
            "Permutation test: this run, and {} trainings on permuted labels; {}",
            test.n, test.exchangeable
        );
        let header = ["", "this run", "permuted, mean", "sd", "highest", "as high", "p"];
        ScoreTable::new(title, &header, test.statistics.iter().map(row).collect())
    }

    /// The candidates of a choice inside the folds: by how many folds each was chosen, and its inner
    /// accuracies over the folds.
    pub fn tuning(tuning: &Tuning) -> Self {
        let row = |(i, candidate): (usize, &Candidate)| {
            let inner = tuning.accuracies(i);
            let extremes = [inner.iter().copied().reduce(f64::min), inner.iter().copied().reduce(f64::max)];
            let scores = [mean(&inner), extremes[0], extremes[1]].map(Cell::Score);
            Row::new(&candidate.setting, [&[Cell::Count(candidate.chosen as u64)][..], &scores].concat())
        };
        let title = format!(
            "Choice inside the folds: candidates by their accuracy over {} inner folds, and the folds that chose them",
            tuning.inner_folds
        );
        let header = ["candidate", "chosen by", "inner accuracy, mean", "lowest", "highest"];
        ScoreTable::new(title, &header, tuning.candidates.iter().enumerate().map(row).collect())
    }

    /// The scores of the probabilities, not only of the classes that they select.
    pub fn probabilities(scores: &Scores) -> Self {
        let row = |unit: &str, level: &Level| {
            let scores = [level.auc, level.average_precision, level.brier, level.log_loss];
            Row::new(format!("{} {unit}", level.overall.n), scores.map(Cell::Score))
        };
        ScoreTable::new(
            "Probabilities. Higher is better: AUC, average precision (PR-AUC). Lower: Brier score, log loss",
            &["", "AUC", "average precision", "Brier", "log loss"],
            vec![row("trials", &scores.trial), row("windows", &scores.window)],
        )
    }

    /// The scores of each fold or subject, named by `unit`, and their means, standard deviations and 95 %
    /// intervals.
    pub fn by_group(unit: &str, trials: &Groups, windows: &Groups) -> Self {
        let mut rows = Vec::new();
        for (trial, window) in trials.rows.iter().zip(&windows.rows) {
            let mut cells = vec![Cell::Count(trial.n)];
            let scores = [trial.majority, trial.accuracy, trial.balanced_accuracy, trial.macro_f1, trial.auc];
            cells.extend(scores.map(Cell::Score));
            cells.push(Cell::Score(window.accuracy));
            rows.push(Row::new(&trial.name, cells));
        }
        let columns =
            [&trials.accuracy, &trials.balanced_accuracy, &trials.macro_f1, &trials.auc, &windows.accuracy];
        let mut below = |name: &str, value: fn(&Summary) -> Option<f64>| {
            let mut cells = vec![Cell::Empty, Cell::Empty];
            cells.extend(columns.map(|column| Cell::Score(value(column))));
            rows.push(Row::new(name, cells));
        };
        below("mean", |column| column.mean);
        below("sd", |column| column.sd);
        below("95 % from", |column| column.interval.map(|[low, _]| low));
        below("95 % to", |column| column.interval.map(|[_, high]| high));
        let title = format!("By {unit}: scores of trials, and accuracy of windows");
        let header = [unit, "trials", "majority", "accuracy", "balanced", "macro F1", "AUC", "windows"];
        ScoreTable::new(title, &header, rows).with_summary(4)
    }

    /// Precision, recall and F1 of trials for each class, and their means.
    pub fn by_class(scores: &Scores) -> Self {
        let mut rows = Vec::new();
        for (name, class) in scores.class_names.iter().zip(&scores.trial.by_class) {
            let [precision, recall, f1] =
                [class.precision, class.recall, class.f1].map(|score| Cell::Score(Some(score)));
            let counts = [Cell::Count(class.support), Cell::Count(class.predicted)];
            rows.push(Row::new(name, [precision, recall, f1, counts[0], counts[1]]));
        }
        let Overall { macro_average, weighted_average, .. } = &scores.trial.overall;
        for (name, average) in [("macro mean", macro_average), ("weighted mean", weighted_average)] {
            let score = |score: fn(&Average) -> f64| Cell::Score(average.as_ref().map(score));
            let [precision, recall, f1] = [score(|a| a.precision), score(|a| a.recall), score(|a| a.f1)];
            rows.push(Row::new(name, [precision, recall, f1, Cell::Empty, Cell::Empty]));
        }
        let header = ["class", "precision", "recall", "F1", "support", "predicted"];
        ScoreTable::new("Trials by class", &header, rows).with_summary(2)
    }

    /// A confusion matrix: rows are actual classes, columns predicted ones.
    pub fn confusion(title: &str, confusion: &Confusion, classes: &[String]) -> Self {
        let row = |(actual, (name, counts)): (usize, (&String, &Vec<u64>))| {
            let support = confusion.support(actual).max(1) as f64;
            let cell = |(predicted, &count): (usize, &u64)| {
                let share = count as f64 / support;
                Cell::Share { count, share, correct: actual == predicted }
            };
            Row::new(name, counts.iter().enumerate().map(cell).collect::<Vec<_>>())
        };
        let rows = classes.iter().zip(confusion.counts()).enumerate().map(row).collect();
        let header: Vec<&str> = ["actual"].into_iter().chain(classes.iter().map(String::as_str)).collect();
        ScoreTable::new(title, &header, rows)
    }
}

/// The baselines that are defined, with their names. A subject baseline that had to use the test labels of
/// every trial is named as an oracle.
pub(crate) fn named_baselines(baselines: &Baselines) -> Vec<(&'static str, &Baseline)> {
    let Baselines { global, subject, stimulus } = baselines;
    let own = if is_oracle(subject) { "subject oracle" } else { "subject majority" };
    let mut list = vec![("global majority", global), (own, subject)];
    list.extend(stimulus.as_ref().map(|stimulus| ("stimulus majority", stimulus)));
    list
}

fn is_oracle(subject: &Baseline) -> bool {
    subject.second_choice == subject.scores.n
}

/// An explanation of each row of [`ScoreTable::overall`].
pub fn notes(baselines: &Baselines) -> Vec<String> {
    let mut notes: Vec<String> = vec![
        "subjects: the mean of the subjects' scores over their trials; interval over subjects".into(),
        "trials: the mean probability of a trial's windows; Wilson interval, as if trials were independent"
            .into(),
        "global majority: the most frequent class of each fold's training trials".into(),
    ];
    let (subject, n) = (&baselines.subject, baselines.subject.scores.n);
    notes.push(match subject.second_choice {
        _ if is_oracle(subject) => {
            "subject oracle: the subject's most frequent class among its own test labels:\n  \
             the highest score that knowing the person's bias can reach"
                .into()
        }
        0 => "subject majority: the subject's most frequent class in training".into(),
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
