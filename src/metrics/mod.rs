//! Scores of predictions, their confidence intervals, and the baselines to compare them with.
//!
//! Definitions follow scikit-learn and are tested against it. An undefined score (the AUC of one class, kappa
//! where all labels and predictions are equal, an interval over one subject) is `None`. JSON shows it as
//! `null` and tables as "undefined". It is never 0.5 and never NaN.
//!
//! [`Scores`] holds all scores of a run, with the [`Verdict`] on them. [`table`] arranges them as tables,
//! which [`text`] prints and the run's page shows as HTML. [`paired`] compares two runs. docs/evaluation.md
//! has the methods with their papers, and how often they err.

pub mod auc;
pub mod average_precision;
pub mod baseline;
pub mod best_of;
pub mod confusion;
pub mod interval;
pub mod looks;
pub mod paired;
pub mod permutation;
pub mod prediction;
pub mod report;
pub mod table;
#[cfg(feature = "cli")]
pub mod text;
pub mod tuning;
mod units;
pub mod verdict;

pub use baseline::{Baselines, Stimuli, TrialLabel};
pub use best_of::BestOf;
pub use confusion::Confusion;
pub use interval::Summary;
pub use looks::Looks;
pub use permutation::{PermutationTest, Statistics};
pub use prediction::Prediction;
pub use report::{Names, Scores};
pub use table::ScoreTable;
pub use tuning::{InnerScore, Tuning};
pub use verdict::Verdict;
