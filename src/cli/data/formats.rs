//! `data formats`: the formats that are read.

use super::super::options::as_options;
use super::super::output::out;
use crate::data::formats;
use crate::error::Result;
use clap::Args;

/// The arguments of `engine data formats`.
#[derive(Args)]
pub struct FormatsCommand {}

impl FormatsCommand {
    /// Prints the description.
    pub fn run(&self) -> Result<()> {
        out(as_options(&formats::describe()).trim_end())
    }
}
