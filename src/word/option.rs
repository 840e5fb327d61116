//! Words of options on the command line.

use super::text::plain;
use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::{Arg, Command, ValueEnum};
use std::ffi::OsStr;
use std::marker::PhantomData;

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
        let plain = plain(&text);
        let is_named = |value: &&T| value.to_possible_value().is_some_and(|name| name.matches(&plain, true));
        match T::value_variants().iter().find(is_named) {
            Some(value) => Ok(value.clone()),
            // clap lists the words and names the nearest.
            None => EnumValueParser::<T>::new().parse_ref(command, arg, OsStr::new(text.trim())),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(T::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
    }
}
