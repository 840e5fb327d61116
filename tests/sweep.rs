//! Sweeps: each task is a plain run bit for bit, processes share the work, nothing is lost or counted twice.

#[cfg(feature = "wgpu")]
mod adapters;
mod claims;
mod collect;
mod settings;

use crate::support::arrays::six_people;
use crate::support::program::{assert_same, command, engine, folder};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The class raises one of two channels.
fn data(folder: &Path) {
    six_people(folder, "w", &["a", "b"], 0, 1.0);
}

fn with_data() -> TempDir {
    let folder = folder();
    data(folder.path());
    folder
}

const BASE: &str = "--data w --split subject --folds 3 --epochs 3 --patience 0 --validation 0 --quiet";
/// Not in the order of the names, in which a sweep has them.
const GRID: &str = "--grid hidden=3;4,2 --grid cell=lstm,gru --seeds 1,2";

fn json(path: &Path, arguments: &str) -> Value {
    serde_json::from_str(&engine(path, arguments).ends(0, &[]).out).unwrap()
}

fn states(path: &Path, sweep: &str) -> Vec<String> {
    let tasks = json(path, &format!("sweep status {sweep} --json"));
    tasks.as_array().unwrap().iter().map(|task| task["state"].as_str().unwrap().to_string()).collect()
}

