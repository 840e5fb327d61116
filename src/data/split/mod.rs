//! Who is trained on and who is tested: splits by group, made before anything is fitted, and audited.

mod audit;
mod build;
mod file;
mod fold;
mod kind;
mod sklearn;

pub use audit::{FoldAudit, Leak};
pub use build::SplitSpec;
pub use fold::{Fold, Train};
pub use kind::SplitKind;

use super::sequences::Dataset;
use crate::error::{Error, Result};
use serde::Serialize;

/// Folds that passed the audit: there is no other way to make one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Split {
    kind: SplitKind,
    /// Of the data set that the indices point into.
    dataset: String,
    folds: Vec<Fold>,
}

impl Split {
    /// Checks the folds against what `kind` promises; a violation is an error that names it.
    pub fn new(kind: SplitKind, folds: Vec<Fold>, dataset: &Dataset) -> Result<Self> {
        if folds.is_empty() {
            return Err(Error::data("a split without folds"));
        }
        for (number, fold) in folds.iter().enumerate() {
            if folds[..number].iter().any(|other| other.name == fold.name) {
                return Err(Error::data(format!("two folds are called {}", fold.name))
                    .hint("predictions are kept by fold name: give each its own"));
            }
            audit::check(kind, fold, dataset).map_err(|e| e.at(format!("fold {}", fold.name)))?;
        }
        Ok(Split { kind, dataset: dataset.hash(), folds })
    }

    pub fn kind(&self) -> SplitKind {
        self.kind
    }

    pub fn folds(&self) -> &[Fold] {
        &self.folds
    }

    /// What each fold's test windows share with its training windows.
    pub fn audit(&self, dataset: &Dataset) -> Vec<FoldAudit> {
        self.folds.iter().map(|fold| audit::describe(fold, dataset)).collect()
    }
}
