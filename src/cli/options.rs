//! Rewrites the settings in messages as options.
//!
//! The library names a setting by its key in the configuration file, because it may be used without a command
//! line.

use crate::config::Config;
use clap::{Args, Command};
use std::collections::HashMap;
use std::sync::LazyLock;

/// The option of each configuration key: `batch` is `--batch`, `frame_kind` is `--frames`.
static OPTIONS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let command = Config::augment_args(Command::new("engine"));
    let option =
        |argument: &clap::Arg| Some((argument.get_id().to_string(), argument.get_long()?.to_string()));
    command.get_arguments().filter_map(option).collect()
});

/// Rewrites configuration keys in backticks as options: `batch` becomes `--batch`, and `split_by = subject`
/// becomes `--split subject`. Other text stays as it is.
pub fn as_options(text: &str) -> String {
    let option = |quoted: &str| {
        let (key, value) = match quoted.split_once(" = ") {
            Some((key, value)) => (key, format!(" {value}")),
            None => (quoted, String::new()),
        };
        Some(format!("--{}{value}", OPTIONS.get(key)?))
    };
    let parts: Vec<&str> = text.split('`').collect();
    // Odd parts are in backticks, unless the last backtick has no partner.
    let quoted = |i: usize| i % 2 == 1 && i + 1 < parts.len();
    let replaced = |(i, part): (usize, &&str)| {
        let option = if quoted(i) { option(part) } else { None };
        option.unwrap_or_else(|| part.to_string())
    };
    parts.iter().enumerate().map(replaced).collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::as_options;

    #[test]
    fn settings_in_backticks_become_options_and_nothing_else_does() {
        for (text, expected) in [
            ("use a smaller `batch`", "use a smaller `--batch`"),
            (
                "leave `split_by` out, or use `split_by = subject`",
                "leave `--split` out, or use `--split subject`",
            ),
            (
                "give `frame_kind`, `folds_at_once` or `path`",
                "give `--frames`, `--folds-at-once` or `--data`",
            ),
            ("the batch of `engine devices`", "the batch of `engine devices`"),
            ("`batch", "`batch"),
        ] {
            assert_eq!(as_options(text), expected);
        }
    }
}
