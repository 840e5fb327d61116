//! Completions and manual pages: every command and option is there, and the programs that read them accept
//! them.

use crate::support::program::{engine, folder};
use std::fs;
use std::process::Command;

#[test]
fn completions_know_every_command_and_option() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = engine(folder.path(), &format!("completions {shell}")).ends(0, &[]).out;
        for word in ["crossval", "completions", "split", "kernel-cache", "demo-seed"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
        // Of the values of options clap tells these shells nothing.
        if !["powershell", "elvish"].contains(&shell) {
            assert!(script.contains("window-holdout"), "{shell}");
        }
        assert!(!script.contains(&["seed", "-gru"].concat()), "{shell}: an old name is completed");
    }
    engine(folder.path(), "completions tcsh").ends(2, &["tcsh", "bash"]);
}

/// Bash itself completes a command, an option and a value by the script.
#[test]
fn bash_completes() {
    let folder = folder();
    let script = engine(folder.path(), "completions bash").ends(0, &[]).out;
    fs::write(folder.path().join("engine.bash"), script).unwrap();
    for (typed, expected) in [
        ("engine cro", "crossval"),
        ("engine train --pat", "--patience"),
        ("engine train --split subject-", "subject-stimulus"),
    ] {
        let words: Vec<&str> = typed.split(' ').collect();
        let ask = format!(
            "source engine.bash; COMP_WORDS=({typed}); COMP_CWORD={}; _engine engine '{}' '{}'; echo \"${{COMPREPLY[@]}}\"",
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2]
        );
        let output = Command::new("bash").current_dir(folder.path()).args(["-c", &ask]).output().unwrap();
        let found = String::from_utf8(output.stdout).unwrap();
        assert_eq!(found.trim(), expected, "{typed}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let folder = folder();
    let page = engine(folder.path(), "man").ends(0, &[]).out;
    for part in [".TH engine 1", "First steps", "engine\\-crossval(1)", "Exit codes"] {
        assert!(page.contains(part), "no {part:?} in: {page}");
    }
    let said = engine(folder.path(), "man pages/man1").ends(0, &[]).out;
    let pages = folder.path().join("pages/man1");
    let mut names: Vec<String> = fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(said.contains(&format!("{} pages in pages/man1", names.len())), "{said}");
    for name in ["engine.1", "engine-crossval.1", "engine-data-inspect.1", "engine-man.1"] {
        assert!(names.contains(&name.to_string()), "{names:?}");
    }
    let train = fs::read_to_string(pages.join("engine-train.1")).unwrap();
    for part in ["\\-\\-split", "leave\\-one\\-subject\\-out", "\\-\\-quiet", "engine train \\-\\-data DEAP"]
    {
        assert!(train.contains(part), "no {part:?} in: {train}");
    }
}
