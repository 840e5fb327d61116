//! Merging options of the command line, the configuration file, the preset and the defaults.

use super::preset::Preset;
use super::sections::Config;
use crate::error::{Error, Result};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use std::path::Path;

/// Keys of older configuration files: section, old key, new key. As options and when a file is read they are
/// aliases of the fields.
const RENAMED: [[&str; 3]; 3] =
    [["frames", "step", "window_step"], ["frames", "normalise", "normalize"], ["run", "products", "gemm"]];

/// The name that the key has in this version.
fn current_key(section: &str, key: String) -> String {
    let renamed = RENAMED.iter().find(|[of, old, _]| *of == section && *old == key);
    renamed.map_or(key, |[_, _, new]| new.to_string())
}

impl Config {
    /// Merges the sources: the command line overrides the file, the file the preset, and the preset the
    /// defaults.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for unknown keys and wrong values,
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the file cannot be read.
    pub fn resolve(matches: &ArgMatches, preset: Option<Preset>, file: Option<&Path>) -> Result<Self> {
        let flags = Config::of_flags(matches)?;
        let mut merged = match preset {
            Some(preset) => preset.config().to_table(),
            None => Config::default().to_table(),
        };
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
            // Its errors name lines; those of the table do not.
            Config::from_toml(&text).map_err(|e| e.at(path.display()))?;
            let own: toml::Table = text.parse().map_err(invalid)?;
            for (section, values) in own {
                let values = values.as_table().cloned().unwrap_or_default();
                let values = values.into_iter().map(|(key, value)| (current_key(&section, key), value));
                section_of(&mut merged, &section).extend(values);
            }
        }
        override_with(&mut merged, &flags, matches);
        merged.try_into().map_err(invalid)
    }

    /// The configuration with these options, each a name and a value as on the command line. The name is that
    /// of the option or of the key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for an unknown name and a wrong value.
    pub fn with_options(&self, options: &[(String, String)]) -> Result<Self> {
        let mut command = Config::augment_args(Command::new("engine").no_binary_name(true));
        command.build();
        let mut arguments = Vec::new();
        for (name, value) in options {
            let Some((arg, long)) = option_named(&command, name).and_then(|arg| Some((arg, arg.get_long()?)))
            else {
                return Err(Error::config(format!("there is no option or key \"{name}\""))
                    .hint("`engine crossval --help` lists all options"));
            };
            if !arg.get_action().takes_values() {
                return Err(Error::config(format!("\"{name}\" is a switch, which takes no values"))
                    .hint(format!("set `{}` for all alike", arg.get_id())));
            }
            arguments.push(format!("--{long}={value}"));
        }
        // The first lines of clap's text say it all.
        let plain = |e: clap::Error| {
            let text = e.to_string();
            let text = text.split("\n\nFor more").next().unwrap_or_default().trim_start_matches("error: ");
            Error::config(text.replace('\n', " ")).caused_by(e)
        };
        self.overridden(&command.try_get_matches_from(arguments).map_err(plain)?)
    }

    /// The configuration with the options that the command line gives.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a wrong value.
    pub fn overridden(&self, matches: &ArgMatches) -> Result<Self> {
        let mut merged = self.to_table();
        override_with(&mut merged, &Config::of_flags(matches)?, matches);
        merged.try_into().map_err(invalid)
    }

    /// The options of the command line, and the defaults of the others.
    fn of_flags(matches: &ArgMatches) -> Result<Self> {
        let flags =
            Config::from_arg_matches(matches).map_err(|e| Error::config(e.to_string()).caused_by(e))?;
        flags.check_numbers()?;
        flags.refuse_unwritable_paths()?;
        Ok(flags)
    }

    pub(crate) fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("options are plain values")
    }

    /// Refuses paths that are not UTF-8, because the run's configuration file is.
    fn refuse_unwritable_paths(&self) -> Result<()> {
        let optional = [&self.data.test_file, &self.split.split_file];
        let paths = [&self.data.path, &self.run.runs].into_iter().chain(optional.into_iter().flatten());
        match paths.into_iter().find(|path| path.to_str().is_none()) {
            None => Ok(()),
            Some(path) => Err(Error::config(format!("the path {} is not UTF-8", path.display()))
                .hint("give the folder another name, or a symbolic link")),
        }
    }
}

/// Puts the options that the command line gives over others.
fn override_with(merged: &mut toml::Table, flags: &Config, matches: &ArgMatches) {
    for (section, values) in flags.to_table() {
        let Some(values) = values.as_table() else { continue };
        for (key, value) in values.iter().filter(|(key, _)| given(matches, key)) {
            section_of(merged, &section).insert(key.clone(), value.clone());
        }
    }
}

/// A section of the merged options; empty if no source before has it.
fn section_of<'a>(merged: &'a mut toml::Table, name: &str) -> &'a mut toml::Table {
    let section = merged.entry(name).or_insert_with(|| toml::Table::new().into());
    section.as_table_mut().expect("sections are tables")
}

