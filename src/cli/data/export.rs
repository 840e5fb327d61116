//! `data export`: writes a data set as NumPy arrays.

use super::super::output::out;
use super::super::progress::Terminal;
use crate::config::{Config, DataConfig, DemoConfig, FramesConfig, LabelsConfig};
use crate::error::Result;
use crate::experiment;
use clap::Args;
use std::path::PathBuf;

/// The end of `--help`.
const HELP: &str = "\
The windows are those that `engine train` with the same options would see before scaling and \
normalization: (N, T, C), with the frames as time steps and the features as channels. All that is known \
of them is beside them: labels, ratings, people, trials, stimuli, parts, lengths, rate. `engine data formats` \
describes the arrays. `engine` reads the file like any other.

Examples:
  engine data export DEAP --out features.npz --label arousal
  engine data export X_TRAIN.ts --test X_TEST.ts --out x.npz
  engine data export demo --out raw.npz --frames raw --channels gsr,temp --window 10";

/// The arguments of `engine data export`.
#[derive(Args)]
#[command(after_help = HELP)]
#[command(mut_arg("path", |path| path.long(None).index(1).default_value(None).required(true)))]
pub struct ExportCommand {
    /// The file to write, X.npz; an existing file is never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    data: DataConfig,
    #[command(flatten)]
    demo: DemoConfig,
    #[command(flatten)]
    frames: FramesConfig,
    #[command(flatten)]
    labels: LabelsConfig,
}

impl ExportCommand {
    /// Writes the file.
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let config = Config {
            data: self.data.clone(),
            demo: self.demo.clone(),
            frames: self.frames.clone(),
            labels: self.labels.clone(),
            ..Config::default()
        };
        let exported = experiment::export(&config, &self.out, terminal)?;
        let [windows, steps, features] = exported.shape;
        let file = self.out.display();
        let read = exported.arrays.iter().map(|name| format!("d[\"{name}\"]")).collect::<Vec<_>>().join(", ");
        let names = exported.arrays.join(", ");
        out(&format!("{windows} windows of {steps} time steps and {features} features in {file}"))?;
        out(&format!("import numpy as np; d = np.load({:?}); {names} = {read}", file.to_string()))
    }
}
