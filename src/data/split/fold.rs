//! A fold's parts.

use serde::{Deserialize, Serialize};

/// Indices of sequences by part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {
    pub name: String,
    pub(super) train: Vec<u32>,
    pub(super) validation: Vec<u32>,
    pub(super) test: Vec<u32>,
}

/// The training part of a fold: the only thing that anything can be fitted on.
#[derive(Clone, Copy)]
pub struct Train<'a>(&'a [u32]);

impl<'a> Train<'a> {
    pub fn sequences(self) -> &'a [u32] {
        self.0
    }
}

impl Fold {
    pub fn train(&self) -> Train<'_> {
        Train(&self.train)
    }

    pub fn validation(&self) -> &[u32] {
        &self.validation
    }

    pub fn test(&self) -> &[u32] {
        &self.test
    }
}
