//! The options of the network's input sequences and of their labels.

use super::defaults::default_from_flags;
use crate::data::bands::Band;
use crate::data::features::{Family, GsrUnit};
use crate::data::frames::{Baseline, FrameKind};
use crate::data::labels::{LabelScheme, RatingScale, TieRule};
use crate::data::normalize::{Normalize, Scale};
use crate::word::word;
use clap::Args;
use serde::{Deserialize, Serialize};

/// From signals to input sequences.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Frames and windows")]
#[serde(default, deny_unknown_fields)]
pub struct FramesConfig {
    /// Input of one time step (a frame) [default: bandpower for DEAP and demo, raw for archives]
    #[arg(long = "frames", value_enum, value_parser = word::<FrameKind>(), value_name = "KIND")]
    #[serde(deserialize_with = "crate::word::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_kind: Option<FrameKind>,
    /// Length of a frame of band power, entropy or features in seconds
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub frame_length: f64,
    /// Time from the start of one such frame to the start of the next, in seconds
    #[arg(long, value_name = "S", default_value_t = 0.5)]
    pub frame_step: f64,
    /// Frequency bands of such frames: names and limits in Hz, such as
    /// delta=1-4,theta=4-8 [default: theta=4-8,alpha=8-14,beta=14-31,gamma=31-45]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<Band>,
    /// Families of features for `--frames features` [default: all but rational-asymmetry]
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',', value_parser = word::<Family>())]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
    /// Length in seconds of the window around a frame in which features of slow signals (blinks, gsr, pleth,
    /// resp, temp) are measured [default: 30]
    #[arg(long, value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_window: Option<f64>,
    /// Quantity and unit of gsr channels [default: ohm for DEAP and demo; other files need it]
    #[arg(long = "gsr", value_enum, value_parser = word::<GsrUnit>(), value_name = "UNIT")]
    #[serde(deserialize_with = "crate::word::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gsr_unit: Option<GsrUnit>,
    /// Use of the baseline, the seconds before the stimulus; features of slow signals are never corrected
    /// [default: drop for raw frames and recordings without a baseline, otherwise correct]
    #[arg(long, value_enum, value_parser = word::<Baseline>(), value_name = "USE")]
    #[serde(deserialize_with = "crate::word::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// Length of a window (one input sequence) in seconds [default: 4 for DEAP and demo, the whole series for
    /// archives]
    #[arg(long, value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<f64>,
    /// Time from the start of one window to the start of the next, in seconds [default: the length of a
    /// window, so that windows do not overlap]
    #[arg(long, value_name = "S", alias = "step")]
    #[serde(alias = "step", skip_serializing_if = "Option::is_none")]
    pub window_step: Option<f64>,
    /// Features that the networks do not see: names of features, channels, modalities, bands, regions
    /// (frontal, central, temporal, parietal, occipital) or families
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leave_out: Vec<String>,
    /// Scaling of each window by itself, before normalization
    #[arg(long, value_enum, value_parser = word::<Scale>(), value_name = "KIND", default_value_t = Scale::None)]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub scale: Scale,
    /// Normalization: the data by whose mean and standard deviation each feature is standardized
    #[arg(long, value_enum, value_parser = word::<Normalize>(), value_name = "BY", default_value_t = Normalize::Train, alias = "normalise")]
    #[serde(deserialize_with = "crate::word::deserialize")]
    #[serde(alias = "normalise")]
    pub normalize: Normalize,
}

default_from_flags!(FramesConfig);

/// From ratings to classes.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Labels")]
#[serde(default, deny_unknown_fields)]
pub struct LabelsConfig {
    /// Label to predict [default: valence for ratings, class for archives]
    #[arg(long, value_enum, value_parser = word::<LabelScheme>(), value_name = "LABEL")]
    #[serde(deserialize_with = "crate::word::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<LabelScheme>,
    /// Lowest and highest possible rating, such as 1-5 [default: 1-9 for DEAP and demo; other ratings need
    /// it]
    #[arg(long, value_name = "LOW-HIGH", allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_range: Option<RatingScale>,
    /// Rating that separates low from high [default: the middle of the scale, 5 for DEAP]
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Class of a rating that equals the threshold
    #[arg(long, value_enum, value_parser = word::<TieRule>(), value_name = "RULE", default_value_t = TieRule::Above)]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub tie: TieRule,
    /// Leave out trials whose rating is closer to the threshold than this; 0 leaves out none
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub dead_zone: f64,
}

default_from_flags!(LabelsConfig);
