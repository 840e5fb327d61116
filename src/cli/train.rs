//! `train`.

use super::progress::Terminal;
use super::training::{Part, RunFlags};
use crate::error::Result;
use clap::{ArgMatches, Args};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine train\n  engine train --data DEAP --cell bilstm --label arousal\n  \
engine train --data X_TRAIN.ts --test X_TEST.ts --validation 0 --epochs 50\n  \
engine train --data DEAP --all --name final && engine predict runs/final NEW/s07.dat"
)]
pub struct TrainCommand {
    /// Which fold of the split, by number from 1
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "resume")]
    fold: usize,
    /// Train one network on all data, for use on other recordings: `--split all`. There is no test part, so
    /// no score is claimed. A share of the data still tells when to stop; `--validation 0` trains on
    /// everything
    #[arg(long, conflicts_with_all = ["fold", "split_by", "split_file", "resume"])]
    all: bool,
    #[command(flatten)]
    flags: RunFlags,
}

impl TrainCommand {
    pub fn run(&self, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        let part = if self.all { Part::All } else { Part::Fold(self.fold) };
        self.flags.run("train", part, matches, terminal)
    }
}
