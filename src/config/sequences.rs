//! The options of the network's input sequences and of their labels.

use crate::data::bands::Band;
use crate::data::features::{Family, GsrUnit};
use crate::data::frames::{Baseline, FrameKind};
use crate::data::labels::{LabelScheme, RatingScale, TieRule};
use crate::data::normalize::{Normalize, Scale};
#[cfg(feature = "cli")]
use crate::word::word;
use serde::{Deserialize, Serialize};

/// From signals to input sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[cfg_attr(feature = "cli", command(next_help_heading = "Frames and windows"))]
#[serde(default, deny_unknown_fields)]
pub struct FramesConfig {
    /// Input of one time step (a frame) [default: bandpower for DEAP and demo, raw for archives]
    #[cfg_attr(feature = "cli", arg(long = "frames", value_enum, value_parser = word::<FrameKind>(), value_name = "KIND"))]
    #[serde(deserialize_with = "crate::word::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_kind: Option<FrameKind>,
    /// Length of a frame of band power, entropy or features in seconds
    #[cfg_attr(feature = "cli", arg(long, value_name = "S", default_value_t = Self::default().frame_length))]
    pub frame_length: f64,
    /// Time from the start of one such frame to the start of the next, in seconds
    #[cfg_attr(feature = "cli", arg(long, value_name = "S", default_value_t = Self::default().frame_step))]
    pub frame_step: f64,
    /// Frequency bands of such frames: names and limits in Hz, such as
    /// delta=1-4,theta=4-8 [default: theta=4-8,alpha=8-14,beta=14-31,gamma=31-45]
    #[cfg_attr(feature = "cli", arg(long, value_name = "LIST", value_delimiter = ','))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<Band>,
    /// Families of features for `--frames features` [default: all but rational-asymmetry]
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_name = "LIST", value_delimiter = ',', value_parser = word::<Family>()))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
    /// Length in seconds of the window around a frame in which features of slow signals (blinks, gsr, pleth,
    /// resp, temp) are measured [default: 30]
    #[cfg_attr(feature = "cli", arg(long, value_name = "S"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_window: Option<f64>,
    /// Quantity and unit of gsr channels [default: ohm for DEAP and demo; other files need it]
    #[cfg_attr(feature = "cli", arg(long = "gsr", value_enum, value_parser = word::<GsrUnit>(), value_name = "UNIT"))]
    #[serde(deserialize_with = "crate::word::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gsr_unit: Option<GsrUnit>,
    /// Use of the baseline, the seconds before the stimulus; features of slow signals are never corrected
    /// [default: drop for raw frames and recordings without a baseline, otherwise correct]
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<Baseline>(), value_name = "USE"))]
    #[serde(deserialize_with = "crate::word::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// Length of a window (one input sequence) in seconds [default: 4 for DEAP and demo, the whole series for
    /// archives]
    #[cfg_attr(feature = "cli", arg(long, value_name = "S"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<f64>,
    /// Time from the start of one window to the start of the next, in seconds [default: the length of a
    /// window, so that windows do not overlap]
    #[cfg_attr(feature = "cli", arg(long, value_name = "S", alias = "step"))]
    #[serde(alias = "step", skip_serializing_if = "Option::is_none")]
    pub window_step: Option<f64>,
    /// Features that the networks do not see: names of features, channels, modalities, bands, regions
    /// (frontal, central, temporal, parietal, occipital) or families
    #[cfg_attr(feature = "cli", arg(long, value_name = "LIST", value_delimiter = ','))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leave_out: Vec<String>,
    /// Scaling of each window by itself, before normalization
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<Scale>(), value_name = "KIND", default_value_t = Self::default().scale))]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub scale: Scale,
    /// Normalization: the data by whose mean and standard deviation each feature is standardized
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<Normalize>(), value_name = "BY", default_value_t = Self::default().normalize, alias = "normalise"))]
    #[serde(deserialize_with = "crate::word::deserialize")]
    #[serde(alias = "normalise")]
    pub normalize: Normalize,
}

impl Default for FramesConfig {
    fn default() -> Self {
        FramesConfig {
            frame_kind: None,
            frame_length: 1.0,
            frame_step: 0.5,
            bands: Vec::new(),
            families: Vec::new(),
            feature_window: None,
            gsr_unit: None,
            baseline: None,
            window: None,
            window_step: None,
            leave_out: Vec::new(),
            scale: Scale::None,
            normalize: Normalize::Train,
        }
    }
}

/// From ratings to classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[cfg_attr(feature = "cli", command(next_help_heading = "Labels"))]
#[serde(default, deny_unknown_fields)]
pub struct LabelsConfig {
    /// Label to predict [default: valence for ratings, class for archives]
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<LabelScheme>(), value_name = "LABEL"))]
    #[serde(deserialize_with = "crate::word::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<LabelScheme>,
    /// Lowest and highest possible rating, such as 1-5 [default: 1-9 for DEAP and demo; other ratings need
    /// it]
    #[cfg_attr(feature = "cli", arg(long, value_name = "LOW-HIGH", allow_hyphen_values = true))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_range: Option<RatingScale>,
    /// Rating that separates low from high [default: the middle of the scale, 5 for DEAP]
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", allow_hyphen_values = true))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Class of a rating that equals the threshold
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<TieRule>(), value_name = "RULE", default_value_t = Self::default().tie))]
    #[serde(deserialize_with = "crate::word::deserialize")]
    pub tie: TieRule,
    /// Leave out trials whose rating is closer to the threshold than this; 0 leaves out none
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", default_value_t = Self::default().dead_zone))]
    pub dead_zone: f64,
}

impl Default for LabelsConfig {
    fn default() -> Self {
        LabelsConfig { label: None, scale_range: None, threshold: None, tie: TieRule::Above, dead_zone: 0.0 }
    }
}
