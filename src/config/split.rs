//! The options of the split.

use crate::data::split::{SplitKind, SplitSpec};
#[cfg(feature = "cli")]
use crate::word::word;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The partition of the data into training, validation and test parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[cfg_attr(feature = "cli", command(next_help_heading = "Split"))]
#[serde(default, deny_unknown_fields)]
pub struct SplitConfig {
    /// Groups that are kept together: no group has windows in both the training and the test part [default:
    /// trial, or subject if only people are known; predefined if a TEST file is given]
    #[cfg_attr(feature = "cli", arg(long = "split", value_enum, value_parser = word::<SplitKind>(), value_name = "KIND"))]
    #[serde(deserialize_with = "crate::word::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_by: Option<SplitKind>,
    /// Number of folds [default: one per subject for a split by subject, otherwise 5]
    #[cfg_attr(feature = "cli", arg(long, value_name = "K"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// Share of the training groups that is set aside for validation; 0 for no validation
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().validation))]
    pub validation: f64,
    /// Read the folds from this split.json instead of making new ones; the file is audited like any other
    /// split
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_file: Option<PathBuf>,
    /// Promise that no two windows of the data set were cut from one series, for data that do not name their
    /// trials. Each window then counts as a trial, and every result states the promise
    #[cfg_attr(feature = "cli", arg(long))]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub promise_independent_windows: bool,
    /// Let through data in which samples of one person or trial stand under another name as well, as in some
    /// published archives. Every result states it. Without this option such data are refused
    #[cfg_attr(feature = "cli", arg(long))]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_copies: bool,
}

impl Default for SplitConfig {
    /// The share for validation is that of [`SplitSpec::default`]; what is `None` follows from the data.
    fn default() -> Self {
        SplitConfig {
            split_by: None,
            folds: None,
            validation: SplitSpec::default().validation,
            split_file: None,
            promise_independent_windows: false,
            allow_copies: false,
        }
    }
}
