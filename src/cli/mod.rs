//! The command line. Only here is anything printed, and are arguments and the environment read.
//!
//! Results go to stdout, everything else to stderr.

mod check;
mod crossval;
mod data;
mod evaluate;
mod kernels;
mod options;
mod output;
mod predict;
mod profile;
mod progress;
mod report;
mod reproduce;
mod resume;
mod saved;
mod scores;
mod signals;
mod summary;
mod threads;
mod train;
mod training;

use crate::error::{Error, ErrorKind, Result};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use output::{out, out_json_line};
use progress::Terminal;
use std::process::ExitCode;

/// Recurrent networks for physiological signals: train and cross-validate LSTM, GRU and their bidirectional forms on DEAP
/// and other recordings, on kernels written for them, without leaks.
#[derive(Parser)]
#[command(name = "engine", version, propagate_version = true, max_term_width = 110)]
#[command(
    after_help = "Start with `engine train`, which trains on generated recordings, or with `engine data inspect \
PATH` on your own.\n\nExit codes: 0 done; 1 other failure; 2 wrong usage or configuration; 3 data refused; 4 backend not \
available; 5 device failed; 6 numerical failure; 7 reading or writing failed; 130, 143 stopped with everything saved."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Tell more: ignored files, folds as they end
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Print results and errors only
    #[arg(short, long, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Train on one split and score it
    Train(Box<train::TrainCommand>),
    /// Train and score all folds of a split, at once
    Crossval(Box<crossval::CrossvalCommand>),
    /// Repeat the original study: its networks under its own protocol, and under honest ones
    Reproduce(Box<reproduce::ReproduceCommand>),
    /// Score a run's saved weights again
    Evaluate(evaluate::EvaluateCommand),
    /// Write the page of a finished run again
    Report(report::ReportCommand),
    /// Apply a run's networks to other recordings
    Predict(predict::PredictCommand),
    /// Look at data, or make some
    #[command(subcommand)]
    Data(data::DataCommand),
    /// Check the backend against the equations, and the equations against finite differences
    Check(check::CheckCommand),
    /// Time a training step kernel by kernel, against what the machine could do
    Profile(profile::ProfileCommand),
    /// List what this build can compute on
    Devices,
    /// Print a network layer by layer, with its parameters
    Summary(Box<summary::SummaryCommand>),
    /// Print the kernels of a recurrent layer as a GPU compiles them
    Kernels(kernels::KernelsCommand),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    let terminal = Terminal::new(cli.quiet, cli.verbose);
    // Rayon hands a worker's panic on to here: saved state stays as it is, and the exit code tells.
    let run = std::panic::AssertUnwindSafe(|| run(&cli, &matches, &terminal));
    let result = std::panic::catch_unwind(run).unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Other, "the program failed; what was saved is intact"))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

fn run(cli: &Cli, matches: &clap::ArgMatches, terminal: &Terminal) -> Result<()> {
    let own = matches.subcommand().map(|(_, matches)| matches).expect("a command is required");
    match &cli.command {
        Command::Train(command) => command.run(own, terminal),
        Command::Crossval(command) => command.run(own, terminal),
        Command::Reproduce(command) => command.run(terminal),
        Command::Evaluate(command) => command.run(terminal),
        Command::Report(command) => command.run(),
        Command::Predict(command) => command.run(terminal),
        Command::Data(command) => command.run(terminal),
        Command::Check(command) => command.run(terminal),
        Command::Profile(command) => command.run(terminal),
        Command::Devices => check::devices(),
        Command::Summary(command) => command.run(own, terminal),
        Command::Kernels(command) => command.run(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two options with one id would shadow each other in release builds without a word.
    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
