//! The house's habits: the field's words, the width of comments, and settings by their keys in the library.

use std::fs;
use std::path::{Path, PathBuf};

/// Most columns of a comment line, as of rustfmt's code.
const WIDTH: usize = 110;

/// Words that the field does not use, in two halves so that this file has none, and the word to use instead.
const PRIVATE: [([&str; 2], &str); 13] = [
    (["wal", "k"], "time loop"),
    (["tang", "ent"], "tanh"),
    (["so", "lo"], "persistent"),
    (["reg", "ime"], "algorithm"),
    (["ti", "er"], "algorithm"),
    (["win", "ner"], "argmax"),
    (["pri", "ms"], "intrinsics"),
    (["ro", "of"], "peak, or roofline"),
    (["unset", "tled"], "pending"),
    (["seed", "-lstm"], "study-lstm"),
    (["seed", "-gru"], "study-gru"),
    (["seed", "-bilstm"], "study-bilstm"),
    (["norm", "alise"], "normalize"),
];

/// Files where an old name is a hidden alias, or the test of one.
const ALIASES: [&str; 9] = [
    "src/backend/algorithm.rs",
    "src/backend/any/kernel_options.rs",
    "src/cli/check.rs",
    "src/config/preset.rs",
    "src/config/resolve.rs",
    "src/config/sequences.rs",
    "src/reproduce/mod.rs",
    "src/run/manifest.rs",
    "tests/old_runs.rs",
];

/// Files with options of NVRTC, a custom property of CSS, and the command that repeats a run.
const OTHER_OPTIONS: [&str; 4] = [
    "src/backend/cuda/compiler.rs",
    "src/report/provenance.rs",
    "src/experiment/record.rs",
    "src/report/scores.rs",
];

/// Every text file that people write: not records, not other programs' answers.
fn files() -> Vec<(String, String)> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let left_out = ["golden", "fixtures", "runs", "rust", "__pycache__"];
            let name = path.file_name().unwrap().to_str().unwrap();
            match path.is_dir() {
                // `src/run` and `tests/faults/runs.rs` are ours; `benches/runs` are records.
                true if left_out.contains(&name) => {}
                true => collect(&path, found),
                false => found.push(path),
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Cargo.toml"].map(|name| root.join(name)).into();
    for folder in ["src", "kernels", "tests", "benches", "examples", "tools", "docs"] {
        collect(&root.join(folder), &mut paths);
    }
    let text = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
        Some((name, String::from_utf8(fs::read(&path).unwrap()).ok()?))
    };
    let files: Vec<_> = paths.into_iter().filter_map(text).collect();
    assert!(files.len() > 400, "{}", files.len());
    files
}

/// Whether `text` has a word that begins with `word`, or an identifier with it as a part.
fn has(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(|c: char| c.is_ascii_alphabetic()))
}

#[test]
fn words_are_the_fields() {
    let mut found = Vec::new();
    for (name, text) in files() {
        for (halves, instead) in PRIVATE {
            let word = halves.concat();
            if ALIASES.contains(&name.as_str()) || !has(&text, &word) {
                continue;
            }
            // The words that the field has: a roofline, and the rule for ties.
            let strays = text.lines().filter(|line| {
                has(&line.to_lowercase().replace(&format!("{word}line"), "").replace("tierule", ""), &word)
            });
            found.extend(strays.map(|line| format!("{name}: {}: say {instead}", line.trim())));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(has("the Step", "step") && has("rnn_steps", "step") && !has("footstep", "step"));
}

/// The command line alone knows its options: the library names settings by their keys. Whole commands, which
/// begin with `engine`, may stand anywhere.
#[test]
fn the_library_names_no_option() {
    let mut found = Vec::new();
    for (name, text) in files() {
        let library = name.starts_with("src/") && name.ends_with(".rs") && !name.starts_with("src/cli/");
        if !library || OTHER_OPTIONS.contains(&name.as_str()) {
            continue;
        }
        let product = text.split("#[cfg(test)]").next().unwrap();
        let is_option = |line: &str| {
            // A line without an opening quote may continue a text.
            let literal =
                line.find('"').filter(|&at| !line[..at].contains("--")).map_or(line, |at| &line[at..]);
            let option = literal.match_indices("--").any(|(at, _)| {
                literal[at + 2..].starts_with(|c: char| c.is_ascii_lowercase())
                    && !literal[..at].ends_with('-')
            });
            option && !line.trim_start().starts_with("//") && !line.contains("engine ")
        };
        let lines = product.lines().enumerate().filter(|(_, line)| is_option(line));
        found.extend(lines.map(|(i, line)| format!("{name}:{}: {}", i + 1, line.trim())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn comments_fit_the_width_of_the_code() {
    let mut wide = Vec::new();
    for (name, text) in files() {
        if ![".rs", ".cu", ".wgsl", ".h", ".cpp"].iter().any(|ending| name.ends_with(ending)) {
            continue;
        }
        let lines = text.lines().enumerate();
        let is_wide = |line: &str| line.trim_start().starts_with("//") && line.chars().count() > WIDTH;
        wide.extend(lines.filter(|(_, line)| is_wide(line)).map(|(i, _)| format!("{name}:{}", i + 1)));
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

/// Helpers of several test modules are in `support`.
#[test]
fn test_modules_use_only_support() {
    let mut found = Vec::new();
    for (name, text) in files() {
        let is_test = name.starts_with("tests/") && name.ends_with(".rs");
        // `floors` and this file speak of paths in Rust.
        if !is_test || name.starts_with("tests/floors") || name == "tests/house.rs" {
            continue;
        }
        // Out of the module and its folder.
        let up = if name.matches('/').count() == 1 { "use super::" } else { "use super::super::" };
        let strays = text.lines().filter(|line| {
            let leaves = line.contains("crate::") || line.starts_with(up);
            leaves && !line.contains("crate::support") && !name.starts_with("tests/support/")
        });
        found.extend(strays.map(|line| format!("{name}: {}", line.trim())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A comment that begins with "What" names nothing: it should begin with the thing's name.
#[test]
fn comments_begin_with_a_name() {
    let mut found = Vec::new();
    for (name, text) in files() {
        let is_code = [".rs", ".cu", ".wgsl", ".h", ".cpp"].iter().any(|ending| name.ends_with(ending));
        for line in text.lines().filter(|_| is_code) {
            let comment = line.trim_start();
            if comment.starts_with("//") && comment.trim_start_matches(['/', '!', ' ']).starts_with("What ") {
                found.push(format!("{name}: {comment}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
