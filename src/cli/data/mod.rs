//! `data`: commands about recordings.

mod demo;
mod export;
mod formats;
mod inspect;

use super::progress::Terminal;
use crate::error::Result;
use clap::Subcommand;

/// A command about recordings.
#[derive(Subcommand)]
pub enum DataCommand {
    /// Describe recordings: subjects, trials, channels, rates, ratings, classes, bad signals
    Inspect(inspect::InspectCommand),
    /// Describe the formats that are read, and the arrays of an .npz file
    Formats(formats::FormatsCommand),
    /// Write windows, labels and all that is known of them as NumPy arrays
    Export(Box<export::ExportCommand>),
    /// Write generated recordings as files in DEAP's format
    Demo(demo::DemoCommand),
}

impl DataCommand {
    /// Runs the command.
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        match self {
            DataCommand::Inspect(command) => command.run(terminal),
            DataCommand::Formats(command) => command.run(),
            DataCommand::Export(command) => command.run(terminal),
            DataCommand::Demo(command) => command.run(terminal),
        }
    }
}
