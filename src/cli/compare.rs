//! `compare`.

use super::output::{out, out_json};
use super::progress::Terminal;
use super::saved::warn_if_killed;
use crate::compare::RunComparison;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Progress;
use crate::run;
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine compare runs/lstm-valence-subject runs/gru-valence-subject\n  engine compare runs/lstm-* \
--page lstm.html\n  engine compare runs/a runs/b --json\n\nAll runs must be finished, of the same windows and labels, and tested on the \
same trials. They are paired by subject, or by trial where there is one subject: each person is a control of its own, so that much \
smaller differences show than between two intervals. Every pair of runs gets its difference in accuracy with a 95 % interval, \
Cohen's d, and a p value, also corrected for the number of pairs. The page shows the same with a chart. Reads the run folders only, \
not the recordings. docs/evaluation.md explains the methods."
)]
pub struct CompareCommand {
    /// Folders of finished runs
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Pair the runs by fold, with Nadeau and Bengio's correction
    #[arg(long)]
    by_fold: bool,
    /// Where to write the page
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,
}

impl CompareCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        self.runs.iter().for_each(|run| warn_if_killed(run, terminal));
        let page = self.page.clone().unwrap_or_else(|| "compare.html".into());
        refuse_other_file(&page)?;
        let comparison = RunComparison::of(&self.runs, self.by_fold)?;
        match self.json {
            true => out_json(&comparison)?,
            false => out(&comparison.table())?,
        }
        match run::write_file(&page, comparison.page().as_bytes()) {
            Ok(()) => terminal.say(&format!("report   {}", page.display())),
            // Without the option the page comes in addition, and there may be no place for it.
            Err(error) if self.page.is_none() => terminal.warn(&format!("no page: {}", error.message)),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Refuses to write a page in the place of a file that is none.
fn refuse_other_file(page: &Path) -> Result<()> {
    let is_page =
        |text: String| text.starts_with("<!DOCTYPE html>") && text.contains(" runs compared</title>");
    match page.exists() && !std::fs::read_to_string(page).is_ok_and(is_page) {
        true => Err(Error::new(
            ErrorKind::Io,
            format!("{} is there already, and compares no runs", page.display()),
        )
        .hint("name another file with `--page`")),
        false => Ok(()),
    }
}
