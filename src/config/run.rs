//! The options of the device and of the run folder.

use crate::backend::{AnyDevice, DeviceChoice, Kind};
use crate::error::Result;
#[cfg(feature = "cli")]
use crate::word::word;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The device of a run, and its folder.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[cfg_attr(feature = "cli", command(next_help_heading = "Run"))]
#[cfg_attr(feature = "cli", command(mut_arg("isa", |isa| also(isa, "The paths round differently"))))]
#[cfg_attr(feature = "cli", command(mut_arg("kernel_cache", |folder| also(folder, "Does not change results"))))]
pub struct RunConfig {
    /// Compute backend; the program never falls back to another one
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_parser = word::<Kind>(), value_name = "BACKEND", default_value_t = Self::default().backend))]
    pub backend: Kind,
    /// The device of the backend, and its settings.
    #[cfg_attr(feature = "cli", command(flatten))]
    #[serde(flatten)]
    pub choice: DeviceChoice,
    /// Number of CPU threads [default: all cores]. Does not change results
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Number of folds trained at the same time [default: all; in a permutation test about 32]. Fewer folds
    /// need less memory. Does not change results
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds_at_once: Option<usize>,
    /// Seconds between two saved states, from which `--resume` goes on after a crash [default: 30]. Saving
    /// never takes more than 2 % of the time. Does not change results
    #[cfg_attr(feature = "cli", arg(long, value_name = "SECONDS"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save_every: Option<f64>,
    /// Name of the run folder [default: made of cell, label and split]
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Folder in which run folders are created
    #[cfg_attr(feature = "cli", arg(long, value_name = "DIR", default_value_os_t = Self::default().runs))]
    pub runs: PathBuf,
}

impl Default for RunConfig {
    fn default() -> Self {
        RunConfig {
            backend: Kind::Cpu,
            choice: DeviceChoice::default(),
            threads: None,
            folds_at_once: None,
            save_every: None,
            name: None,
            runs: "runs".into(),
        }
    }
}

/// Adds a sentence to the help of an option that all commands share.
#[cfg(feature = "cli")]
fn also(option: clap::Arg, what: &str) -> clap::Arg {
    let shared = option.get_help().map(ToString::to_string).unwrap_or_default();
    option.help(format!("{shared}. {what}"))
}

impl RunConfig {
    /// The time between two saved states.
    pub fn save_every(&self) -> Duration {
        Duration::from_secs_f64(self.save_every.unwrap_or(30.0))
    }

    /// Opens the device.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Backend`](crate::ErrorKind::Backend) if the backend is not built in or finds no such
    /// device.
    pub fn device(&self) -> Result<AnyDevice> {
        AnyDevice::open(self.backend, &self.choice)
    }

    /// Replaces the run's device by the chosen one. Settings that `choice` leaves open remain, unless the
    /// backend changes.
    pub fn choose(&mut self, backend: Option<Kind>, choice: &DeviceChoice) {
        let own = std::mem::take(&mut self.choice);
        let stays = backend.is_none_or(|backend| backend == self.backend);
        self.backend = backend.unwrap_or(self.backend);
        self.choice = choice.clone().or(if stays { own } else { DeviceChoice::default() });
    }
}

/// The keys of `[run]`.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Backend,
    Isa,
    Adapter,
    Precision,
    #[serde(alias = "products")]
    Gemm,
    KernelCache,
    Threads,
    FoldsAtOnce,
    SaveEvery,
    Name,
    Runs,
}

/// A word as people type it.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Typed<T>(#[serde(deserialize_with = "crate::word::deserialize")] T);

/// Not derived: with `flatten`, serde would lose the line of a wrong key or value and accept unknown keys.
impl<'de> Deserialize<'de> for RunConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = RunConfig;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("struct RunConfig")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut keys: A) -> Result<RunConfig, A::Error> {
                let mut run = RunConfig::default();
                while let Some(key) = keys.next_key()? {
                    match key {
                        Key::Backend => run.backend = keys.next_value::<Typed<_>>()?.0,
                        Key::Isa => run.choice.isa = Some(keys.next_value::<Typed<_>>()?.0),
                        Key::Adapter => run.choice.adapter = keys.next_value()?,
                        Key::Precision => run.choice.precision = Some(keys.next_value::<Typed<_>>()?.0),
                        Key::Gemm => run.choice.gemm = Some(keys.next_value::<Typed<_>>()?.0),
                        Key::KernelCache => run.choice.kernel_cache = keys.next_value()?,
                        Key::Threads => run.threads = keys.next_value()?,
                        Key::FoldsAtOnce => run.folds_at_once = keys.next_value()?,
                        Key::SaveEvery => run.save_every = keys.next_value()?,
                        Key::Name => run.name = keys.next_value()?,
                        Key::Runs => run.runs = keys.next_value()?,
                    }
                }
                Ok(run)
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;
    use clap::{Args, Command, FromArgMatches};

    /// The test gives every option, so reading fails if an option has no [`Key`].
    #[test]
    fn every_option_of_a_run_is_read_as_it_was_written() {
        let command = RunConfig::augment_args(Command::new("test").no_binary_name(true));
        let mut flags = Vec::new();
        for option in command.get_arguments() {
            let first = option.get_possible_values().first().map(|value| value.get_name().to_string());
            let value = first.unwrap_or_else(|| "7".into());
            flags.push(format!("--{}={value}", option.get_long().unwrap()));
        }
        let run = RunConfig::from_arg_matches(&command.get_matches_from(&flags)).unwrap();
        let text = toml::to_string(&run).unwrap();
        let keys: Vec<&str> = text.lines().map(|line| line.split(" = ").next().unwrap()).collect();
        assert_eq!(
            keys,
            [
                "backend",
                "isa",
                "adapter",
                "precision",
                "gemm",
                "kernel_cache",
                "threads",
                "folds_at_once",
                "save_every",
                "name",
                "runs"
            ]
        );
        assert_eq!(toml::from_str::<RunConfig>(&text).unwrap(), run);
        let unknown = toml::from_str::<RunConfig>("threads = 1\nadaptor = \"0\"\n").unwrap_err().to_string();
        assert!(unknown.contains("line 2") && unknown.contains("one of `backend`, `isa`"), "{unknown}");
    }
}
