//! `summary`.

use super::output::out;
use super::progress::Terminal;
use crate::config::{Config, Preset};
use crate::error::{Error, Result};
use crate::experiment;
use crate::ops::Network;
use crate::word::word;
use clap::{ArgMatches, Args};
use std::path::PathBuf;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine summary --preset study-lstm\n  engine summary --conv 32x5 --cell bilstm --hidden 64,32 \
--features 32 --time-steps 256 --classes 2\n\nWithout --features, --time-steps and --classes they are those of --data, cut as the \
options say; of generated recordings one is made for it."
)]
pub struct SummaryCommand {
    /// Start from a network of the original study; --config and other options override it
    #[arg(long, value_enum, value_parser = word::<Preset>())]
    preset: Option<Preset>,
    /// Read options from this file; the command line overrides them
    #[arg(long = "config", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Input features
    #[arg(long, value_name = "N", requires_all = ["time_steps", "classes"])]
    features: Option<usize>,
    /// Steps of a sequence
    #[arg(long, value_name = "N", requires_all = ["features", "classes"])]
    time_steps: Option<usize>,
    /// Classes
    #[arg(long, value_name = "N", requires_all = ["features", "time_steps"])]
    classes: Option<usize>,
    #[command(flatten)]
    config: Config,
}

impl SummaryCommand {
    pub fn run(&self, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        let config = Config::resolve(matches, self.preset, self.config_file.as_deref())?;
        config.check()?;
        let [features, steps, classes] = match (self.features, self.time_steps, self.classes) {
            (Some(features), Some(steps), Some(classes)) => [features, steps, classes],
            _ => experiment::shape(&config, terminal)?,
        };
        let network = config.network.network(features, classes);
        if [features, steps, classes].contains(&0) || steps < network.shortest() {
            return Err(Error::config(format!(
                "{features} features, {steps} steps, {classes} classes: each must be above 0, and the network needs {} steps",
                network.shortest()
            )));
        }
        out(&table(&network, steps))
    }
}

fn table(network: &Network, steps: usize) -> String {
    let mut text = format!("{:<34} {:>12} {:>12}\n", "layer", "output", "parameters");
    for row in network.summary(steps) {
        text.push_str(&format!("{:<34} {:>12} {:>12}\n", row.layer, row.output, grouped(row.parameters)));
    }
    let dropout = match network.dropout {
        0.0 => String::new(),
        rate => format!("\ndropout of {rate} after every block and layer but the input and the last"),
    };
    text.push_str(&format!("{:<34} {:>12} {:>12}{dropout}", "total", "", grouped(network.params())));
    text
}

/// `721,540`
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = {
        let first = (digits.len() - 1) % 3 + 1;
        std::iter::once(&digits[..first])
            .chain((first..digits.len()).step_by(3).map(|at| &digits[at..at + 3]))
            .collect()
    };
    groups.join(",")
}
