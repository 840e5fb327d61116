//! `data inspect`: describes recordings.

use super::super::options::as_options;
use super::super::output::{out, out_json};
use super::super::progress::Terminal;
use crate::config::DemoConfig;
use crate::data::formats::Request;
use crate::data::inspect::{self, Inspection};
use crate::data::labels::{LabelScheme, Labels, RatingScale, TieRule};
use crate::data::npz::Layout;
use crate::data::source::{Facts, Source};
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
    /// Lowest and highest possible rating, such as 1-5 [default: 1-9 for DEAP and demo]
    #[arg(long, value_name = "LOW-HIGH", allow_hyphen_values = true)]
    scale_range: Option<RatingScale>,
    /// Ratings above this are high [default: the middle of the scale]
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    threshold: Option<f64>,
    /// How a rating equal to the threshold counts [default: above]
    #[arg(long, value_enum, value_parser = word::<TieRule>())]
    tie: Option<TieRule>,
    /// Order of the axes of .npz and .npy windows [default: ntc, with a warning where that looks wrong]
    #[arg(long, value_enum, value_name = "AXES", value_parser = word::<Layout>())]
    layout: Option<Layout>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl InspectCommand {
    /// Prints the description.
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let demo = DemoConfig::default().spec();
        let request = Request { path: &self.path, test: None, demo: &demo, layout: self.layout };
        let source = Source::open(&request, terminal)?;
        let labels = |facts: &Facts| {
            let scale = facts.rating_scale.or(self.scale_range);
            let default =
                if facts.class_names.is_empty() { LabelScheme::Valence } else { LabelScheme::Class };
            Labels {
                scheme: self.label.unwrap_or(default),
                scale,
                threshold: self.threshold.unwrap_or(scale.unwrap_or(RatingScale::NINE).middle()),
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
