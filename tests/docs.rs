//! The documents hold: commands exist, parse and run, links and anchors lead somewhere, the README is short.

mod commands;
mod links;
mod markdown;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::program::{command, engine, folder};
use commands::{Call, Commands, calls, cheap};
use links::dead_links;

/// Most lines of the README.
const README: usize = 150;

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page that people read, by its path in the repository, with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let mut names: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "kernels/README.md"].map(PathBuf::from).into();
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    names.extend(docs.map(|path| path.strip_prefix(root()).unwrap().to_path_buf()));
    names.sort();
    assert!(names.len() > 15, "{names:?}");
    let text = |name: PathBuf| (name.clone(), fs::read_to_string(root().join(name)).unwrap());
    names.into_iter().map(text).collect()
}

#[test]
fn every_command_exists_and_parses() {
    let commands = Commands::of_the_program();
    let wrong: Vec<String> = pages().iter().flat_map(|(page, text)| commands.wrong(page, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Commands that end within seconds run as they stand, beside the recordings that the guide generates.
#[test]
fn cheap_commands_run() {
    let folder = folder();
    engine(folder.path(), "data demo --out recordings --subjects 3 --quiet").ends(0, &[]);
    let all: BTreeSet<Call> = pages().iter().flat_map(|(_, text)| calls(text)).collect();
    let cheap: Vec<Call> = all.into_iter().filter(cheap).collect();
    assert!(cheap.len() > 12, "{}", cheap.len());
    for Call { arguments, .. } in cheap {
        let output = command(folder.path(), "").args(&arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "engine {}: {error}", arguments.join(" "));
    }
}

#[test]
fn every_link_leads_somewhere() {
    let dead: Vec<String> = pages().iter().flat_map(|(page, text)| dead_links(root(), page, text)).collect();
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

/// Each page of docs/ is in the index, so that a reader finds it.
#[test]
fn the_index_lists_every_page() {
    let index = fs::read_to_string(root().join("docs/README.md")).unwrap();
    for (page, _) in pages() {
        let Ok(name) = page.strip_prefix("docs") else { continue };
        assert!(
            name == Path::new("README.md") || index.contains(&format!("({})", name.display())),
            "{name:?}"
        );
    }
}

/// Each picture is on a page, and `tools/pictures` makes it.
#[test]
fn every_picture_is_shown_and_made_by_a_command() {
    let maker = fs::read_to_string(root().join("tools/pictures")).unwrap();
    for entry in fs::read_dir(root().join("docs/pictures")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(maker.contains(&format!("\"{name}\": ")), "tools/pictures does not make {name}");
        let shown = pages().iter().any(|(_, text)| text.contains(&format!("pictures/{name})")));
        assert!(shown, "no page shows {name}");
    }
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= README, "README.md has {lines} lines, expected at most {README}");
}

/// Each wrong line is found, and no other.
#[test]
fn planted_errors_are_found() {
    let commands = Commands::of_the_program();
    let wrong = |text: &str| commands.wrong(Path::new("docs/page.md"), text).len();
    for right in [
        "    engine train --cell gru    # a comment",
        "    cargo build --release && engine crossval --split subject > out.txt",
        "    VARIABLE=1 engine profile --backend cuda --predict",
        "    cargo run --release -- check --cell lstm",
        "    cargo test --release -- split metrics::simulations --nocapture",
        "    cargo bench -- rnn",
        "    tools/check",
        "Use `engine data formats` and `--dry-run`, or `engine\ndata formats`.",
        "| ``say `--dry-run` `` | `engine crossval --leave-out ...` |",
        "The engine trains networks, and `engine` is its name.",
    ] {
        assert_eq!(wrong(right), 0, "{right}: {:?}", commands.wrong(Path::new("docs/page.md"), right));
    }
    for planted in [
        "    engine trane",
        "    engine train --cell lstmm",
        "    engine train --no-such-option 3    # a comment",
        "    cd somewhere && engine crossval --epochs many",
        "    engine compare runs/one",
        "    engine predict runs/one",
        "    engine crossval --split-file split.json --folds 3",
        "    cargo run --release -- trian",
        "    cargo test --release -- no_such_module",
        "    cargo bench -- no_such_bench",
        "    tools/no-such-tool --option",
        "Use `engine data format`.",
        "Run `tools/no-such-tool` or nothing.",
        "Use `--no-such-option`, which is not there.",
        "| ``say `--no-such-option` `` |",
    ] {
        assert_eq!(wrong(planted), 1, "{planted}");
    }

    let dead = |text: &str| dead_links(root(), Path::new("docs/page.md"), text).len();
    let links = "[a](guide.md) [b](../README.md#install) [c](#here) [d](https://example.org/none)\n\n# Here\n\n`[e](none)`";
    assert_eq!(dead(links), 0);
    for planted in
        ["[a](no-such-page.md)", "![a](pictures/none.png)", "[a](guide.md#no-such-heading)", "[a](#none)"]
    {
        assert_eq!(dead(planted), 1, "{planted}");
    }
}
