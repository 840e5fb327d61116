//! Score tables as plain text: Markdown tables of at most 100 columns, without colors.

use super::report::Scores;
use super::table::{ScoreTable, notes};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// The width of a table in characters.
const WIDTH: u16 = 100;

/// The confusion matrix of more classes than this does not fit; `--json` prints it.
const MATRIX_CLASSES: usize = 10;

/// An explanation of columns of [`ScoreTable::by_group`].
const GROUP_NOTES: &str = "majority: the share of the most frequent class\n\
                           intervals over folds: corrected for their overlapping training parts (Nadeau and Bengio 2003)\n\
                           AUC: undefined where a class does not occur; the mean is over the others";

/// The verdict, and all tables of a run: the scores with their baselines, by fold, by subject and by class,
/// the scores of the probabilities, and the confusion matrix. All are of trials where no title names windows.
pub fn render(scores: &Scores) -> String {
    let mut parts = Vec::new();
    if let Some(verdict) = &scores.verdict {
        parts.push(table(&ScoreTable::verdict(verdict)));
        parts.extend(verdict.text.iter().map(|paragraph| wrapped(paragraph)));
    }
    parts.extend(scores.permutation.iter().map(|test| table(&ScoreTable::permutation(test))));
    if let Some(tuning) = &scores.tuning {
        parts.extend([table(&ScoreTable::tuning(tuning)), wrapped(&tuning.text())]);
    }
    parts.extend([table(&ScoreTable::overall(scores)), notes(&scores.baselines).join("\n")]);
    let (folds, subjects) = (&scores.trial.by_fold, &scores.trial.by_subject);
    let before = parts.len();
    // A single group repeats the overall scores, and the folds of leave one subject out are the subjects.
    if folds.rows.len() > 1 && folds.rows != subjects.rows {
        parts.push(table(&ScoreTable::by_group("fold", folds, &scores.window.by_fold)));
    }
    if subjects.rows.len() > 1 {
        parts.push(table(&ScoreTable::by_group("subject", subjects, &scores.window.by_subject)));
    }
    if parts.len() > before {
        parts.push(GROUP_NOTES.into());
    }
    parts.push(table(&ScoreTable::by_class(scores)));
    parts.push(table(&ScoreTable::probabilities(scores)));
    if scores.class_names.len() <= MATRIX_CLASSES {
        let title = "Confusion matrix of trials: rows actual, columns predicted, with the share of the row";
        parts.push(table(&ScoreTable::confusion(title, &scores.trial.confusion, &scores.class_names)));
    }
    parts.join("\n\n") + "\n"
}

/// A paragraph in lines of at most [`WIDTH`] characters, as the tables have.
pub(crate) fn wrapped(paragraph: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in paragraph.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH as usize {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text
}

/// One table below its title.
pub fn table(scores: &ScoreTable) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(&scores.header);
    for row in &scores.rows {
        let mut cells = vec![row.name.clone()];
        cells.extend(row.cells.iter().map(ToString::to_string));
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}.\n\n{table}", scores.title)
}