/// Waits until a file is there.
fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn kill(child: &mut Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// Waits until a training has saved its first state.
fn wait_for_training(run: &Path) {
    wait_for(&run.join("metrics.jsonl"));
    let logged = Instant::now();
    while fs::metadata(run.join("metrics.jsonl")).unwrap().len() == 0 {
        assert!(logged.elapsed() < Duration::from_secs(120), "no state was saved");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_task_is_a_plain_run_and_the_results_are_put_together() {
    let folder = with_data();
    let path = folder.path();
    let plan = engine(path, &format!("sweep plan {BASE} {GRID}")).ends(0, &[]).out;
    assert!(plan.contains("cell gru, hidden 4,2: 3 folds") && plan.contains("8 tasks"), "{plan}");
    assert_eq!(plan.matches(" MiB, about").count(), 4, "{plan}");
    assert!(!path.join("runs").exists(), "a plan begins nothing");
    let run = format!("sweep run {BASE} {GRID} --name s").replace(" --quiet", "");
    // Both seeds of a shape.
    engine(path, &run).ends(0, &["2 tasks at once, from 1 to 2", "2 tasks at once, from 7 to 8"]);
    assert_eq!(states(path, "runs/s"), ["finished"; 8]);
    let plain = format!("crossval {BASE} --cell gru --hidden 4,2 --seed 2 --name plain");
    engine(path, &plain).ends(0, &[]);
    let run = path.join("runs/s/runs/0008-gru-4-2-seed-2");
    assert_same(&run, &path.join("runs/plain"), &["predictions.csv", "metrics.jsonl"]);

    let collected = json(path, "sweep collect runs/s --json");
    let settings = collected["settings"].as_array().unwrap();
    assert_eq!(settings.len(), 4);
    // As in the verdicts of its runs.
    let verdict = |run: &Value| {
        let scores =
            fs::read_to_string(path.join("runs/s/runs").join(run.as_str().unwrap()).join("scores.json"));
        serde_json::from_str::<Value>(&scores.unwrap()).unwrap()["verdict"].clone()
    };
    for setting in settings {
        let bars = setting["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|runs| verdict(&runs[0])["bars"][0]["rule"].clone());
        assert_eq!(setting["baselines"], bars.collect::<Value>());
    }
    let bars = verdict(&settings[0]["runs"][0][0])["bars"].as_array().unwrap().clone();
    let chance = bars.iter().map(|bar| bar["accuracy"].as_f64().unwrap()).fold(0.0, f64::max);
    assert!(collected["chance"][0]["best_of"]["chance"].as_f64().unwrap() >= chance, "{collected}");
    let last = &settings[3];
    assert_eq!(last["values"], serde_json::json!(["gru", "4,2"]));
    // The mean over seeds and subjects, and the spread of the seeds, by hand.
    let of_run = |name: &str| {
        let text = fs::read_to_string(path.join("runs/s/runs").join(name).join("scores.json")).unwrap();
        let scores: Value = serde_json::from_str(&text).unwrap();
        scores["trial"]["by_subject"]["accuracy"]["mean"].as_f64().unwrap()
    };
    let seeds = [of_run("0007-gru-4-2-seed-1"), of_run("0008-gru-4-2-seed-2")];
    let close = |found: &Value, expected: f64| (found.as_f64().unwrap() - expected).abs() < 1e-12;
    assert!(close(&last["accuracy"]["mean"], (seeds[0] + seeds[1]) / 2.0), "{last}");
    assert!(close(&last["seed_sd"], (seeds[0] - seeds[1]).abs() / 2f64.sqrt()), "{last}");
    assert_eq!(last["accuracy"]["n"], 6);
    let chance = &collected["chance"][0]["best_of"];
    assert_eq!([&chance["guesses"], &chance["trials"]], [8, 48]);
    assert_eq!(fs::read_to_string(path.join("runs/s/sweep.csv")).unwrap().lines().count(), 9);
    let page = fs::read_to_string(path.join("runs/s/sweep.html")).unwrap();
    for words in
        ["Sweep s", "By two options", "runs/0008-gru-4-2-seed-2/report.html", "The best of 8 guesses"]
    {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn a_failed_task_is_named_and_the_others_go_on() {
    let folder = with_data();
    let path = folder.path();
    // Two thousand folds are more than there are people.
    let run = format!("sweep run {} --grid folds=3,2000,2 --name s", BASE.replace("--folds 3 ", ""));
    engine(path, &run).ends(2, &["1 tasks failed, the first is 2", "--retry"]);
    assert_eq!(states(path, "runs/s"), ["finished", "failed", "finished"]);
    engine(path, "sweep collect runs/s").ends(3, &["2 of 3 tasks have scores", "0002-2000-seed-1 failed"]);
    let partial = engine(path, "sweep collect runs/s --partial").ends(0, &[]).out;
    assert!(partial.contains("PARTIAL: 1 tasks have no scores") && partial.contains("0002-2000-seed-1"));
    engine(path, "sweep run --resume runs/s --quiet").ends(1, &["1 tasks failed"]);
    // A status that cannot be read is a failure, too, and stops nothing else.
    let runs = path.join("runs/s/runs");
    fs::write(runs.join("0001-3-seed-1/status.json"), "no status").unwrap();
    fs::remove_dir_all(runs.join("0003-2-seed-1")).unwrap();
    engine(path, "sweep run --resume runs/s --quiet")
        .ends(1, &["2 tasks failed, the first is 1", "status.json"]);
    assert_eq!(states(path, "runs/s"), ["failed", "failed", "finished"]);
}

/// Tasks that ask for different instructions never train at once: each has the device that it names.
#[test]
fn tasks_on_different_devices_train_apart() {
    let folder = with_data();
    let path = folder.path();
    engine(path, &format!("sweep run {BASE} --grid isa=portable,avx2 --seeds 1,2 --name s")).ends(0, &[]);
    let status =
        |name: &str| fs::read(path.join("runs/s/runs").join(name).join("resume.safetensors")).unwrap();
    for (name, isa) in [("0001-portable-seed-1", "portable"), ("0003-avx2-seed-1", "avx2")] {
        let state = status(name);
        let has = |word: &str| state.windows(word.len()).any(|bytes| bytes == word.as_bytes());
        assert!(has(isa), "the saved state of {name} names another device");
    }
}

/// Learning rates train at once. One that is absurd ends alone.
#[test]
fn a_task_that_diverges_takes_no_other_along() {
    let folder = with_data();
    let path = folder.path();
    let run =
        format!("sweep run {BASE} --clip inf --grid lr=0.001,1e38,0.01 --name s").replace(" --quiet", "");
    let said = [
        "3 tasks at once, from 1 to 3",
        "3 tasks that trained at once go on one by one",
        "failed, the first is 2",
    ];
    engine(path, &run).ends(6, &said);
    assert_eq!(states(path, "runs/s"), ["finished", "failed", "finished"]);
    engine(path, &format!("crossval {BASE} --clip inf --lr 0.01 --name plain")).ends(0, &[]);
    assert_same(
        &path.join("runs/s/runs/0003-0.01-seed-1"),
        &path.join("runs/plain"),
        &["predictions.csv", "metrics.jsonl"],
    );
}

/// The data are read once for all labels, and networks of two labels train in one stack, each with the bits
/// that it has alone. A label of other classes, or windows that are scaled by themselves, is a stack of its
/// own.
#[test]
fn tasks_with_other_labels_train_at_once() {
    let folder = folder();
    let path = folder.path();
    let base = "--data demo --demo-subjects 3 --split subject --hidden 3 --epochs 2 --validation 0";
    let grid = "--grid label=valence,arousal,quadrant --dead-zone 1 --seeds 1,2";
    let run = engine(path, &format!("sweep run {base} {grid} --name s"))
        .ends(0, &["4 tasks at once, from 1 to 4", "2 tasks at once, from 5 to 6"]);
    assert_eq!(run.err.matches("generating").count(), 1, "the data are read once: {}", run.err);
    for (run, label, seed) in [("0002-valence-seed-2", "valence", 2), ("0003-arousal-seed-1", "arousal", 1)] {
        let plain =
            format!("crossval {base} --label {label} --dead-zone 1 --seed {seed} --name {run} --quiet");
        engine(path, &plain).ends(0, &[]);
        let files = ["predictions.csv", "metrics.jsonl", "split.json"];
        assert_same(&path.join("runs/s/runs").join(run), &path.join("runs").join(run), &files);
    }
    let scaled = format!("sweep run {base} --scale l2 --grid label=valence,arousal --seeds 1,2 --name own");
    engine(path, &scaled).ends(0, &["2 tasks at once, from 1 to 2", "2 tasks at once, from 3 to 4"]);
}

#[test]
fn what_was_changed_by_hand_does_not_go_on() {
    let folder = with_data();
    let path = folder.path();
    let long = BASE.replace("--epochs 3", "--epochs 2000");
    let begin = format!("sweep run {long} --seeds 1 --grid lr=0.001 --save-every 0.05 --name s");
    let mut first = Running(command(path, &begin).spawn().unwrap());
    let run = path.join("runs/s/runs/0001-0.001-seed-1");
    wait_for(&run.join("resume.safetensors"));
    kill(&mut first.0, "-TERM");
    assert_eq!(first.0.wait().unwrap().code(), Some(143));
    let refused = "does not belong to the saved state";
    for file in ["split.json", "config.toml"] {
        let own = fs::read_to_string(run.join(file)).unwrap();
        fs::write(run.join(file), own.replacen("hidden", "hidden ", 1) + " ").unwrap();
        engine(path, "sweep run --resume runs/s --retry --quiet").ends(3, &[file, refused]);
        fs::write(run.join(file), own).unwrap();
    }
    engine(path, "sweep run --resume runs/s --retry --quiet").ends(0, &[]);
}
