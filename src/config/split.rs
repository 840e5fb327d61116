//! The options of the split.

use super::defaults::default_from_flags;
use crate::data::split::SplitKind;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Who is trained on and who is tested.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Split")]
#[serde(default, deny_unknown_fields)]
pub struct SplitConfig {
    /// What never stands on both sides [default: trial; predefined with --test]
    #[arg(long = "split", value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_by: Option<SplitKind>,
    /// How many folds [default: one per subject for --split subject, else 5]
    #[arg(long, value_name = "K")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// Share of the training groups kept for validation; 0 for none
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    pub validation: f64,
    /// Take the folds from this split.json instead; it is audited like any other
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_file: Option<PathBuf>,
}

default_from_flags!(SplitConfig);
