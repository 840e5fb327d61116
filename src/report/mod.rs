//! The page of a run, report.html: its scores, how far they can be trusted, and how they were made. One file
//! that loads nothing and runs nothing.
//!
//! Its parts stand each on its own, for other pages to use.

mod cases;
pub(crate) mod chart;
pub(crate) mod curves;
pub(crate) mod frame;
mod histogram;
mod permutation;
pub(crate) mod provenance;
mod scope;
pub(crate) mod scores;
mod training;
mod tuning;
mod unscored;

pub use unscored::write_unscored;

use crate::error::Result;
use crate::experiment::Record;
use crate::metrics::{Prediction, Scores, prediction};
use crate::run::RunFolder;
use maud::{Markup, html};

/// The contents of a page.
pub struct Page<'a> {
    /// Configuration, manifest and epochs of the run.
    pub record: &'a Record,
    /// The scores to show.
    pub scores: &'a Scores,
    /// One for each test window.
    pub predictions: &'a [Prediction],
    /// Which weights were scored and on what, if that is not the run itself.
    pub note: Option<&'a str>,
}

/// Writes report.html of a run that has these scores.
pub fn write(folder: &RunFolder, scores: &Scores, predictions: &[Prediction]) -> Result<()> {
    let record = Record::read(folder.path())?;
    Page { record: &record, scores, predictions, note: None }.write(folder, "report.html")
}

impl Page<'_> {
    /// Writes the page into a run's folder, as report.html or under another name.
    pub fn write(&self, folder: &RunFolder, file: &str) -> Result<()> {
        folder.write(file, self.html()?.as_bytes())
    }

    /// The page as HTML. Refuses predictions that are not of whole trials, see [`prediction::trials`].
    pub fn html(&self) -> Result<String> {
        let trials = prediction::trials(self.predictions)?;
        Ok(frame::frame(&format!("{}: report", self.record.name()), &self.body(&trials)).into_string())
    }

    fn body(&self, trials: &[Prediction]) -> Markup {
        let Page { record, scores, .. } = self;
        let kind = record.manifest.split.kind;
        let classes = &scores.class_names;
        let several = scores.trial.by_subject.rows.len() > 1;
        html! {
            header {
                h1 { (record.name()) }
                p.under {
                    (record.manifest.dataset.labels) " · split by " (kind.name()) " · "
                    (record.manifest.selected_folds.len()) " of " (record.folds.len()) " folds"
                    (scope::limits(&record.manifest))
                }
                @if let Some(note) = self.note { p.under { (note) } }
            }
            @if record.manifest.split.leaks() { (provenance::leak_banner(record)) }
            section.result #result aria-labelledby="result-heading" {
                h2 #result-heading { "Result" }
                (scores::headline(scores, &scope::headline(&record.manifest)))
                (scope::notes(&record.manifest))
            }
            (frame::section("scores", "Scores and baselines", &scores::score_table(scores)))
            (permutation::permutation_section(scores.permutation.as_ref()))
            (tuning::tuning_section(scores.tuning.as_ref()))
            @if several { (frame::section("subjects", "By subject", &scores::subject_bars(scores, trials))) }
            (frame::section("confusion", "Confusion matrices", &html! {
                p.under { "Rows actual, columns predicted; shades and percentages are shares of the row." }
                div.grid {
                    (scores::confusion_table("Trials", &scores.trial.confusion, classes))
                    (scores::confusion_table("Windows", &scores.window.confusion, classes))
                }
            }))
            (frame::section("classes", "By class", &scores::class_table(scores)))
            (frame::section("roc", "ROC curves of trials", &curves::roc_chart(trials, classes)))
            (frame::section("training", "Training", &html! {
                (training::tested(record))
                (curves::curve_chart(&record.epochs, &record.folds, &record.tested))
            }))
            (frame::section("split", "Split and leakage", &provenance::split_table(record)))
            @if let Some(ledger) = &record.manifest.dataset.cases {
                (frame::section("cases", "Cases", &cases::cases(ledger)))
            }
            (frame::section("network", "Network", &html! {
                @if record.manifest.tuning.is_some() {
                    p.under { "Of the settings without the choice; the network of a fold is that of its candidate." }
                }
                (provenance::network_table(&record.manifest.network))
            }))
            (frame::section("repeat", "Repeating this run", &provenance::repeat(record)))
        }
    }
}
