//! `data inspect`: describes recordings.

use super::super::options::as_options;
use super::super::output::{out, out_json};
use super::super::progress::Terminal;
use crate::config::{Config, DemoConfig};
use crate::data::distribution;
use crate::data::features::GsrUnit;
use crate::data::formats::Request;
use crate::data::frames::{Defect, FrameKind, Segment};
use crate::data::inspect::{self, Inspection};
use crate::data::labels::{LabelScheme, Labels, RatingScale, TieRule};
use crate::data::npz::Layout;
use crate::data::recording::Target;
use crate::data::source::{Facts, Source};
use crate::error::{Error, Result};
use crate::experiment;
use crate::progress::Progress;
use crate::word::word;
use clap::Args;
use std::path::PathBuf;

/// The end of `--help`.
const HELP: &str = "\
Examples:
  engine data inspect DEAP --label arousal
  engine data inspect windows.npz --json
  engine data inspect DEAP --features --channels gsr,pleth";

/// The arguments of `engine data inspect`.
#[derive(Args)]
#[command(after_help = HELP)]
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
    /// Describe the features by modality instead (`engine train --frames features`): their distribution by
    /// subject and class
    #[arg(long)]
    features: bool,
    /// Channels of the features: names, modalities or all [default: eeg if the data have EEG channels,
    /// otherwise all]
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "features")]
    channels: Vec<String>,
    /// Length in seconds of the window around a frame in which features of slow signals are measured
    /// [default: 30]
    #[arg(long, value_name = "S", requires = "features")]
    feature_window: Option<f64>,
    /// Quantity and unit of gsr channels [default: ohm for DEAP and demo; other files need it]
    #[arg(long = "gsr", value_enum, value_name = "UNIT", requires = "features", value_parser = word::<GsrUnit>())]
    gsr_unit: Option<GsrUnit>,
    /// Sampling rate in Hz, for files that do not state it
    #[arg(long, value_name = "HZ", requires = "features")]
    rate: Option<f64>,
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
        if self.features {
            return self.describe_features(&source, labels, terminal);
        }
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

    /// Prints the distributions of the features, as a training would make them.
    fn describe_features(
        &self,
        source: &Source,
        labels: impl Fn(&Facts) -> Labels,
        terminal: &Terminal,
    ) -> Result<()> {
        let mut config = Config::default();
        config.frames.frame_kind = Some(FrameKind::Features);
        config.frames.feature_window = self.feature_window;
        config.frames.gsr_unit = self.gsr_unit;
        config.data.channels = self.channels.clone();
        config.data.rate = self.rate;
        config.check()?;
        let (table, facts) = experiment::read_frames(&config, source, terminal)?;
        let labels = labels(&facts);
        let class = |segment: &Segment| match &segment.target {
            Target::Unknown => Ok(None),
            target => labels.class(target),
        };
        let of_segment = table.segments.iter().map(class).collect::<Result<Vec<_>>>()?;
        let is_labeled = table.segments.iter().any(|segment| segment.target != Target::Unknown);
        let names = if is_labeled { labels.classes(&facts.class_names) } else { Vec::new() };
        if table.defect_count > 0 {
            let found: Vec<String> = table.defects.iter().map(Defect::to_string).collect();
            terminal.warn(&format!("{} bad signals: {} ...", table.defect_count, found.join("; ")));
        }
        let found = distribution::distributions(&table, (&names, &of_segment));
        match self.json {
            true => out_json(&found),
            false => out(&distribution::render(&found)),
        }
    }
}
