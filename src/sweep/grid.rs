//! The settings of a sweep, and the tasks that they make: every combination of the grid's values, once for
//! each seed.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::run::hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An option and the values that it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// The name of the option or key: `cell`.
    pub option: String,
    /// Its values as on the command line.
    pub values: Vec<String>,
}

/// The settings of a sweep; `sweep.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The settings that all tasks share.
    pub base: Config,
    /// The options that differ, by name: a table of TOML has no other order.
    pub grid: Vec<Axis>,
    /// The seeds of every combination; of the base alone if there are none.
    pub seeds: Vec<u64>,
}

/// A cross-validation of the sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// From 1, in the order of the grid: the first axis changes last, the seed first.
    pub number: usize,
    /// Option and value, along each axis.
    pub options: Vec<(String, String)>,
    /// The seed.
    pub seed: u64,
    /// The complete configuration.
    pub config: Config,
}

/// Most tasks of a sweep.
const TASKS: usize = 100_000;

impl Axis {
    /// Reads `cell=lstm,gru`. Values that have commas themselves are separated by semicolons:
    /// `hidden=64,32;128`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for text of another form, and for a value that is
    /// there twice.
    pub fn parse(text: &str) -> Result<Self> {
        let Some((option, values)) = text.split_once('=') else {
            return Err(Error::config(format!("grid {text:?}: expected an option and its values"))
                .hint("write, for instance, `engine sweep plan --grid cell=lstm,gru`"));
        };
        let separator = if values.contains(';') { ';' } else { ',' };
        let values = values.split(separator).map(|value| value.trim().to_string()).collect();
        Axis { option: option.trim().trim_start_matches('-').to_string(), values }.checked()
    }

    fn checked(self) -> Result<Self> {
        let Axis { option, values } = &self;
        if values.is_empty() || values.iter().any(String::is_empty) {
            return Err(Error::config(format!("grid {option}: a value is missing")));
        }
        match (1..values.len()).find(|&i| values[..i].contains(&values[i])) {
            Some(i) => Err(Error::config(format!("grid {option}: {} is there twice", values[i]))),
            None => Ok(self),
        }
    }
}

impl Settings {
    /// Reads a configuration with two additions: `seeds = [1, 2]`, and a table `[grid]` of options and lists
    /// of values.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with the key.
    pub fn from_toml(text: &str) -> Result<Self> {
        let invalid = |e: toml::de::Error| Error::config(e.to_string().replace('`', "\"")).caused_by(e);
        let mut table: toml::Table = text.parse().map_err(invalid)?;
        let seeds = match table.remove("seeds") {
            None => Vec::new(),
            Some(seeds) => seeds
                .try_into()
                .map_err(|e| Error::config("seeds: expected a list of whole numbers").caused_by(e))?,
        };
        let mut grid = Vec::new();
        match table.remove("grid") {
            None => {}
            Some(toml::Value::Table(axes)) => {
                for (option, values) in axes {
                    let Some(values) = values.as_array() else {
                        return Err(Error::config(format!("grid {option}: expected a list of values"))
                            .hint(format!("write `{option} = [ ... ]`")));
                    };
                    let values = values.iter().map(word).collect();
                    grid.push(Axis { option, values }.checked()?);
                }
            }
            Some(other) => {
                return Err(Error::config(format!("grid: expected a table, found {}", other.type_str())));
            }
        }
        let base = Config::from_toml(&toml::to_string(&table).expect("it was TOML"))?;
        Settings { base, grid, seeds }.checked()
    }

    /// The text of `sweep.toml`.
    pub fn to_toml(&self) -> String {
        let lists = self.grid.iter().map(|axis| (axis.option.clone(), axis.values.clone().into()));
        let mut whole = toml::Table::new();
        // Seeds have 64 bits, and TOML's numbers have a sign: as in a run's configuration.
        let seeds = |&seed: &u64| match i64::try_from(seed) {
            Ok(seed) => toml::Value::Integer(seed),
            Err(_) => toml::Value::String(seed.to_string()),
        };
        whole.insert("seeds".into(), self.seeds.iter().map(seeds).collect::<Vec<_>>().into());
        whole.extend(self.base.to_table());
        whole.insert("grid".into(), lists.collect::<toml::Table>().into());
        toml::to_string(&whole).expect("settings are plain values")
    }

