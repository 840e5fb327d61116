//! `train`.

use super::progress::Terminal;
use super::training::RunFlags;
use crate::error::Result;
use clap::{ArgMatches, Args};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine train\n  engine train --data DEAP --cell bilstm --label arousal\n  \
engine train --data X_TRAIN.ts --test X_TEST.ts --validation 0 --epochs 50"
)]
pub struct TrainCommand {
    /// Which fold of the split, by number from 1
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "resume")]
    fold: usize,
    #[command(flatten)]
    flags: RunFlags,
}

impl TrainCommand {
    pub fn run(&self, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        self.flags.run("train", Some(self.fold), matches, terminal)
    }
}
