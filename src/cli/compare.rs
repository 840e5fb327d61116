//! `compare`.

use super::output::{out, out_json};
use super::progress::Terminal;
use super::saved::warn_if_killed;
use crate::compare::RunComparison;
use crate::error::Result;
use crate::progress::Progress;
use crate::run;
use clap::Args;
use std::path::PathBuf;

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
    #[arg(long, value_name = "FILE", default_value = "compare.html")]
    page: PathBuf,
    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,
}

impl CompareCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        self.runs.iter().for_each(|run| warn_if_killed(run, terminal));
        let comparison = RunComparison::of(&self.runs, self.by_fold)?;
        match self.json {
            true => out_json(&comparison)?,
            false => out(&comparison.table())?,
        }
        // The comparison is what was asked for; it may be made where nothing can be written.
        match run::write_file(&self.page, comparison.page().as_bytes()) {
            Ok(()) => terminal.say(&format!("report   {}", self.page.display())),
            Err(error) => terminal.warn(&format!("no page: {}", error.message)),
        }
        Ok(())
    }
}