    /// Refuses settings that make no sweep.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with the setting.
    pub fn checked(mut self) -> Result<Self> {
        self.grid.sort_by(|a, b| a.option.cmp(&b.option));
        let own = ["seed", "name", "runs", "permutations"];
        if let Some(axis) = self.grid.iter().find(|axis| own.contains(&axis.option.as_str())) {
            return Err(Error::config(format!("grid {}: a sweep sets this itself", axis.option))
                .hint("seeds have a list of their own: `seeds`"));
        }
        let same = ["threads", "save_every", "save-every", "kernel_cache", "kernel-cache"];
        if let Some(axis) = self.grid.iter().find(|axis| same.contains(&axis.option.as_str())) {
            return Err(Error::config(format!(
                "grid {}: it changes no result, so all tasks would be the same training",
                axis.option
            ))
            .hint("give it as an option instead"));
        }
        let options: Vec<&str> = self.grid.iter().map(|axis| axis.option.as_str()).collect();
        if let Some(i) = (1..options.len()).find(|&i| options[..i].contains(&options[i])) {
            return Err(Error::config(format!("grid {}: there twice", options[i])));
        }
        if let Some(i) = (1..self.seeds.len()).find(|&i| self.seeds[..i].contains(&self.seeds[i])) {
            return Err(Error::config(format!("seeds: {} is there twice", self.seeds[i])));
        }
        let axes = self.grid.iter().map(|axis| axis.values.len());
        let tasks = axes.fold(self.seeds.len().max(1), usize::saturating_mul);
        if tasks > TASKS {
            return Err(Error::config(format!("the grid has {tasks} tasks, at most {TASKS} are possible")));
        }
        Ok(self)
    }

    /// Every task.
    ///
    /// # Errors
    ///
    /// Those of [`Config::with_options`], and for two tasks that are the same training.
    pub fn tasks(&self) -> Result<Vec<Task>> {
        let mut combinations: Vec<Vec<(String, String)>> = vec![Vec::new()];
        for axis in &self.grid {
            let longer = |options: &Vec<(String, String)>| {
                let with = |value: &String| {
                    let mut options = options.clone();
                    options.push((axis.option.clone(), value.clone()));
                    options
                };
                axis.values.iter().map(with).collect::<Vec<_>>()
            };
            combinations = combinations.iter().flat_map(longer).collect();
        }
        let seeds = match self.seeds.is_empty() {
            true => vec![self.base.training.seed],
            false => self.seeds.clone(),
        };
        let mut tasks: Vec<Task> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for options in combinations {
            let config = self.base.with_options(&options).map_err(|e| e.at("grid"))?;
            for &seed in &seeds {
                let mut config = config.clone();
                config.training.seed = seed;
                config.check()?;
                let number = tasks.len() + 1;
                if let Some(same) = known.insert(config.to_toml(), number) {
                    return Err(Error::config(format!(
                        "grid: tasks {same} and {number} are the same training"
                    )));
                }
                tasks.push(Task { number, options: options.clone(), seed, config });
            }
        }
        Ok(tasks)
    }
}

impl Task {
    /// The name of its run folder: `0012-gru-arousal-seed-3`.
    pub fn name(&self) -> String {
        let values = self.options.iter().map(|(_, value)| value.clone());
        let words: Vec<String> = values.chain([format!("seed-{}", self.seed)]).collect();
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        format!("{:04}-{}", self.number, words.join("-").chars().map(plain).take(80).collect::<String>())
    }

    /// The settings in words: `cell gru, label arousal`.
    pub fn setting(&self) -> String {
        let words: Vec<String> =
            self.options.iter().map(|(option, value)| format!("{option} {value}")).collect();
        if words.is_empty() { "base".into() } else { words.join(", ") }
    }

    /// The hash of its configuration.
    pub fn hash(&self) -> String {
        hash(self.config.to_toml().as_bytes())
    }
}

/// A value as on the command line: the elements of a list are separated by commas.
fn word(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(values) => values.iter().map(word).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
