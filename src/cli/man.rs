//! `man`: manual pages.

use super::output::out;
use crate::error::{Error, Result};
use crate::run;
use clap::{Args, Command};
use clap_mangen::Man;
use std::path::{Path, PathBuf};

/// The end of `--help`.
const HELP: &str = "\
Examples:
  engine man | man -l -
  engine man ~/.local/share/man/man1; man engine-crossval";

/// The arguments of `engine man`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct ManCommand {
    /// Folder for the pages of all commands, engine.1, engine-train.1 ... [default: print engine.1]
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl ManCommand {
    /// Prints or writes the pages of a program with these commands.
    pub fn run(&self, mut program: Command) -> Result<()> {
        // Without this, options of all commands are missing on the pages of commands.
        program.build();
        match &self.folder {
            None => out(String::from_utf8_lossy(&page(program)?).trim_end()),
            Some(folder) => {
                std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
                let pages = write(&program, folder)?;
                out(&format!("{pages} pages in {}", folder.display()))
            }
        }
    }
}

/// Writes the page of a command, and those of the commands below it. Returns their number.
fn write(command: &Command, folder: &Path) -> Result<usize> {
    let man = Man::new(command.clone());
    run::write_file(&folder.join(man.get_filename()), &page(command.clone())?)?;
    let below = command.get_subcommands().filter(|below| below.get_name() != "help");
    below.map(|below| write(below, folder)).sum::<Result<usize>>().map(|below| below + 1)
}

/// The page of a command.
fn page(command: Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    let failed = |e| Error::new(crate::ErrorKind::Io, format!("manual page: {e}")).caused_by(e);
    Man::new(command).render(&mut page).map_err(failed)?;
    Ok(page)
}
