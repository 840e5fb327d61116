//! The settings of a sweep, and the tasks that they make: every combination of the grid's values, once for
//! each seed.

use crate::config::{Axis, Config};
use crate::error::{Error, Result};
use crate::run::hash;
use std::collections::BTreeMap;

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
                    grid.push(Axis { option, values }.checked("grid")?);
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
        let tuning = ["tune", "inner_folds", "inner-folds"];
        let is_tuned = self.grid.iter().any(|axis| tuning.contains(&axis.option.as_str()));
        if is_tuned || !self.base.tuning.tune.is_empty() {
            return Err(Error::config(
                "a sweep takes no `tune`: it compares settings itself, by test scores",
            )
            .hint("choose settings inside the folds with `engine crossval`"));
        }
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
        Axis::distinct(&self.grid, "grid")?;
        if let Some(i) = (1..self.seeds.len()).find(|&i| self.seeds[..i].contains(&self.seeds[i])) {
            return Err(Error::config(format!("seeds: {} is there twice", self.seeds[i])));
        }
        let tasks = Axis::count(&self.grid).saturating_mul(self.seeds.len().max(1));
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
        let seeds = match self.seeds.is_empty() {
            true => vec![self.base.training.seed],
            false => self.seeds.clone(),
        };
        let mut tasks: Vec<Task> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for options in Axis::combinations(&self.grid) {
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
        if self.options.is_empty() { "base".into() } else { Axis::in_words(&self.options) }
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
