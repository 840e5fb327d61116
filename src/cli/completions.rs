//! `completions`: what a shell needs to complete commands and options.

use super::output::out;
use crate::error::Result;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

/// The end of `--help`.
const HELP: &str = "\
Where the script goes:
  bash        engine completions bash >~/.local/share/bash-completion/completions/engine
  zsh         engine completions zsh >FOLDER/_engine, FOLDER being one of $fpath
  fish        engine completions fish >~/.config/fish/completions/engine.fish
  powershell  engine completions powershell >>$PROFILE
  elvish      engine completions elvish >>~/.config/elvish/rc.elv

For the shell at hand only:
  source <(engine completions bash)";

/// The arguments of `engine completions`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct CompletionsCommand {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionsCommand {
    /// Prints the script for a program with these commands.
    pub fn run(&self, mut program: Command) -> Result<()> {
        let name = program.get_name().to_string();
        let mut script = Vec::new();
        generate(self.shell, &mut program, name, &mut script);
        out(String::from_utf8_lossy(&script).trim_end())
    }
}
