//! `data inspect`: describes recordings.

use super::super::options::as_options;
use super::super::output::{out, out_json};
use super::super::progress::Terminal;
use crate::config::DemoConfig;
use crate::data::inspect::{self, Inspection};
use crate::data::labels::{LabelScheme, Labels, RatingScale, TieRule};
use crate::data::npz::Layout;
use crate::data::source::{Facts, Source};
use crate::error::Result;
use clap::Args;
use std::path::PathBuf;

/// The arguments of `engine data inspect`.
#[derive(Args)]
pub struct InspectCommand {
    /// A DEAP folder or file, a .ts or .npz file, or `demo` for generated recordings
    path: PathBuf,
    /// Label scheme whose classes are counted [default: valence for ratings, class for archives]
    #[arg(long, value_enum)]
    label: Option<LabelScheme>,
    /// Lowest and highest possible rating, such as 1-5 [default: 1-9 for DEAP and demo]
    #[arg(long, value_name = "LOW-HIGH", allow_hyphen_values = true)]
    scale_range: Option<RatingScale>,
    /// Ratings above this are high [default: the middle of the scale]
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    threshold: Option<f64>,
    /// How a rating equal to the threshold counts
    #[arg(long, value_enum, default_value_t = TieRule::Above)]
    tie: TieRule,
    /// Order of the axes of .npz and .npy windows [default: ntc, with a warning where that looks wrong]
    #[arg(long, value_enum, value_name = "AXES")]
    layout: Option<Layout>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl InspectCommand {
    /// Prints the description.
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let source = Source::open(&self.path, None, &DemoConfig::default().spec(), terminal)?
            .with_layout(self.layout)?;
        let labels = |facts: &Facts| {
            let scale = facts.rating_scale.or(self.scale_range);
            let default =
                if facts.class_names.is_empty() { LabelScheme::Valence } else { LabelScheme::Class };
            Labels {
                scheme: self.label.unwrap_or(default),
                scale,
                threshold: self.threshold.unwrap_or(scale.unwrap_or(RatingScale::NINE).middle()),
                rule: self.tie,
                dead_zone: 0.0,
            }
        };
        let inspection = Inspection::of(&source, labels, terminal)?;
        if self.json {
            return out_json(&inspection);
        }
        out(&as_options(&inspect::render(&inspection)))
    }
}
