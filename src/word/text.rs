//! The text of a word.

use std::str::FromStr;

/// The word in lower case, without blanks around it, its parts joined by hyphens.
pub fn plain(text: &str) -> String {
    text.trim().to_lowercase().replace(['_', ' '], "-")
}

/// Reads a value of a list without the blanks around it: `64, 32`.
pub fn trimmed<T: FromStr>(text: &str) -> Result<T, T::Err> {
    text.trim().parse()
}
