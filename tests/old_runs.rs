//! What an earlier version wrote is still read: run folders, checkpoints and configuration files in `fixtures/runs`, whose README
//! says how each was made.

use super::faults::{Call, engine, folder};
use std::fs;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs")
}

/// A copy of the run folder `name`, as `run` in a new folder.
fn copied(name: &str) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
            if path.is_dir() {
                copy(&path, &to)
            } else {
                fs::copy(&path, to).unwrap();
            }
        }
    }
    let folder = folder();
    copy(&fixtures().join(name), &folder.path().join("run"));
    folder
}

#[track_caller]
fn run(folder: &Path, arguments: &str) -> Call {
    engine(folder, arguments).ends(0, &[])
}

#[test]
fn a_trained_run_is_evaluated_and_reported_with_the_scores_it_had() {
    let folder = copied("trained");
    let scores = fs::read_to_string(folder.path().join("run/scores.json")).unwrap();
    assert_eq!(run(folder.path(), "evaluate run --json --quiet").out.trim(), scores.trim());
    run(folder.path(), "report run");
    let page = fs::read_to_string(folder.path().join("run/report.html")).unwrap();
    assert!(page.contains("bilstm") || page.contains("BiLSTM"), "the page names the network");
}

#[test]
fn a_stopped_run_goes_on_to_the_bytes_of_one_that_was_not() {
    let folder = copied("stopped");
    run(folder.path(), "crossval --resume run --quiet");
    let predictions = fs::read(folder.path().join("run/predictions.csv")).unwrap();
    // Of the same command, not stopped, of that version.
    let whole = fs::read_to_string(fixtures().join("stopped.blake3")).unwrap();
    assert_eq!(blake3::hash(&predictions).to_string(), whole.trim());
}

#[test]
fn a_configuration_file_means_what_it_meant() {
    let folder = folder();
    let preset = fixtures().join("preset.toml");
    let printed = run(folder.path(), &format!("train --config {} --print-config", preset.display())).out;
    // It says so under the keys of today.
    assert_eq!(printed, fs::read_to_string(preset).unwrap().replace("normalise", "normalize"));
}

#[test]
fn names_of_older_versions_are_understood_and_not_shown() {
    let folder = folder();
    let printed = |arguments: &str| run(folder.path(), arguments).out;
    for preset in ["lstm", "gru", "bilstm", "bilstm-lstm"] {
        let print = |family: &str| printed(&format!("train --preset {family}-{preset} --print-config"));
        assert_eq!(print("seed"), print("study"), "{preset}");
    }
    let old = "train --window 2 --step 1 --normalise subject --print-config";
    assert_eq!(printed(old), printed("train --window 2 --window-step 1 --normalize subject --print-config"));
    // The measured figures differ from call to call.
    printed("profile --batch 2 --time-steps 3 --features 4 --hidden 4 --warmup 0 --steps 2");
    for command in ["train", "crossval", "reproduce", "profile", "check", "kernels", "summary"] {
        let help = printed(&format!("{command} --help"));
        for old in ["seed-", "--step ", "--steps ", "normalise", "--products", "--tier", "--regime", "solo"] {
            assert!(!help.contains(old), "`{old}` in the help of {command}");
        }
    }
}

/// The kernels of a GPU need none to be printed.
#[cfg(all(feature = "cuda", feature = "wgpu"))]
#[test]
fn algorithms_of_older_versions_are_understood() {
    let folder = folder();
    for (backend, old, new) in [
        ("cuda", "--regime solo", "--algorithm persistent"),
        ("cuda", "--regime per-step", "--algorithm per-step"),
        ("wgpu", "--tier registers", "--algorithm persistent"),
        ("wgpu", "--tier streamed", "--algorithm streamed"),
    ] {
        let print = |option: &str| {
            run(folder.path(), &format!("kernels --backend {backend} --hidden 32 --list {option}")).out
        };
        assert_eq!(print(old), print(new));
        assert!(print(new).contains(&format!("algorithm `{}`", new.split(' ').nth(1).unwrap())));
    }
}
