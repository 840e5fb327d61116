//! Words as people type them: case, blanks around them, and the sign between their parts do not matter.

#[cfg(feature = "cli")]
mod option;
mod text;

#[cfg(feature = "cli")]
pub use option::{Word, word};
pub use text::{plain, trimmed};

use serde::de::value::StrDeserializer;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer};
use std::fmt::{self, Display};

/// Reads a word in a configuration file, for serde's `deserialize_with`.
///
/// # Errors
///
/// Those of `D`, and an unknown word with the list of all.
pub fn deserialize<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    T::deserialize(StrDeserializer::new(&plain(&text))).map_err(|unknown: Unknown| match unknown {
        Unknown::Word(names) => de::Error::unknown_variant(&text, names),
        Unknown::Other(message) => de::Error::custom(message),
    })
}

/// The same for a setting that may be left out.
///
/// # Errors
///
/// Those of [`deserialize`].
pub fn optional<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserialize(deserializer).map(Some)
}

/// The failure to read a word. It keeps the names, for a message with the word as it was typed.
#[derive(Debug)]
enum Unknown {
    Word(&'static [&'static str]),
    Other(String),
}

impl de::Error for Unknown {
    fn custom<T: Display>(message: T) -> Self {
        Unknown::Other(message.to_string())
    }

    fn unknown_variant(_: &str, names: &'static [&'static str]) -> Self {
        Unknown::Word(names)
    }
}

impl Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unknown::Word(names) => write!(f, "expected one of {}", names.join(", ")),
            Unknown::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Unknown {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        Window,
        WindowHoldout,
    }

    #[test]
    fn case_blanks_and_signs_do_not_matter() {
        let read = |text| deserialize::<_, Kind>(StrDeserializer::<de::value::Error>::new(text));
        for text in ["window-holdout", " Window-Holdout ", "WINDOW_HOLDOUT", "window holdout"] {
            assert_eq!(read(text), Ok(Kind::WindowHoldout), "{text}");
        }
        assert_eq!(read("window"), Ok(Kind::Window));
        let error = read("Windows").unwrap_err().to_string();
        assert_eq!(error, "unknown variant `Windows`, expected `window` or `window-holdout`");
        assert_eq!(trimmed::<usize>(" 64 "), Ok(64));
    }
}
