//! From a configuration to a result: data, split, network, all folds, scores. `train`, `crossval`, `evaluate`
//! and `predict` all take this path.

mod alike;
mod arrays;
mod bound;
mod candidate;
mod checkpoint;
mod chosen;
mod describe;
mod device_change;
mod estimate;
mod export;
mod from;
#[cfg(feature = "cli")]
mod ignored;
mod in_memory;
mod inner_folds;
mod level;
mod memory;
mod permutation;
mod prepare;
mod read;
mod record;
mod recorder;
mod rounding;
mod run;
mod running;
mod saved;
mod score;
mod start;
mod together;
mod tuning;
mod unscored;
mod watch;

pub use bound::{check_bound, differences};
pub use chosen::config_of_fold;
pub use device_change::{move_run, refuse_other_device};
pub use export::{Exported, export};
#[cfg(feature = "cli")]
pub use ignored::{refuse_ignored, warn_of_validation};
pub use in_memory::Trained;
pub use level::other_level;
pub use prepare::Experiment;
pub use read::{Framed, read, read_frames, shape};
pub use record::Record;
pub use rounding::{Rounding, rounding};
pub use run::{Ending, Selected, Show, interrupted, run, run_to_end};
pub use saved::{checked_folds, predict_with, read_folds, saved_folds, unlabeled};
