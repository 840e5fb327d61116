//! `engine train --all`, and what the other commands say of such a run.

use crate::support::program::{assert_same, command, engine, folder, series, unlabeled, with_series};
use engine::run::FoldCheckpoint;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const SMALL: &str = "--data x.ts --hidden 3 --epochs 2 --quiet";

#[test]
fn one_network_is_trained_on_all_data_and_predicts_others() {
    let folder = with_series();
    let path = folder.path();
    let call = engine(path, &format!("train {SMALL} --all --name final")).ends(0, &[]);
    assert!(
        call.out.contains(
            "Trained on 32 sequences, and 8 to stop early by. It tests nothing: there is no test part, so no score is claimed."
        ),
        "{}",
        call.out
    );
    let run = path.join("runs/final");
    for file in ["scores.json", "confusion.csv"] {
        assert!(!run.join(file).exists(), "{file}");
    }
    assert_eq!(fs::read_to_string(run.join("predictions.csv")).unwrap().lines().count(), 1);
    let manifest: Value = serde_json::from_slice(&fs::read(run.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["scope"]["asks"], "nothing: there is no test part, so no score is claimed");
    assert_eq!(manifest["split"]["kind"], "all");
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    for part in ["there is no test part, so no score is claimed", "engine predict", "train --config"] {
        assert!(page.contains(part), "no {part:?} in the page");
    }

    fs::write(path.join("new.ts"), unlabeled(&series(7, 2, 9))).unwrap();
    let predicted = engine(path, "predict runs/final new.ts").ends(0, &[]);
    assert_eq!(predicted.out.lines().count(), 8, "{}", predicted.out);

    // The configuration in the folder repeats the run, and so does the split by its own name.
    engine(path, "train --config runs/final/config.toml --name again --quiet").ends(0, &[]);
    engine(path, &format!("train {SMALL} --split all --name third")).ends(0, &[]);
    for other in ["again", "third"] {
        let files = ["split.json", "checkpoints/best/fold-01.safetensors"];
        assert_same(&run, &path.join("runs").join(other), &files);
    }
}

#[test]
fn all_of_the_data_means_all_without_validation() {
    let folder = with_series();
    let path = folder.path();
    let call = engine(path, &format!("train {SMALL} --all --validation 0 --name r")).ends(0, &[]);
    assert!(call.out.contains("Trained on 40 sequences, all epochs."), "{}", call.out);
    let json = engine(path, &format!("train {SMALL} --all --json")).ends(0, &[]).out;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["scores"].is_null() && json["scope"]["asks"].as_str().unwrap().starts_with("nothing"));
    // Of one part alone, copies are no leak; that nobody looked for them is said.
    engine(path, &format!("train {SMALL} --all --validation 0 --allow-copies --name copies"))
        .ends(0, &["copies are allowed by the user, and nobody looked for them"]);
    let plan = engine(path, &format!("train {SMALL} --all --dry-run")).ends(0, &[]).out;
    assert!(plan.contains("tests nothing: there is no test part"), "{plan}");
}

#[test]
fn commands_about_scores_say_that_there_are_none() {
    let folder = with_series();
    let path = folder.path();
    engine(path, &format!("train {SMALL} --all --name final")).ends(0, &[]);
    engine(path, &format!("crossval {SMALL} --folds 2 --name scored")).ends(0, &[]);
    let none = "runs/final has no scores: it was trained without a test part";
    engine(path, "evaluate runs/final").ends(3, &[none, "engine predict RUN FILES"]);
    engine(path, "compare runs/scored runs/final").ends(3, &[none]);
    engine(path, "report runs/final").ends(0, &[]);
    let runs = engine(path, "runs").ends(0, &[]).out;
    let row =
        |name: &str| runs.lines().find(|line| line.starts_with(&format!("| {name} "))).unwrap().to_string();
    assert!(row("final").contains("finished") && row("final").contains("no test part"), "{runs}");
    assert!(!row("scored").contains("no test part"), "{runs}");
    engine(path, &format!("crossval {SMALL} --split all")).ends(2, &["a cross-validation needs a test part"]);
    engine(path, &format!("ablate {SMALL} --split all --by channel"))
        .ends(2, &["an ablation compares scores"]);
    engine(path, &format!("train {SMALL} --all --fold 2")).ends(2, &["--all", "--fold"]);
    engine(path, &format!("train {SMALL} --all --split trial")).ends(2, &["--all", "--split"]);
    engine(path, &format!("train {SMALL} --all --folds 3"))
        .ends(2, &["without a test part there is one fold", "--folds"]);
    engine(path, &format!("train {SMALL} --all --permutations 9")).ends(2, &["--permutations"]);
    // Weights that have seen everything are no start for a run that tests something.
    engine(path, &format!("crossval {SMALL} --from runs/final")).ends(3, &["from runs/final"]);
}

/// An archive's TEST part is data like the rest.
#[test]
fn an_archive_s_test_part_is_trained_on_too() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("x_TRAIN.ts"), series(12, 1, 1)).unwrap();
    fs::write(path.join("x_TEST.ts"), series(8, 1, 2)).unwrap();
    let archive = "--data x_TRAIN.ts --test x_TEST.ts --hidden 3 --epochs 1 --validation 0 --quiet";
    let call = engine(path, &format!("train {archive} --all")).ends(0, &[]);
    assert!(call.out.contains("Trained on 20 sequences"), "{}", call.out);
}

/// A stopped training goes on, and ends with the same weights; a finished one has nothing to go on with.
#[test]
fn such_a_run_goes_on_after_a_stop() {
    let folder = with_series();
    let path = folder.path();
    let long =
        "train --data x.ts --hidden 3 --epochs 1500 --patience 0 --save-every 0.05 --all --validation 0";
    engine(path, &format!("{long} --name whole --quiet")).ends(0, &[]);
    let mut run = command(path, &format!("{long} --name stopped --quiet")).spawn().unwrap();
    let log = path.join("runs/stopped/metrics.jsonl");
    let start = Instant::now();
    while fs::metadata(&log).map_or(0, |log| log.len()) == 0 {
        assert!(start.elapsed() < Duration::from_secs(120), "no step was logged");
        std::thread::sleep(Duration::from_millis(2));
    }
    Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(143));
    let (whole, stopped) = (path.join("runs/whole"), path.join("runs/stopped"));
    assert!(fs::metadata(&log).unwrap().len() < fs::metadata(whole.join("metrics.jsonl")).unwrap().len());
    engine(path, "train --resume runs/stopped --quiet").ends(0, &[]);
    assert_same(&whole, &stopped, &["metrics.jsonl", "split.json"]);
    let weights =
        |run: &Path| FoldCheckpoint::read(&run.join("checkpoints/best/fold-01.safetensors")).unwrap().weights;
    assert_eq!(weights(&whole), weights(&stopped));
    engine(path, "train --resume runs/stopped --epochs 1600")
        .ends(2, &["--epochs and --patience cannot change any more"]);
}
