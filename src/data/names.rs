//! Names of people: two spellings of one name must not count as two people.

use crate::error::{Error, Result};
use std::collections::HashMap;

/// The most digits of a number that `f64` represents exactly.
const EXACT_DIGITS: usize = 15;

/// Refuses names that are equal but for blanks, case or number format.
///
/// # Errors
///
/// [`ErrorKind::Data`](crate::ErrorKind::Data) with both spellings.
pub fn refuse_two_spellings<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let mut seen = HashMap::<String, &str>::new();
    for name in names {
        if let Some(first) = seen.insert(canonical(name), name)
            && first != name
        {
            return Err(Error::data(format!(
                "{first:?} and {name:?} differ only in blanks, case or number format, so one person would count as two"
            ))
            .hint("write one spelling; if these are two people, give them names that differ in more"));
        }
    }
    Ok(())
}

/// The name without case, without blanks that separate no digits, and with numbers in one format.
fn canonical(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let is_number = name.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    if is_number
        && (1..=EXACT_DIGITS).contains(&digits)
        && let Ok(number) = name.parse::<f64>()
    {
        return number.to_string();
    }
    let characters: Vec<char> = name.chars().collect();
    let mut short = String::new();
    for (i, &c) in characters.iter().enumerate() {
        let is_digit = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
        let after_digit = short.ends_with(|c: char| c.is_ascii_digit());
        if c.is_whitespace() {
            let next = characters[i..].iter().find(|c| !c.is_whitespace());
            if after_digit && is_digit(next) {
                short.push(' ');
            }
        } else if c != '0' || after_digit || !is_digit(characters.get(i + 1)) {
            // Zeros before other digits are left out: `s01` is `s1`.
            short.push(c);
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_one_name() {
        for (one, other) in [
            ("s01", "S01 "),
            ("1", "1.0"),
            ("1", "01"),
            ("+2", "2."),
            ("s1", "s01"),
            ("person 3", "Person3"),
            ("p 10", "P\u{a0}10"),
            ("1e2", "100"),
        ] {
            let error = refuse_two_spellings([one, "other", other]).unwrap_err();
            assert!(error.message.contains(&format!("{one:?} and {other:?}")), "{error}");
        }
        let different = ["s1", "s10", "s100", "1 1", "11", "1.5", "15", "-1", "a", "b", "0", "s0", "s 0 1"];
        refuse_two_spellings(different).unwrap();
        // Too long for `f64`, which would take them for one number.
        refuse_two_spellings(["12345678901234567890", "12345678901234567891"]).unwrap();
    }
}
