//! Bounds of the numbers in options and files.

use super::sections::Config;
use crate::error::{Error, Result};
use std::path::Path;

/// The most that any number of things may be: no run has so many folds, epochs or threads, and products of
/// two such numbers fit into 64 bits.
const MOST: u64 = 1_000_000_000;

impl Config {
    /// Refuses numbers that cannot be meant, before anything is planned or allocated by them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with the key and its value.
    pub fn check_numbers(&self) -> Result<()> {
        for (key, path) in self.paths() {
            if path.to_str().is_none() {
                return Err(Error::config(format!(
                    "`{key}` is {}, expected a path in UTF-8: files of settings hold no other",
                    path.display()
                ))
                .hint("give the file or folder another name, or a link to it one"));
            }
        }
        let sections = serde_json::to_value(self).expect("options are plain values");
        let sections = sections.as_object().into_iter().flatten();
        for (key, value) in sections.filter_map(|(_, section)| section.as_object()).flatten() {
            let is_seed = key.ends_with("seed");
            let numbers = std::slice::from_ref(value).iter().chain(value.as_array().into_iter().flatten());
            if let Some(number) = numbers.filter_map(|value| value.as_u64()).find(|&n| n > MOST && !is_seed) {
                return Err(Error::config(format!("`{key}` is {number}, expected at most {MOST}")));
            }
        }
        Ok(())
    }

    /// Every path, by its key.
    fn paths(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let always = [("path", &self.data.path), ("runs", &self.run.runs)];
        let sometimes = [
            ("test_file", &self.data.test_file),
            ("split_file", &self.split.split_file),
            ("from", &self.training.from),
            ("kernel_cache", &self.run.choice.kernel_cache),
        ];
        let sometimes = sometimes.into_iter().filter_map(|(key, path)| Some((key, path.as_ref()?)));
        always.into_iter().chain(sometimes).map(|(key, path)| (key, path.as_path()))
    }
}
