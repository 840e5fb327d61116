//! `data inspect` and `data demo`.

use super::output::{out, out_json};
use super::progress::Terminal;
use crate::config::DemoConfig;
use crate::data::demo::{self, DemoSpec};
use crate::data::inspect::{self, Inspection};
use crate::data::labels::{LabelScheme, Labels, TieRule};
use crate::data::source::Source;
use crate::error::Result;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum DataCommand {
    /// Say what is in there: subjects, trials, channels, rates, ratings, classes, bad signals
    Inspect(InspectCommand),
    /// Write demo recordings as files in DEAP's format
    Demo(DemoCommand),
}

#[derive(Args)]
pub struct InspectCommand {
    /// A DEAP folder or file, a .ts or .npz file, or `demo`
    path: PathBuf,
    /// Count classes under this scheme [default: valence for ratings, class for archives]
    #[arg(long, value_enum)]
    label: Option<LabelScheme>,
    /// Ratings beyond this are high
    #[arg(long, value_name = "X", default_value_t = 5.0)]
    threshold: f64,
    /// Where a rating exactly on the threshold goes
    #[arg(long, value_enum, default_value_t = TieRule::Above)]
    tie: TieRule,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct DemoCommand {
    /// The folder to write s01.dat, s02.dat, ... to; files there are never overwritten
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many subjects, 1 to 32, of 103 MB each
    #[arg(long, value_name = "N", default_value_t = DemoSpec::default().subjects)]
    subjects: u32,
    /// Seed of the signals and ratings
    #[arg(long, value_name = "SEED", default_value_t = DemoSpec::default().seed)]
    seed: u64,
    /// How strongly emotion shows in the signals; 0: not at all
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().effect)]
    effect: f64,
    /// How much that differs between subjects
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().effect_sd)]
    effect_sd: f64,
    /// Strength of each trial's own fingerprint
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().trial_sd)]
    trial_sd: f64,
    /// Strength of each subject's own fingerprint
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().subject_sd)]
    subject_sd: f64,
    /// How much subjects differ in how often they rate high
    #[arg(long, value_name = "X", default_value_t = DemoSpec::default().prior_sd)]
    prior_sd: f64,
}

impl DataCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        match self {
            DataCommand::Inspect(command) => command.run(terminal),
            DataCommand::Demo(command) => {
                demo::write_folder(&command.spec(), &command.out, terminal)?;
                out(&format!("{} subjects in {}", command.subjects, command.out.display()))
            }
        }
    }
}

impl DemoCommand {
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

impl InspectCommand {
    fn run(&self, terminal: &Terminal) -> Result<()> {
        let source = Source::open(&self.path, None, &DemoConfig::default().spec(), terminal)?;
        let labels = |own_classes: &[String]| {
            let default = if own_classes.is_empty() { LabelScheme::Valence } else { LabelScheme::Class };
            Labels {
                scheme: self.label.unwrap_or(default),
                threshold: self.threshold,
                rule: self.tie,
                dead_zone: 0.0,
            }
        };
        let inspection = Inspection::of(&source, labels, terminal)?;
        if self.json {
            return out_json(&inspection);
        }
        out(&inspect::render(&inspection))
    }
}
