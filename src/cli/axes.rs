//! Options beside a grid or a choice that sets them.

use crate::config::{Axis, Config};
use crate::error::{Error, Result};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};

/// Whether an option, by the name of its field, stands on the command line.
pub fn is_given(matches: &ArgMatches, id: &str) -> bool {
    matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// Refuses options that `setter` sets along its axes: one of both would have no effect.
pub fn refuse_axes(matches: &ArgMatches, axes: &[Axis], setter: &str) -> Result<()> {
    let command = Config::augment_args(Command::new("engine"));
    for arg in command.get_arguments() {
        let (id, long) = (arg.get_id().as_str(), arg.get_long().unwrap_or_default());
        let aliases = arg.get_all_aliases().unwrap_or_default();
        let names = |axis: &&Axis| {
            let name = axis.option.replace('_', "-");
            axis.option == id || name == long || aliases.contains(&name.as_str())
        };
        if axes.iter().any(|axis| names(&axis)) && is_given(matches, id) {
            return Err(Error::config(format!(
                "--{long} would have no effect: {setter} gives it its values"
            ))
            .hint("leave one of them out"));
        }
    }
    Ok(())
}
