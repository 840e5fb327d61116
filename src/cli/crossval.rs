//! `crossval`.

use super::progress::Terminal;
use super::training::{Part, RunFlags};
use crate::error::Result;
use clap::{ArgMatches, Args};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine crossval --split subject\n  engine crossval --data DEAP --cell gru --label \
valence --split subject\n  engine crossval --split subject --permutations 99   (with an exact p value)\n  engine crossval --split subject --tune lr=1e-3,3e-4 --tune hidden=32,64   (chosen inside the folds)\n  engine crossval --split window      (leaky, to see by how much)"
)]
pub struct CrossvalCommand {
    #[command(flatten)]
    flags: RunFlags,
}

impl CrossvalCommand {
    pub fn run(&self, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        self.flags.run("crossval", Part::Folds, matches, terminal)
    }
}
