//! Words of a command line that people copy.

/// As a shell takes it for one word.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@".contains(c);
    match word.chars().all(plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_shell_takes_a_quoted_word_for_one() {
        assert_eq!(super::quoted("runs/gru-valence/config.toml"), "runs/gru-valence/config.toml");
        assert_eq!(super::quoted("my runs/it's"), r"'my runs/it'\''s'");
    }
}
