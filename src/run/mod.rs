//! The files of a run, one type for each: the same type writes and reads it, and refuses a newer version.

mod checkpoint;
mod epochs;
mod folder;
mod format;
mod hash;
mod log;
pub mod looks;
mod manifest;
mod metrics_log;
mod permutations;
mod predictions;
mod resume;
mod seal;
mod status;
mod tensors;
mod tuning;

pub use checkpoint::{FoldCheckpoint, FoldMeta, Origin};
pub use epochs::{Epochs, epoch_seconds, tested_epochs};
pub use folder::{RunFolder, new_folder, write_file};
pub use format::FORMAT;
pub use hash::hash;
pub use log::Log;
pub use manifest::{DatasetEntry, Manifest, Move, RecordingEntry, SourceRun, SplitEntry, TuningEntry};
pub use metrics_log::MetricsLog;
pub use permutations::Permutations;
pub use predictions::{Predictions, write_confusion};
pub use resume::{Bound, Resume};
pub use seal::check_hash;
pub use status::Status;
pub use tuning::Choices;
