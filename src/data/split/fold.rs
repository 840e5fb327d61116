//! The training, validation and test parts of a fold.

use serde::{Deserialize, Serialize};

/// The sequences of each part, as indices into
/// [`Dataset::sequences`](crate::data::sequences::Dataset::sequences).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {
    /// The name in predictions and scores, unique within a split: `3`, or the tested subject.
    pub name: String,
    pub(super) train: Vec<u32>,
    pub(super) validation: Vec<u32>,
    pub(super) test: Vec<u32>,
}

/// The training part of a fold. Everything that is fitted to data takes this type, so that it cannot be
/// fitted to another part.
#[derive(Clone, Copy)]
pub struct Train<'a>(&'a [u32]);

impl<'a> Train<'a> {
    /// Indices of the sequences.
    pub fn sequences(self) -> &'a [u32] {
        self.0
    }
}

impl Fold {
    /// The fold with these sequences in its parts. `validation` may be empty, and `test`, too: such a fold
    /// trains a network of which nothing is scored. [`Split::new`](super::Split::new) audits it.
    pub fn new(
        name: impl Into<String>,
        train: impl Into<Vec<u32>>,
        validation: impl Into<Vec<u32>>,
        test: impl Into<Vec<u32>>,
    ) -> Self {
        Fold { name: name.into(), train: train.into(), validation: validation.into(), test: test.into() }
    }

    /// The training part.
    pub fn train(&self) -> Train<'_> {
        Train(&self.train)
    }

    /// Indices of the validation part; empty without one.
    pub fn validation(&self) -> &[u32] {
        &self.validation
    }

    /// Indices of the test part; empty without one.
    pub fn test(&self) -> &[u32] {
        &self.test
    }

    /// The blake3 hashes, in hexadecimal, of the training, validation and test part.
    pub fn hashes(&self) -> [String; 3] {
        [&self.train, &self.validation, &self.test].map(|part| {
            let mut hasher = blake3::Hasher::new();
            part.iter().for_each(|index| {
                hasher.update(&index.to_le_bytes());
            });
            hasher.finalize().to_hex().to_string()
        })
    }
}
