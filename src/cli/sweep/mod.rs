//! `sweep`: many cross-validations.

mod adapters;
mod collect;
mod left;
mod plan;
mod run;
mod settings;
mod slurm;
mod status;
mod submit;

use super::progress::Terminal;
use crate::error::Result;
use clap::{ArgMatches, Subcommand};

#[derive(Subcommand)]
pub enum SweepCommand {
    /// Print the tasks of a sweep, their time and memory
    Plan(Box<plan::PlanCommand>),
    /// Begin a sweep, or go on with one, on this machine
    Run(Box<run::RunCommand>),
    /// Begin a sweep as a Slurm job array
    Submit(Box<submit::SubmitCommand>),
    /// Say how far the tasks of a sweep have come
    Status(status::StatusCommand),
    /// Put the results of a sweep together
    Collect(collect::CollectCommand),
}

impl SweepCommand {
    pub fn run(&self, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        match self {
            SweepCommand::Plan(command) => command.run(matches, terminal),
            SweepCommand::Run(command) => command.run(matches, terminal),
            SweepCommand::Submit(command) => command.run(matches, terminal),
            SweepCommand::Status(command) => command.run(),
            SweepCommand::Collect(command) => command.run(terminal),
        }
    }
}
