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
    assert_eq!(printed, fs::read_to_string(preset).unwrap());
}
