//! Every option of a run: keys of the configuration file, options of the command line, and their defaults.
//!
//! Each option is declared once, here. The doc comment of a field is the help text of its option, so it
//! follows the style of help texts. The command line overrides the file, and the file overrides the default.
//! The configuration file in a run folder repeats the run.

mod axis;
mod bounds;
#[cfg(feature = "cli")]
mod candidates;
mod cell_name;
mod data;
#[cfg(feature = "cli")]
mod given;
mod network;
#[cfg(not(feature = "cli"))]
mod no_candidates;
mod permutation;
mod preset;
#[cfg(feature = "cli")]
mod resolve;
mod run;
mod sections;
mod seed;
mod sequences;
mod shape;
mod specs;
mod split;
mod training;
mod tuning;

pub use axis::{Axis, Options};
pub use cell_name::CellName;
pub use data::{DataConfig, DemoConfig};
#[cfg(feature = "cli")]
pub use given::Given;
pub use network::NetworkConfig;
pub use permutation::PermutationConfig;
pub use preset::{Preset, Published};
pub use run::RunConfig;
pub use sections::Config;
pub use sequences::{FramesConfig, LabelsConfig};
pub use split::SplitConfig;
pub use training::TrainingConfig;
pub use tuning::TuningConfig;
