//! `sweep collect`: results that are put together, and those that are refused.

use super::{BASE, data, json, states, with_data};
use crate::support::arrays::six_people;
use crate::support::program::engine;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Each fold is a task; put together they are the cross-validation, bit for bit.
#[test]
fn folds_as_tasks_make_the_whole_cross_validation() {
    let folder = with_data();
    let path = folder.path();
    let grid = "--grid cell=lstm,gru --seeds 1,2 --folds-as-tasks";
    let plan = engine(path, &format!("sweep plan {BASE} {grid}")).ends(0, &[]).out;
    assert!(plan.contains("cell gru: 3 folds") && plan.contains("12 tasks"), "{plan}");
    engine(path, &format!("sweep submit --slurm --script-only {BASE} {grid} --name s")).ends(0, &[]);
    let script = fs::read_to_string(path.join("runs/s/slurm.sh")).unwrap();
    assert!(script.contains("#SBATCH --array=1-12"), "{script}");
    engine(path, "sweep run --resume runs/s --task 11 --quiet").ends(0, &[]);
    engine(path, "sweep run --resume runs/s --quiet").ends(0, &[]);
    assert!(path.join("runs/s/runs/0011-gru-seed-2-fold-2").is_dir());
    engine(path, &format!("sweep run {BASE} {} --name whole", grid.replace(" --folds-as-tasks", "")))
        .ends(0, &[]);
    let [parts, whole] = ["s", "whole"].map(|name| json(path, &format!("sweep collect runs/{name} --json")));
    for (part, whole) in
        parts["settings"].as_array().unwrap().iter().zip(whole["settings"].as_array().unwrap())
    {
        for key in ["name", "seeds", "by_seed", "seed_sd", "accuracy", "baseline"] {
            assert_eq!(part[key], whole[key], "{key}");
        }
        assert_eq!(part["runs"][1].as_array().unwrap().len(), 3);
    }
    assert_eq!(parts["chance"], whole["chance"]);
    for (number, run) in [(1, "0001-lstm-seed-1"), (4, "0002-lstm-seed-2"), (10, "0004-gru-seed-2")] {
        let joined = format!("runs/s/predictions/{number:04}-{}-fold-1.csv", &run[5..]);
        let predictions = path.join("runs/whole/runs").join(run).join("predictions.csv");
        assert_eq!(fs::read(path.join(joined)).unwrap(), fs::read(predictions).unwrap(), "{run}");
    }
    let page = fs::read_to_string(path.join("runs/s/sweep.html")).unwrap();
    assert!(page.contains("runs/0012-gru-seed-2-fold-3/report.html"));
    // One fold is missing: its cross-validation is.
    fs::remove_dir_all(path.join("runs/s/runs/0005-lstm-seed-2-fold-2")).unwrap();
    engine(path, "sweep collect runs/s")
        .ends(3, &["11 of 12 tasks have scores", "0005-lstm-seed-2-fold-2 waiting"]);
    let partial = json(path, "sweep collect runs/s --partial --json");
    assert_eq!(partial["settings"][0]["seeds"], serde_json::json!([1]));
    // One fold in the place of another.
    let fold = |name: &str| path.join("runs/s/runs").join(name);
    fs::rename(fold("0006-lstm-seed-2-fold-3"), fold("0005-lstm-seed-2-fold-2")).unwrap();
    engine(path, "sweep collect runs/s").ends(3, &["is not a run of task 5"]);
    let partial = engine(path, "sweep collect runs/s --partial").ends(0, &["is not a run of task 5"]).out;
    assert!(partial.contains("PARTIAL: 2 tasks"), "{partial}");
    let uneven = format!("sweep plan {} --grid folds=2,3 --folds-as-tasks", BASE.replace("--folds 3 ", ""));
    engine(path, &uneven).ends(2, &["folds 3 has 3 folds, and folds 2 has 2"]);
}
/// A fold that was trained on other data, or of another kind of sweep, makes no cross-validation.
#[test]
fn folds_of_other_data_are_not_put_together() {
    let folder = with_data();
    let path = folder.path();
    engine(path, &format!("sweep run {BASE} --seeds 1 --folds-as-tasks --name s")).ends(0, &[]);
    fs::remove_dir_all(path.join("runs/s/runs/0002-seed-1-fold-2")).unwrap();
    fs::remove_dir_all(path.join("w")).unwrap();
    six_people(path, "w", &["a", "b"], 0, 2.0);
    engine(path, "sweep run --resume runs/s --quiet").ends(0, &[]);
    engine(path, "sweep collect runs/s")
        .ends(3, &["0001-seed-1-fold-1 was trained on other data than there are now"]);
    fs::remove_dir_all(path.join("w")).unwrap();
    data(path);
    engine(path, "sweep collect runs/s")
        .ends(3, &["0002-seed-1-fold-2 was trained on other data than there are now"]);
    engine(path, &format!("sweep run {BASE} --seeds 1 --folds-as-tasks --permutations 9"))
        .ends(2, &["here each fold is a task"]);
}
#[test]
fn runs_that_leak_are_marked_and_are_no_guesses() {
    let folder = with_data();
    let path = folder.path();
    let leaky = BASE.replace("--split subject", "--split window");
    engine(path, &format!("sweep run {leaky} --grid hidden=2;3 --name s")).ends(0, &[]);
    let collected = json(path, "sweep collect runs/s --json");
    assert_eq!(collected["leaky"], true);
    assert_eq!(collected["chance"], serde_json::json!([]));
    let page = fs::read_to_string(path.join("runs/s/sweep.html")).unwrap();
    assert!(page.contains("LEAKY") && !page.contains("guesses"), "{page}");
}
#[test]
fn two_results_of_a_task_and_foreign_ones_are_refused() {
    let folder = with_data();
    let path = folder.path();
    engine(path, &format!("sweep run {BASE} --grid hidden=2;3 --name s")).ends(0, &[]);
    let runs = path.join("runs/s/runs");
    let [one, two] = ["0001-2-seed-1", "0002-3-seed-1"].map(|name| runs.join(name));
    let copy = |from: &Path, to: &Path| {
        assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
    };
    let twice = runs.join("0001-2-seed-1-2");
    copy(&one, &twice);
    engine(path, "sweep collect runs/s").ends(3, &["0001-2-seed-1-2 belongs to no task"]);
    fs::remove_dir_all(&twice).unwrap();
    // Another task's run under this one's name.
    fs::rename(&one, path.join("own")).unwrap();
    copy(&two, &one);
    engine(path, "sweep collect runs/s").ends(3, &["0001-2-seed-1 is not a run of task 1"]);
    fs::remove_dir_all(&one).unwrap();
    // The same task of a sweep with other settings.
    let other = BASE.replace("--epochs 3", "--epochs 2");
    engine(path, &format!("sweep run {other} --grid hidden=2;3 --name other")).ends(0, &[]);
    copy(&path.join("runs/other/runs/0001-2-seed-1"), &one);
    engine(path, "sweep collect runs/s").ends(3, &["0001-2-seed-1 is not a run of task 1"]);
    // A run that was made by hand.
    fs::remove_file(one.join("task.json")).unwrap();
    engine(path, "sweep collect runs/s").ends(3, &["0001-2-seed-1 is not a run of task 1"]);
    // A configuration that somebody changed.
    fs::copy(path.join("own/task.json"), one.join("task.json")).unwrap();
    engine(path, "sweep collect runs/s").ends(3, &["0001-2-seed-1 has other settings than its task"]);
    fs::remove_dir_all(&one).unwrap();
    fs::rename(path.join("own"), &one).unwrap();
    engine(path, "sweep collect runs/s").ends(0, &[]);
    // Settings that somebody changed.
    let file = path.join("runs/s/sweep.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("epochs = 3", "epochs = 4")).unwrap();
    engine(path, "sweep collect runs/s").ends(3, &["makes other tasks than those"]);
}
#[test]
fn runs_of_other_data_are_not_put_together() {
    let folder = with_data();
    let path = folder.path();
    engine(path, &format!("sweep submit --slurm --script-only {BASE} --seeds 1,2 --name s")).ends(0, &[]);
    engine(path, "sweep run --resume runs/s --task 1 --quiet").ends(0, &[]);
    fs::remove_dir_all(path.join("w")).unwrap();
    six_people(path, "w", &["a", "b"], 1, 2.0);
    engine(path, "sweep run --resume runs/s --task 2 --quiet").ends(0, &[]);
    for partial in ["", "--partial"] {
        engine(path, &format!("sweep collect runs/s {partial}"))
            .ends(3, &["0002-seed-2 was trained on other data than 0001-seed-1"]);
    }
}
#[test]
fn permutations_of_a_run_and_large_seeds_are_collected() {
    let folder = with_data();
    let path = folder.path();
    engine(path, &format!("sweep run {BASE} --seeds 18446744073709551615,1 --name s")).ends(0, &[]);
    assert_eq!(states(path, "runs/s"), ["finished"; 2]);
    engine(path, "crossval --resume runs/s/runs/0002-seed-1 --permutations 3 --quiet").ends(0, &[]);
    engine(path, "sweep collect runs/s").ends(0, &[]);
    // With one run that cannot be used, the others are collected if that is wanted.
    fs::remove_file(path.join("runs/s/runs/0002-seed-1/manifest.json")).unwrap();
    engine(path, "sweep collect runs/s").ends(7, &["0002-seed-1"]);
    let partial = engine(path, "sweep collect runs/s --partial").ends(0, &["manifest.json"]).out;
    assert!(partial.contains("PARTIAL") && partial.contains("0002-seed-1"), "{partial}");
}
