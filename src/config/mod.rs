//! Every option of a run: at once the configuration file's keys, the command line's flags and their defaults.
//!
//! Each option is declared here and nowhere else. A flag beats the file, the file beats the default; the file that a
//! run folder keeps repeats the run.

mod cell_name;
mod data;
mod defaults;
mod network;
mod preset;
mod resolve;
mod run;
mod sections;
mod sequences;
mod specs;
mod split;
mod training;

pub use cell_name::CellName;
pub use data::{DataConfig, DemoConfig};
pub use network::NetworkConfig;
pub use preset::{Preset, Published};
pub use run::RunConfig;
pub use sections::Config;
pub use sequences::{FramesConfig, LabelsConfig};
pub use split::SplitConfig;
pub use training::TrainingConfig;
