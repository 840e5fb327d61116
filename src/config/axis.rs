//! An option with several values, and all combinations of such.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// An option and the values that it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// The name of the option or key: `cell`.
    pub option: String,
    /// Its values as on the command line.
    pub values: Vec<String>,
}

/// Options and their values, as on the command line.
pub type Options = Vec<(String, String)>;

impl Axis {
    /// Reads `cell=lstm,gru`. Values that have commas themselves are separated by semicolons:
    /// `hidden=64,32;128`. Errors name `place`: the setting that has the text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for text of another form, and for a value that is
    /// there twice.
    pub fn parse(place: &str, text: &str) -> Result<Self> {
        let Some((option, values)) = text.split_once('=') else {
            return Err(Error::config(format!("{place} {text:?}: expected an option and its values"))
                .hint("write, for instance, `cell=lstm,gru`"));
        };
        let separator = if values.contains(';') { ';' } else { ',' };
        let values = values.split(separator).map(|value| value.trim().to_string()).collect();
        Axis { option: option.trim().trim_start_matches('-').to_string(), values }.checked(place)
    }

    /// Refuses an option without a value, or with one value twice.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with the option and `place`.
    pub fn checked(self, place: &str) -> Result<Self> {
        let Axis { option, values } = &self;
        if values.is_empty() || values.iter().any(String::is_empty) {
            return Err(Error::config(format!("{place} {option}: a value is missing")));
        }
        match (1..values.len()).find(|&i| values[..i].contains(&values[i])) {
            Some(i) => Err(Error::config(format!("{place} {option}: {} is there twice", values[i]))),
            None => Ok(self),
        }
    }

    /// Refuses two axes of one option.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with the option and `place`.
    pub fn distinct(axes: &[Axis], place: &str) -> Result<()> {
        let options: Vec<&str> = axes.iter().map(|axis| axis.option.as_str()).collect();
        match (1..options.len()).find(|&i| options[..i].contains(&options[i])) {
            Some(i) => Err(Error::config(format!("{place} {}: there twice", options[i]))),
            None => Ok(()),
        }
    }

    /// The number of combinations of one value of each axis.
    pub fn count(axes: &[Axis]) -> usize {
        axes.iter().map(|axis| axis.values.len()).fold(1, usize::saturating_mul)
    }

    /// Every combination of one value of each axis, as options and values. The first axis changes last.
    pub fn combinations(axes: &[Axis]) -> Vec<Options> {
        let mut combinations: Vec<Options> = vec![Vec::new()];
        for axis in axes {
            let longer = |options: &Options| {
                let with = |value: &String| {
                    let mut options = options.clone();
                    options.push((axis.option.clone(), value.clone()));
                    options
                };
                axis.values.iter().map(with).collect::<Vec<_>>()
            };
            combinations = combinations.iter().flat_map(longer).collect();
        }
        combinations
    }

    /// A combination in words: `cell gru, label arousal`.
    pub fn in_words(options: &[(String, String)]) -> String {
        let words: Vec<String> = options.iter().map(|(option, value)| format!("{option} {value}")).collect();
        words.join(", ")
    }
}
