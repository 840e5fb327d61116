//! `evaluate`.

use super::progress::Terminal;
use super::saved::{Which, checked_config, locate};
use super::scores::print_scores;
use super::threads::set_threads;
use crate::backend::{DeviceChoice, Kind};
use crate::error::Result;
use crate::experiment::Record;
use crate::experiment::{self, Experiment};
use crate::metrics::{Prediction, Scores};
use crate::progress::Progress;
use crate::report::Page;
use crate::run::{Manifest, RunFolder, looks};
use crate::word::word;
use clap::Args;
use std::path::PathBuf;

/// The end of `--help`.
const HELP: &str = "\
Reads the recordings of the run again, predicts the test part of each fold with its saved weights, and \
prints the scores. A run without a test part (`engine train --all`) has none.

Examples:
  engine evaluate runs/lstm-valence-trial
  engine evaluate runs/lstm-valence-trial --checkpoint last --data /elsewhere/DEAP
  engine evaluate runs/lstm-valence-trial --backend cuda --precision bf16 --json";

/// The arguments of `engine evaluate`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct EvaluateCommand {
    /// A run folder
    run: PathBuf,
    /// Where the run's recordings are now [default: where they were]
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Where the TEST file of its .ts data set is now
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
    /// Saved weights to use
    #[arg(long, value_enum, value_parser = word::<Which>(), default_value_t = Which::Best)]
    checkpoint: Which,
    /// Compute backend [default: that of the run]
    #[arg(long, value_enum, value_parser = word::<Kind>())]
    backend: Option<Kind>,
    #[command(flatten)]
    device: DeviceChoice,
    /// Score the folds that have checkpoints, though the run has more
    #[arg(long)]
    partial: bool,
    /// Print the scores as JSON
    #[arg(long)]
    json: bool,
}

impl EvaluateCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let mut config =
            checked_config(&self.run, &["split.json", "permutations.csv", "tuning.json"], terminal)?;
        Manifest::read(&self.run)?.check_scored(&self.run)?;
        locate(&mut config, self.data.as_deref(), self.test.as_deref())?;
        config.split.split_file = Some(self.run.join("split.json"));
        config.run.choose(self.backend, &self.device);
        set_threads(config.run.threads)?;
        let which = self.checkpoint.name();
        experiment::checked_folds(&self.run, which, self.partial)?;
        let mut experiment = Experiment::prepare_saved(config, &self.run, which, terminal)?;
        experiment.is_unbound = Manifest::read(&self.run)?.unbound;
        let predictions = experiment.evaluate(&self.run, which)?;
        let mut scores = experiment.score(&predictions)?;
        scores = experiment.with_tuning(scores, &self.run)?;
        if self.checkpoint == Which::Best {
            // The permutations tested the weights that the run itself did.
            scores = experiment.with_permutation_test(scores, &self.run)?;
        }
        looks::count(&self.run, which, &mut scores, &predictions, terminal);
        print_scores(&experiment, &scores, self.json)?;
        // The scores are what was asked for; a run may lie where nothing can be written.
        match self.write_files(&experiment, &scores, &predictions) {
            Ok(path) => terminal.say(&format!("report   {}", path.display())),
            Err(error) => terminal.warn(&format!("no report page: {}", error.message)),
        }
        Ok(())
    }

    /// Writes the page, beside the run's own, which stays. Writes the scores.json of a run without a seal
    /// anew from the run's own predictions, because an earlier version may have written it.
    fn write_files(
        &self,
        experiment: &Experiment,
        scores: &Scores,
        predictions: &[Prediction],
    ) -> Result<PathBuf> {
        let folder = RunFolder::open(&self.run)?;
        let mut record = Record::read(&self.run)?;
        if self.checkpoint == Which::Last {
            record = record.with_last_weights();
        }
        let device = experiment.config.run.device()?.describe();
        let note = format!("The {} weights of each fold, scored again on {device}", self.checkpoint.name());
        let page = Page { record: &record, scores, predictions, note: Some(&note) };
        page.write(&folder, "evaluation.html")?;
        if record.manifest.files.is_empty()
            && let Some(own) = experiment.scores_of(&folder)?
        {
            experiment.write_scores(&folder, &own)?;
        }
        Ok(folder.file("evaluation.html"))
    }
}
