//! From a configuration to a result: data, split, network, all folds, scores. `train`, `crossval`, `evaluate` and
//! `predict` all walk this path.

mod describe;
mod moved;
mod prepare;
mod read;
mod run;
mod saved;
mod score;
mod watch;

pub use moved::{move_run, refuse_other_device};
pub use prepare::Experiment;
pub use read::{read, shape};
pub use run::{Ending, interrupted};
pub use saved::{predict_with, read_folds, saved_folds, unlabelled};
