//! `data demo`: writes generated recordings.

use super::super::output::out;
use super::super::progress::Terminal;
use crate::data::demo::{self, DemoSpec};
use crate::error::Result;
use clap::Args;
use std::path::PathBuf;

/// The end of `--help`.
const HELP: &str = "\
The signals are random, with known effects: of the rated emotion, of the subject and of the trial. So \
the right answer is known: with `--effect 0`, no honest split can beat the baselines.

Examples:
  engine data demo --out recordings --subjects 6
  engine crossval --data recordings --split subject";

/// The arguments of `engine data demo`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct DemoCommand {
    /// Folder for the files s01.dat, s02.dat, ...; existing files are never overwritten
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Number of subjects, 1 to 32; each takes 103 MB
    #[arg(long, value_name = "N", default_value_t = DemoSpec::default().subjects)]
    subjects: u32,
    /// Seed of the signals and ratings
    #[arg(long, value_name = "SEED", default_value_t = DemoSpec::default().seed)]
    seed: u64,
    /// Strength of the emotion's effect on the signals; 0: none
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().effect)]
    effect: f64,
    /// Standard deviation of that effect between subjects, as a share of it
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().effect_sd)]
    effect_sd: f64,
    /// Strength of the effect that is unique to each trial, which a leaky split learns
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().trial_sd)]
    trial_sd: f64,
    /// Strength of the effect that is unique to each subject
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().subject_sd)]
    subject_sd: f64,
    /// How much subjects differ in how often they rate high
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().prior_sd)]
    prior_sd: f64,
}

impl DemoCommand {
    /// Writes the files.
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        demo::write_folder(&self.spec(), &self.out, terminal)?;
        out(&format!("{} subjects in {}", self.subjects, self.out.display()))
    }

    fn spec(&self) -> DemoSpec {
        DemoSpec {
            subjects: self.subjects,
            seed: self.seed,
            effect: self.effect,
            effect_sd: self.effect_sd,
            trial_sd: self.trial_sd,
            subject_sd: self.subject_sd,
            prior_sd: self.prior_sd,
        }
    }
}
