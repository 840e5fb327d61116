//! The command line. Each command has a file of its own.
//!
//! No other module prints, or reads arguments and environment variables. Results go to stdout, everything
//! else to stderr.

mod ablate;
mod axes;
mod check;
mod compare;
mod completions;
mod crossval;
mod data;
mod devices;
mod evaluate;
mod kernels;
mod man;
mod options;
mod output;
mod predict;
mod prediction;
mod profile;
mod progress;
mod report;
mod reproduce;
mod resume;
mod runs;
mod saved;
mod scores;
mod signals;
mod summary;
mod sweep;
mod threads;
mod train;
mod training;

use crate::error::{Error, ErrorKind, Result};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use progress::Terminal;
use std::ffi::OsString;
use std::process::ExitCode;
use threads::set_threads;

/// The end of `--help`.
const HELP: &str = "\
First steps:
  engine train                                   train on generated recordings, and print the scores
  engine data inspect PATH                       say what is in your own: people, trials, labels, bad signals
  engine crossval --data PATH --split subject    test each person with a network that never saw that person
  engine runs                                    list what was trained
  engine compare runs/A runs/B                   say whether one run is better than another
  engine train --data PATH --all --name final    train one network on all data, for use
  engine predict runs/final NEW                  predict recordings that have no labels

`engine COMMAND --help` explains every option of a command and shows examples, -h is shorter. A run leaves a \
folder under runs/ with its settings, weights, predictions, scores and report.html.

Exit codes:
  0  success
  1  other failure
  2  wrong usage or configuration
  3  data that cannot be used
  4  backend not available
  5  device failure
  6  numerical failure
  7  a file cannot be read or written
  129, 130, 143  stopped by a signal, with the state saved";

/// Train and cross-validate recurrent networks on physiological signals.
///
/// `engine` reads DEAP and other recordings, splits them without leaks, and trains LSTM and GRU networks with
/// its own kernels for CPUs and GPUs.
#[derive(Parser)]
#[command(name = "engine", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print details: ignored files, finished folds
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Print only results, errors and warnings of leaks
    #[arg(short, long, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Train a network on one split, and score it on the test part
    Train(Box<train::TrainCommand>),
    /// Cross-validate: train the networks of all folds together, and score them
    Crossval(Box<crossval::CrossvalCommand>),
    /// Repeat the original study: train its networks under its own protocol and under honest ones
    Reproduce(Box<reproduce::ReproduceCommand>),
    /// Score the saved weights of a run again
    Evaluate(evaluate::EvaluateCommand),
    /// Write the HTML report of a finished run again
    Report(report::ReportCommand),
    /// List the runs of a folder: state, data, split and score
    Runs(runs::RunsCommand),
    /// Compare finished runs of the same test trials, pair by pair
    Compare(compare::CompareCommand),
    /// Train with each kind of signal alone and without each, and compare
    Ablate(Box<ablate::AblateCommand>),
    /// Cross-validate every combination of a grid of options, here or on a cluster
    #[command(subcommand)]
    Sweep(sweep::SweepCommand),
    /// Predict the classes of other recordings with the networks of a run
    Predict(predict::PredictCommand),
    /// Describe recordings, or generate some
    #[command(subcommand)]
    Data(data::DataCommand),
    /// Check a backend against the reference, and the reference against finite differences
    Check(check::CheckCommand),
    /// Time each kernel of a training step, and compare it with the device's peak
    Profile(profile::ProfileCommand),
    /// List the devices that this build can use
    Devices,
    /// Print the layers of a network with their parameters
    Summary(Box<summary::SummaryCommand>),
    /// Print the kernels of a recurrent layer, as a GPU compiles them
    Kernels(kernels::KernelsCommand),
    /// Print the script by which a shell completes commands and options
    Completions(completions::CompletionsCommand),
    /// Print the manual page, or write those of all commands
    Man(man::ManCommand),
}

impl Command {
    /// Whether the command has no option for the number of threads. The others start them themselves.
    fn has_all_threads(&self) -> bool {
        use Command::{Ablate, Crossval, Evaluate, Predict, Profile, Reproduce, Sweep, Train};
        let training = matches!(self, Train(_) | Crossval(_) | Reproduce(_) | Ablate(_) | Sweep(_));
        !(training || matches!(self, Evaluate(_) | Predict(_) | Profile(_)))
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::from(run_from(std::env::args_os()))
}

/// Runs the command line `args`, of which the first is the name of the program, and returns the exit code.
/// Wrong usage and `--help` end the process.
pub fn run_from(args: impl IntoIterator<Item = OsString>) -> u8 {
    let matches = Cli::command().get_matches_from(args);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    let terminal = Terminal::new(cli.quiet, cli.verbose);
    // A panic becomes an exit code. Rayon forwards the panics of its workers; saved files stay intact.
    let run = std::panic::AssertUnwindSafe(|| run(&cli, &matches, &terminal));
    let result = std::panic::catch_unwind(run).unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Other, "the program failed because of a bug; saved files are intact"))
    });
    match result {
        Ok(()) => 0,
        Err(error) => {
            terminal.error(&error);
            error.kind.exit_code()
        }
    }
}

fn run(cli: &Cli, matches: &clap::ArgMatches, terminal: &Terminal) -> Result<()> {
    let own = matches.subcommand().map(|(_, matches)| matches).expect("a command is required");
    if cli.command.has_all_threads() {
        set_threads(None)?;
    }
    match &cli.command {
        Command::Train(command) => command.run(own, terminal),
        Command::Crossval(command) => command.run(own, terminal),
        Command::Reproduce(command) => command.run(terminal),
        Command::Evaluate(command) => command.run(terminal),
        Command::Report(command) => command.run(terminal),
        Command::Runs(command) => command.run(terminal),
        Command::Compare(command) => command.run(terminal),
        Command::Ablate(command) => command.run(own, terminal),
        Command::Sweep(command) => {
            let (_, own) = own.subcommand().expect("clap requires one");
            command.run(own, terminal)
        }
        Command::Predict(command) => command.run(terminal),
        Command::Data(command) => command.run(terminal),
        Command::Check(command) => command.run(terminal),
        Command::Profile(command) => command.run(terminal),
        Command::Devices => devices::run(),
        Command::Summary(command) => command.run(own, terminal),
        Command::Kernels(command) => command.run(),
        Command::Completions(command) => command.run(Cli::command()),
        Command::Man(command) => command.run(Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In release builds, two options of one name silently shadow each other, and clap checks nothing.
    #[test]
    fn no_command_has_two_options_of_one_name() {
        fn check(command: &clap::Command) {
            let mut names = Vec::new();
            for argument in command.get_arguments() {
                names.push(format!("id {}", argument.get_id()));
                let longs =
                    argument.get_long().into_iter().chain(argument.get_all_aliases().into_iter().flatten());
                names.extend(longs.map(|long| format!("--{long}")));
            }
            names.sort();
            let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
            assert!(twice.is_none(), "{}: {twice:?}", command.get_name());
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
