//! Splits into training, validation and test parts by group. A split is made before anything is fitted, and
//! audited.

mod asks;
mod audit;
mod build;
mod copies;
mod file;
mod fold;
mod kind;
mod needs;
mod scope;
mod sklearn;

pub use asks::{UNTESTED, asks_by_kind};
pub use audit::{FoldAudit, Leak};
pub use build::SplitSpec;
pub use fold::{Fold, Train};
pub use kind::SplitKind;
pub use needs::{default_kind, honest_kinds};
pub use scope::{MissingClass, Scope, TRANSDUCTIVE, Tested, UNBOUND};

use super::sequences::Dataset;
use crate::error::{Error, Result};
use serde::Serialize;

/// Folds that passed the audit. [`Split::new`] is the only way to make a split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Split {
    kind: SplitKind,
    /// The hash of the data set.
    dataset: String,
    folds: Vec<Fold>,
}

impl Split {
    /// Audits the folds by the rules of `kind`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) that names the fold, and the window, group or sample that
    /// is in two parts, or that says which grouping is unknown.
    pub fn new(kind: SplitKind, folds: Vec<Fold>, dataset: &Dataset) -> Result<Self> {
        if folds.is_empty() {
            return Err(Error::data("a split without folds"));
        }
        needs::check(kind, &dataset.grouping)?;
        needs::check_labels(dataset)?;
        copies::refuse(kind, dataset)?;
        let untested = folds.iter().find(|fold| fold.test.is_empty());
        if let Some(fold) = untested.filter(|_| folds.iter().any(|fold| !fold.test.is_empty())) {
            return Err(Error::data(format!(
                "fold {}: the test part is empty, and other folds have one",
                fold.name
            ))
            .hint("give every fold a test part, or none of them to train without scores"));
        }
        for (number, fold) in folds.iter().enumerate() {
            if folds[..number].iter().any(|other| other.name == fold.name) {
                return Err(Error::data(format!("two folds are called {}", fold.name))
                    .hint("give each fold a name of its own: predictions refer to folds by name"));
            }
            audit::check(kind, fold, dataset).map_err(|e| e.at(format!("fold {}", fold.name)))?;
        }
        Ok(Split { kind, dataset: dataset.hash(), folds })
    }

    /// The same folds of a data set whose sequences have other labels, audited again.
    ///
    /// # Errors
    ///
    /// Those of [`Split::new`].
    pub fn relabeled(&self, dataset: &Dataset) -> Result<Self> {
        Split::new(self.kind, self.folds.clone(), dataset)
    }

    /// The kind of the split.
    pub fn kind(&self) -> SplitKind {
        self.kind
    }

    /// Whether its folds have a test part. Without one, networks are trained and nothing is scored.
    pub fn has_test(&self) -> bool {
        self.folds.iter().any(|fold| !fold.test.is_empty())
    }

    /// The folds, in order.
    pub fn folds(&self) -> &[Fold] {
        &self.folds
    }

    /// The samples that stand under two names, in one sentence; `None` if there are none.
    pub fn copies(&self, dataset: &Dataset) -> Option<String> {
        copies::statement(self.kind, &self.folds, dataset)
    }

    /// Counts, for each fold, what its test windows share with its training windows.
    pub fn audit(&self, dataset: &Dataset) -> Vec<FoldAudit> {
        self.folds.iter().map(|fold| audit::describe(self.kind, fold, dataset)).collect()
    }
}
