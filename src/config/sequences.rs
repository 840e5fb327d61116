//! What a network reads of recordings, and what it is to say.

use super::defaults::default_from_flags;
use crate::data::frames::{Baseline, FrameKind};
use crate::data::labels::{LabelScheme, TieRule};
use crate::data::normalize::{Normalize, Scale};
use clap::Args;
use serde::{Deserialize, Serialize};

/// From signals to sequences.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Frames and windows")]
#[serde(default, deny_unknown_fields)]
pub struct FramesConfig {
    /// What one step of a sequence reads [default: bandpower for recordings of minutes, raw for archives]
    #[arg(long = "frames", value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_kind: Option<FrameKind>,
    /// Length of a band frame in seconds
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub frame_length: f64,
    /// From one band frame to the next, in seconds
    #[arg(long, value_name = "S", default_value_t = 0.5)]
    pub frame_step: f64,
    /// What to do with the seconds before the stimulus [default: correct for band frames of recordings that have them,
    /// else drop]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// Length of a sequence in seconds [default: 4 for DEAP and demo, whole series for archives]
    #[arg(long, value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<f64>,
    /// From the start of one window to the next, in seconds [default: the window's length, so no overlap]
    #[arg(long, value_name = "S", alias = "step")]
    #[serde(alias = "step", skip_serializing_if = "Option::is_none")]
    pub window_step: Option<f64>,
    /// What each window is multiplied by before features are standardized
    #[arg(long, value_enum, default_value_t = Scale::None)]
    pub scale: Scale,
    /// What features are standardized by
    #[arg(long, value_enum, default_value_t = Normalize::Train, alias = "normalise")]
    #[serde(alias = "normalise")]
    pub normalize: Normalize,
}

default_from_flags!(FramesConfig);

/// From ratings to classes.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Labels")]
#[serde(default, deny_unknown_fields)]
pub struct LabelsConfig {
    /// What to recognize [default: valence for ratings, class for archives]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<LabelScheme>,
    /// Ratings (1 to 9) beyond this are high
    #[arg(long, value_name = "X", default_value_t = 5.0)]
    pub threshold: f64,
    /// Where a rating exactly on the threshold goes: above means high is rating > threshold
    #[arg(long, value_enum, default_value_t = TieRule::Above)]
    pub tie: TieRule,
    /// Leave out trials whose rating is closer to the threshold than this
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub dead_zone: f64,
}

default_from_flags!(LabelsConfig);
