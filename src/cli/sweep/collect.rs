//! `sweep collect`.

use crate::cli::output::{out, out_json};
use crate::cli::progress::Terminal;
use crate::error::{Error, Result};
use crate::run;
use crate::sweep::{Collection, Sweep};
use clap::Args;
use std::path::PathBuf;

/// The folder of predictions whose folds were put together.
const PREDICTIONS: &str = "predictions";

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine sweep collect runs/sweep-cell-label\n  engine sweep collect runs/sweep-cell-label --json\n\nPrints a row for \
each combination of the grid: the mean over its seeds with an interval over subjects, and the spread of the seeds beside it. Writes sweep.html, sweep.csv and sweep.json \
into the folder. Folds that are tasks are put together and scored as one cross-validation; predictions/ has the file that `engine crossval` would have \
written."
)]
pub struct CollectCommand {
    /// Folder of the sweep
    #[arg(value_name = "SWEEP")]
    sweep: PathBuf,
    /// Collect the tasks that have scores, and say which have none
    #[arg(long)]
    partial: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl CollectCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let sweep = Sweep::open(&self.sweep)?;
        let collection = Collection::read(&sweep, self.partial, terminal)?;
        match self.json {
            true => out_json(&collection)?,
            false => out(&collection.text())?,
        }
        let json =
            serde_json::to_string_pretty(&collection).map_err(|e| Error::data(format!("sweep: {e}")))?;
        let file = |name: &str| sweep.path().join(name);
        run::write_file(&file("sweep.json"), format!("{json}\n").as_bytes())?;
        run::write_file(&file("sweep.csv"), &collection.csv()?)?;
        run::write_file(&file("sweep.html"), collection.page().as_bytes())?;
        let folder = file(PREDICTIONS);
        if folder.exists() {
            // Those of an earlier collection may be of runs that are no longer there.
            std::fs::remove_dir_all(&folder).map_err(|e| Error::io("remove", &folder, e))?;
        }
        if !collection.joined.is_empty() {
            std::fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, e))?;
        }
        for (name, predictions) in &collection.joined {
            run::write_file(&folder.join(format!("{name}.csv")), predictions)?;
        }
        terminal.say(&format!("page     {}", file("sweep.html").display()));
        Ok(())
    }
}
