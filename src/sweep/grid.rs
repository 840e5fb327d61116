//! The settings of a sweep, and the tasks that they make: every combination of the grid's values, once for
//! each seed, and for each fold where folds are tasks.

use crate::backend::ALL_ADAPTERS;
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
    /// The number of folds where each is a task of its own.
    pub folds_as_tasks: Option<usize>,
}

/// A cross-validation of the sweep, or a fold of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// From 1, in the order of the grid: the first axis changes last, then the seed, the fold first.
    pub number: usize,
    /// Option and value, along each axis.
    pub options: Vec<(String, String)>,
    /// The seed.
    pub seed: u64,
    /// The fold that it trains, from 1; `None` for all of them.
    pub fold: Option<usize>,
    /// The complete configuration.
    pub config: Config,
}

/// Most tasks of a sweep.
const TASKS: usize = 100_000;

impl Settings {
    /// Reads a configuration with additions: `seeds = [1, 2]`, a table `[grid]` of options and lists of
    /// values, and `folds_as_tasks = 8`, the number of folds, where each is a task.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with the key.
    pub fn from_toml(text: &str) -> Result<Self> {
        let invalid = |e: toml::de::Error| Error::config(e.to_string().replace('`', "\"")).caused_by(e);
        let mut table: toml::Table = text.parse().map_err(invalid)?;
        let seeds = match table.remove("seeds") {
            None => Vec::new(),
            Some(seeds) => {
                let seeds = seeds.as_array().map(|seeds| seeds.iter().map(seed).collect::<Option<_>>());
                seeds.flatten().ok_or_else(|| Error::config("seeds: expected a list of whole numbers"))?
            }
        };
        let folds_as_tasks =
            match table.remove("folds_as_tasks") {
                None => None,
                Some(folds) => Some(folds.try_into().map_err(|e| {
                    Error::config("folds_as_tasks: expected the number of folds").caused_by(e)
                })?),
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
        Settings { base, grid, seeds, folds_as_tasks }.checked()
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
        if let Some(folds) = self.folds_as_tasks {
            whole.insert("folds_as_tasks".into(), toml::Value::Integer(folds as i64));
        }
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
        let is_all = |axis: &&Axis| axis.option == "adapter" && axis.values.iter().any(|v| v == ALL_ADAPTERS);
        if let Some(axis) = self.grid.iter().find(is_all) {
            return Err(Error::config(format!("grid {}: `all` is no GPU of a task", axis.option))
                .hint("leave `adapter` out of the grid, and give it as an option"));
        }
        let same = [
            "threads",
            "folds_at_once",
            "folds-at-once",
            "save_every",
            "save-every",
            "kernel_cache",
            "kernel-cache",
        ];
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
        let folds = self.folds_as_tasks.unwrap_or(1);
        let tasks =
            [self.seeds.len().max(1), folds].into_iter().fold(Axis::count(&self.grid), usize::saturating_mul);
        if self.folds_as_tasks.is_some() && self.base.permutation.permutations.is_some() {
            return Err(Error::config(
                "`permutations` need all folds of a run, and here each fold is a task",
            )
            .hint("leave one of them out"));
        }
        if folds == 0 {
            return Err(Error::config("folds_as_tasks is 0, expected the number of folds"));
        }
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
                let first = tasks.len() + 1;
                if let Some(same) = known.insert(config.to_toml(), first) {
                    return Err(Error::config(format!(
                        "grid: tasks {same} and {first} are the same training"
                    )));
                }
                let folds = match self.folds_as_tasks {
                    None => vec![None],
                    Some(folds) => (1..=folds).map(Some).collect(),
                };
                tasks.extend(folds.into_iter().enumerate().map(|(i, fold)| Task {
                    number: first + i,
                    options: options.clone(),
                    seed,
                    fold,
                    config: config.clone(),
                }));
            }
        }
        Ok(tasks)
    }
}

impl Task {
    /// The name of its run folder: `0012-gru-arousal-seed-3`, with `-fold-2` where it is one.
    pub fn name(&self) -> String {
        let values = self.options.iter().map(|(_, value)| value.clone());
        let words: Vec<String> = values.chain([format!("seed-{}", self.seed)]).collect();
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        let words: String = words.join("-").chars().map(plain).take(80).collect();
        let fold = self.fold.map_or(String::new(), |fold| format!("-fold-{fold}"));
        format!("{:04}-{words}{fold}", self.number)
    }

    /// Whether both belong to one cross-validation.
    pub(super) fn is_of_one_run(&self, other: &Task) -> bool {
        self.options == other.options && self.seed == other.seed
    }

    /// The folds, from 0, that it trains of so many.
    ///
    /// # Errors
    ///
    /// If there is no such fold.
    pub fn selection(&self, folds: usize) -> Result<Vec<usize>> {
        match self.fold {
            None => Ok((0..folds).collect()),
            Some(fold) if fold <= folds => Ok(vec![fold - 1]),
            Some(fold) => Err(Error::config(format!("fold {fold} of a split of {folds}"))
                .hint("begin the sweep again, whose combinations must have one number of folds")),
        }
    }

    /// The settings in words: `cell gru, label arousal`.
    pub fn setting(&self) -> String {
        if self.options.is_empty() { "base".into() } else { Axis::in_words(&self.options) }
    }

    /// The hash of its configuration and its fold.
    pub fn hash(&self) -> String {
        let fold = self.fold.map_or(String::new(), |fold| format!("fold = {fold}\n"));
        hash(format!("{fold}{}", self.config.to_toml()).as_bytes())
    }
}

/// A seed, as text where TOML has no such number.
fn seed(value: &toml::Value) -> Option<u64> {
    match value {
        toml::Value::String(text) => text.parse().ok(),
        number => number.as_integer().and_then(|seed| u64::try_from(seed).ok()),
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
