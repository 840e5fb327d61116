//! The settings that a user gave, as distinct from defaults.

use super::resolve::given;
use super::sections::Config;
use crate::error::Result;
use clap::ArgMatches;
use std::collections::BTreeSet;
use std::path::Path;

/// The keys that a user gave. One that would have no effect is refused.
pub struct Given(BTreeSet<String>);

impl Given {
    /// The options on the command line, and the keys of a configuration file whose values are not the
    /// defaults: a file may write every value.
    ///
    /// # Errors
    ///
    /// Those of [`Config::resolve_file`].
    pub fn of(matches: &ArgMatches, file: Option<&Path>) -> Result<Self> {
        let defaults = Config::default().to_table();
        let written = match file {
            Some(file) => Config::resolve_file(file)?.to_table(),
            None => toml::Table::new(),
        };
        let mut keys = BTreeSet::new();
        for (section, values) in &written {
            let default = |key: &str| defaults.get(section).and_then(|values| values.get(key));
            // Older runs wrote the threshold of the scale from 1 to 9, whatever their label.
            let is_old = |key: &str, value: &toml::Value| key == "threshold" && value.as_float() == Some(5.0);
            let values = values.as_table().into_iter().flatten().filter(|(key, value)| !is_old(key, value));
            keys.extend(
                values.filter(|(key, value)| default(key) != Some(value)).map(|(key, _)| key.clone()),
            );
        }
        keys.extend(matches.ids().map(|id| id.to_string()).filter(|id| given(matches, id)));
        Ok(Given(keys))
    }

    /// The first of these keys that is given.
    pub fn first<'a>(&self, keys: &[&'a str]) -> Option<&'a str> {
        keys.iter().find(|key| self.0.contains(**key)).copied()
    }
}
