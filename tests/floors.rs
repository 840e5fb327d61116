//! Imports go down only.

use std::path::Path;

/// Modules by floor, from the ground up. A module may use those on lower floors and those before it on its own.
const FLOORS: [&[&str]; 5] = [
    &["error", "progress", "random", "ops", "reference"],
    &["backend", "data"],
    &["metrics", "model", "cases", "checkpoint"],
    &["check", "profile", "train", "config", "run", "report", "experiment", "reproduce"],
    &["cli"],
];

/// These two stand side by side: what computes knows nothing of where numbers come from, and the other way round.
const SIBLINGS: [&str; 2] = ["backend", "data"];

fn place(module: &str) -> Option<(usize, usize)> {
    FLOORS.iter().enumerate().find_map(|(f, floor)| Some((f, floor.iter().position(|m| *m == module)?)))
}

fn rust_files(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Modules that a source text names as `crate::module`, also inside `crate::{...}`; tests and comments aside.
fn imports(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]").next().unwrap();
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let word =
        |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    code.join("\n").split("crate::").skip(1).map(word).filter(|module| place(module).is_some()).collect()
}

#[test]
fn imports_go_down_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let mut seen = 0;
    for file in files {
        let relative = file.strip_prefix(&source).unwrap();
        let own = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if ["lib", "main"].contains(&own) {
            continue;
        }
        let own_place = place(own).unwrap_or_else(|| panic!("{own} stands on no floor: add it to this test"));
        for used in imports(&std::fs::read_to_string(&file).unwrap()) {
            let below = place(&used).unwrap() < own_place || used == own;
            let siblings = used != own && SIBLINGS.contains(&own) && SIBLINGS.contains(&used.as_str());
            assert!(below && !siblings, "{} uses crate::{used}, which is not below it", relative.display());
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} imports found: does this test still see them?");
}
