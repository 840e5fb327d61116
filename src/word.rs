//! Words as people type them: case, blanks around them, and the sign between their parts do not matter.

use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::{Arg, Command, ValueEnum};
use serde::de::{Deserialize, Deserializer, Error};
use std::ffi::OsStr;
use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;

/// The word in lower case, without blanks around it, its parts joined by hyphens.
pub fn plain(text: &str) -> String {
    text.trim().to_lowercase().replace(['_', ' '], "-")
}

/// The value that a word names.
pub fn named<T: ValueEnum>(text: &str) -> Option<T> {
    let plain = plain(text);
    let is_named = |value: &&T| value.to_possible_value().is_some_and(|name| name.matches(&plain, true));
    T::value_variants().iter().find(is_named).cloned()
}

/// Reads the words of an option on the command line.
pub fn word<T: ValueEnum + Clone + Send + Sync + 'static>() -> Word<T> {
    Word(PhantomData)
}

/// The parser that [`word`] returns.
#[derive(Clone)]
pub struct Word<T>(PhantomData<T>);

impl<T: ValueEnum + Clone + Send + Sync + 'static> TypedValueParser for Word<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let text = value.to_string_lossy();
        match named(&text) {
            Some(value) => Ok(value),
            // clap lists the words and names the nearest.
            None => EnumValueParser::<T>::new().parse_ref(command, arg, OsStr::new(text.trim())),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(T::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
    }
}

/// Reads a value of a list without the blanks around it: `64, 32`.
pub fn trimmed<T: FromStr>(text: &str) -> Result<T, T::Err> {
    text.trim().parse()
}

/// Reads a word in a configuration file, for serde's `deserialize_with`.
///
/// # Errors
///
/// Those of `D`, and an unknown word with the list of all.
pub fn deserialize<'de, D: Deserializer<'de>, T: ValueEnum>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    named(&text).ok_or_else(|| {
        let names = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        unknown(&text, names.map(|name| format!("`{}`", name.get_name())))
    })
}

/// The error for a word that is none of the names, in serde's own words.
fn unknown<E: Error>(word: impl Display, names: impl Iterator<Item = String>) -> E {
    E::custom(format!("unknown variant `{word}`, expected one of {}", names.collect::<Vec<_>>().join(", ")))
}

/// The same for a setting that may be left out.
///
/// # Errors
///
/// Those of [`deserialize`].
pub fn optional<'de, D: Deserializer<'de>, T: ValueEnum>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, ValueEnum)]
    enum Kind {
        Window,
        WindowHoldout,
    }

    #[test]
    fn case_blanks_and_signs_do_not_matter() {
        for text in ["window-holdout", " Window-Holdout ", "WINDOW_HOLDOUT", "window holdout"] {
            assert_eq!(named(text), Some(Kind::WindowHoldout), "{text}");
        }
        assert_eq!(named::<Kind>("windows"), None);
        assert_eq!(trimmed::<usize>(" 64 "), Ok(64));
    }
}
