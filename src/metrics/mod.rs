//! How good predictions are: scores, their intervals, and the baselines without which no score can be read.
//!
//! Definitions follow scikit-learn and are tested against it. A score that is not defined (AUC with one class,
//! kappa with nothing to disagree on, an interval over one subject) is `None`, in JSON `null`, in tables
//! "undefined": never 0.5, never NaN.

pub mod auc;
pub mod average_precision;
pub mod baseline;
pub mod confusion;
pub mod interval;
pub mod prediction;
pub mod report;
pub mod table;

pub use baseline::{Baselines, TrialLabel};
pub use confusion::Confusion;
pub use interval::Summary;
pub use prediction::Prediction;
pub use report::{Names, Scores};
