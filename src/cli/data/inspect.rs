//! `data inspect`: describes recordings.

use super::super::options::as_options;
use super::super::output::{out, out_json};
use super::super::progress::Terminal;
use crate::config::DemoConfig;
use crate::data::inspect::{self, Inspection};
use crate::data::labels::{LabelScheme, Labels, TieRule};
use crate::data::source::Source;
use crate::error::{Error, Result};
use crate::word::word;
use clap::Args;
use std::path::PathBuf;

/// The arguments of `engine data inspect`.
#[derive(Args)]
pub struct InspectCommand {
    /// A DEAP folder or file, a .ts or .npz file, or `demo` for generated recordings
    path: PathBuf,
    /// Label scheme whose classes are counted [default: valence for ratings, class for archives]
    #[arg(long, value_enum, value_parser = word::<LabelScheme>())]
    label: Option<LabelScheme>,
    /// Ratings above this are high [default: 5]
    #[arg(long, value_name = "X")]
    threshold: Option<f64>,
    /// How a rating equal to the threshold counts [default: above]
    #[arg(long, value_enum, value_parser = word::<TieRule>())]
    tie: Option<TieRule>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl InspectCommand {
    /// Prints the description.
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let source = Source::open(&self.path, None, &DemoConfig::default().spec(), terminal)?;
        let labels = |own_classes: &[String]| {
            let default = if own_classes.is_empty() { LabelScheme::Valence } else { LabelScheme::Class };
            Labels {
                scheme: self.label.unwrap_or(default),
                threshold: self.threshold.unwrap_or(5.0),
                rule: self.tie.unwrap_or(TieRule::Above),
                dead_zone: 0.0,
            }
        };
        let inspection = Inspection::of(&source, labels, terminal)?;
        let of_ratings = [("threshold", self.threshold.is_some()), ("tie", self.tie.is_some())];
        if let Some((option, _)) = of_ratings.iter().find(|(_, is_given)| *is_given)
            && inspection.ratings.is_empty()
        {
            return Err(Error::config(format!(
                "--{option} would have no effect: these data have no ratings"
            ))
            .hint(format!("leave --{option} out")));
        }
        if self.json {
            return out_json(&inspection);
        }
        out(&as_options(&inspect::render(&inspection)))
    }
}