/// The option of a command with this name, which is its own, its key, or an older one.
pub(super) fn option_named<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| {
        let aliases = arg.get_all_aliases().unwrap_or_default();
        arg.get_id() == name || arg.get_long() == Some(name) || aliases.contains(&name)
    })
}

fn invalid(error: toml::de::Error) -> Error {
    Error::config(error.message().replace('`', "\"")).caused_by(error)
}

/// Whether the command line gives the option. Option ids are unique over all sections.
pub(super) fn given(matches: &ArgMatches, id: &str) -> bool {
    matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CellName;
    use crate::data::split::SplitKind;
    use crate::ops::Cell;

    fn matches(flags: &[&str]) -> ArgMatches {
        Config::augment_args(Command::new("test").no_binary_name(true)).get_matches_from(flags)
    }

    /// The declarations of options take their defaults from `Default`, or repeat them.
    #[test]
    fn without_options_the_command_line_is_the_default() {
        assert_eq!(Config::from_arg_matches(&matches(&[])).unwrap(), Config::default());
    }

    #[test]
    fn flags_beat_the_file_and_the_file_beats_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "[network]\nhidden = [8, 9]\ncell = \"gru\"\n[training]\nepochs = 7\n")
            .unwrap();
        let config =
            Config::resolve(&matches(&["--epochs", "3", "--split", "subject"]), None, Some(&path)).unwrap();
        assert_eq!(config.network.hidden, [8, 9]);
        assert_eq!(config.network.cell, [CellName::new(Cell::Gru, 1)]);
        assert_eq!(config.training.epochs, 3);
        assert_eq!(config.split.split_by, Some(SplitKind::Subject));
        assert_eq!(config.training.batch, 32);
    }

    #[test]
    fn seeds_of_64_bits_survive_the_file_and_other_numbers_are_bounded() {
        let huge = u64::MAX.to_string();
        let config = Config::resolve(&matches(&["--seed", &huge, "--demo-seed", &huge]), None, None).unwrap();
        assert_eq!([config.training.seed, config.demo.demo_seed], [u64::MAX; 2]);
        assert_eq!(Config::from_toml(&config.to_toml()).unwrap(), config);
        for text in ["seed = -1", "seed = \"one\"", "seed = 1.5"] {
            let error = Config::from_toml(&format!("[training]\n{text}\n")).unwrap_err();
            assert!(error.message.contains("a seed from 0 to 18446744073709551615"), "{error}");
        }
        for option in ["epochs", "batch", "patience", "folds", "folds-at-once", "dense", "hidden", "threads"]
        {
            for value in [&huge, "1000000001"] {
                let flags = [format!("--{option}"), value.to_string()];
                let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
                let error = Config::resolve(&matches(&flags), None, None).unwrap_err();
                let key = option.replace('-', "_");
                assert!(error.message.contains(&format!("`{key}` is {value}, expected at most")), "{error}");
            }
        }
    }

    #[test]
    fn a_configuration_survives_its_file() {
        let network = ["--conv", "16x3,8x5", "--cell", "bilstm,gru", "--hidden", "7,5", "--biases", "1"];
        let flags = ["--window", "2", "--clip", "inf", "--label", "quadrant", "--channels", "eeg,GSR"];
        let config = Config::resolve(&matches(&[&flags[..], &network].concat()), None, None).unwrap();
        assert_eq!(Config::from_toml(&config.to_toml()).unwrap(), config);
        assert_eq!(Config::from_toml("").unwrap(), Config::default());
    }

    #[test]
    fn keys_and_options_of_older_versions_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let old = "[frames]\nwindow = 2.0\nstep = 1.0\nnormalise = \"none\"\n[run]\nproducts = \"own\"\n";
        std::fs::write(&path, old).unwrap();
        let new = old.replace("\nstep", "\nwindow_step").replace("normalise", "normalize");
        let new = Config::from_toml(&new.replace("products", "gemm")).unwrap();
        assert_eq!(Config::from_toml(old).unwrap(), new);
        assert_eq!(Config::resolve(&matches(&[]), None, Some(&path)).unwrap(), new);
        let flags = ["--window", "2", "--step", "1", "--normalise", "none", "--products", "own"];
        assert_eq!(Config::resolve(&matches(&flags), None, None).unwrap(), new);
        // The preset has the new key, and the file the old one.
        let preset = Some(Preset::StudyGru);
        let over = Config::resolve(&matches(&[]), preset, Some(&path)).unwrap();
        assert_eq!((over.frames.window_step, over.frames.normalize), (Some(1.0), new.frames.normalize));
    }

    #[test]
    fn a_misspelt_key_names_its_line_and_its_neighbor() {
        let error = Config::from_toml("[network]\nhiden = [8]\n").unwrap_err();
        assert!(error.message.contains("line 2"), "{error}");
        assert_eq!(error.hint.as_deref(), Some("did you mean \"hidden\"?"));
        assert!(Config::from_toml("[training]\nepochs = \"many\"\n").is_err());
    }
}
