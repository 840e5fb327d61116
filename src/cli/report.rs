//! `report`: the page of a finished run, from its files.

use super::output::out;
use super::progress::Terminal;
use super::saved::warn_if_killed;
use crate::error::Result;
use crate::experiment::Record;
use crate::report::{self, Page};
use crate::run::{RunFolder, looks};
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
#[command(
    after_help = "Reads the run folder only, not the recordings, and prints where the page is.\n\nExample:\n  engine report runs/lstm-valence-trial"
)]
pub struct ReportCommand {
    /// The folder of a finished run
    run: PathBuf,
}

impl ReportCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        warn_if_killed(&self.run, terminal);
        let folder = RunFolder::open(&self.run)?;
        let record = Record::read(folder.path())?;
        if !record.manifest.split.has_test() {
            record.manifest.check_sealed(folder.path())?;
            report::write_unscored(&folder)?;
            return out(&folder.file("report.html").display().to_string());
        }
        let (mut scores, predictions) = record.results()?;
        looks::count(folder.path(), "best", &mut scores, &predictions, terminal);
        let page = Page { record: &record, scores: &scores, predictions: &predictions, note: None };
        page.write(&folder, "report.html")?;
        out(&folder.file("report.html").display().to_string())
    }
}
