//! The permutation test through the program: the same bits in any group and after a stop, more permutations
//! later, and what is refused.

use crate::support::arrays::{integers, windows};
use crate::support::program::{assert_same, engine, folder, read, with_series};
use crate::support::stops::StopsWhen;
use engine::config::Config;
use engine::experiment::{self, Ending, Experiment, Selected};
use engine::run::RunFolder;
use std::fs;

const FILES: [&str; 3] = ["permutations.csv", "scores.json", "predictions.csv"];
const SMALL: &str = "crossval --data x.ts --hidden 4 --epochs 3 --batch 5";

#[test]
fn permutations_have_the_same_bits_in_any_group() {
    let folder = with_series();
    let runs = folder.path().join("runs");
    engine(folder.path(), &format!("{SMALL} --permutations 7 --name all"))
        .ends(0, &["7 permutations", "about"]);
    for (name, flags) in [
        ("one", "--folds-at-once 1"),
        ("three", "--folds-at-once 3 --threads 1"),
        ("ten", "--folds-at-once 10"),
    ] {
        engine(folder.path(), &format!("{SMALL} --permutations 7 --name {name} {flags}")).ends(0, &[]);
        assert_same(&runs.join("all"), &runs.join(name), &FILES);
    }
    let text = String::from_utf8(read(runs.join("all/permutations.csv"))).unwrap();
    assert_eq!(text.lines().next(), Some("permutation,accuracy,balanced_accuracy,auc"));
    assert_eq!(text.lines().count(), 8);
    engine(folder.path(), &format!("{SMALL} --permutations 7 --permutation-seed 2 --name other"))
        .ends(0, &[]);
    assert_ne!(read(runs.join("other/permutations.csv")), text.as_bytes());
    // The run itself does not depend on the test.
    engine(folder.path(), &format!("{SMALL} --name none")).ends(0, &[]);
    assert_same(&runs.join("all"), &runs.join("none"), &["predictions.csv", "metrics.jsonl"]);
}

#[test]
fn more_permutations_may_be_added_and_fewer_are_refused() {
    let folder = with_series();
    let runs = folder.path().join("runs");
    engine(folder.path(), &format!("{SMALL} --permutations 5 --name whole")).ends(0, &[]);
    engine(folder.path(), &format!("{SMALL} --name grown")).ends(0, &[]);
    assert!(!runs.join("grown/permutations.csv").exists());
    for n in [2, 5] {
        engine(folder.path(), &format!("crossval --resume runs/grown --permutations {n}")).ends(0, &[]);
    }
    assert_same(&runs.join("whole"), &runs.join("grown"), &FILES);
    assert!(fs::read_to_string(runs.join("grown/config.toml")).unwrap().contains("permutations = 5"));
    for (flags, part) in
        [("--permutations 4", "permutations = 4 (was 5)"), ("--permutation-seed 3", "permutation_seed = 3")]
    {
        let call = engine(folder.path(), &format!("crossval --resume runs/grown {flags}"));
        call.ends(2, &["a resumed run cannot change", part, "--permutations (to more)"]);
    }
}

#[test]
fn a_stopped_test_goes_on_where_it_stood() {
    let folder = with_series();
    let runs = folder.path().join("runs");
    let flags = "--permutations 6 --folds-at-once 10";
    engine(folder.path(), &format!("{SMALL} {flags} --name whole")).ends(0, &[]);
    let text = fs::read_to_string(runs.join("whole/config.toml")).unwrap();
    let mut config = Config::from_toml(&text).unwrap();
    config.data.path = folder.path().join("x.ts");
    // In its second group of permutations.
    let stops = StopsWhen::new(|note| note.starts_with("2 of 6 done"));
    let experiment = Experiment::prepare(config, &stops).unwrap();
    let run = RunFolder::create(&runs, "stopped").unwrap();
    let folds = [0, 1, 2, 3, 4];
    experiment.record(&run, &folds).unwrap();
    let selected = Selected { experiment: &experiment, folder: &run, folds: &folds };
    let ending = experiment::run(&[selected], &stops.signal, &stops, &|_, _, _| Ok(())).unwrap();
    assert!(matches!(ending, Ending::Interrupted(15)));
    assert!(!run.file("scores.json").exists());
    assert_eq!(fs::read_to_string(run.file("permutations.csv")).unwrap().lines().count(), 3);
    drop(run);
    engine(folder.path(), "crossval --resume runs/stopped").ends(0, &[]);
    assert_same(&runs.join("whole"), &runs.join("stopped"), &FILES);
}

#[test]
fn a_test_that_cannot_be_made_is_refused_before_a_run() {
    let folder = with_series();
    let numbers = |value: fn(i64) -> i64| (0..24).map(value).collect::<Vec<i64>>();
    windows(folder.path(), "w", &numbers(|i| i / 6 % 2), &[("groups", integers(&numbers(|i| i % 3)))]);
    let tiny = "--hidden 2 --epochs 1 --patience 0 --validation 0";
    let unknown = format!("crossval --data w --split subject --permutations 3 {tiny}");
    let ways = [
        "which windows were cut from one series",
        "array `trials`",
        "`--promise-independent-windows`",
        "--permutations",
    ];
    engine(folder.path(), &unknown).ends(3, &ways);
    engine(folder.path(), &format!("{SMALL} --permutations 0"))
        .ends(2, &["must be above 0", "--permutations"]);
    engine(folder.path(), &format!("{SMALL} --permutations 0.5")).ends(2, &["--permutations"]);
    let alone = engine(folder.path(), &format!("train --data x.ts --permutations 3 {tiny}"));
    alone.ends(2, &["belongs to a whole cross-validation", "engine crossval"]);
    assert!(!folder.path().join("runs").exists(), "a run was begun");
    engine(folder.path(), &format!("{unknown} --promise-independent-windows --name p")).ends(0, &[]);

    engine(folder.path(), &format!("train --data x.ts {tiny} --name t")).ends(0, &[]);
    let one = engine(folder.path(), "train --resume runs/t --permutations 3");
    one.ends(2, &["needs all 5 folds of the split, and 1 of them is trained", "engine crossval"]);
}

/// The two windows of the rare class can both fall out of the training part.
#[test]
fn a_permutation_that_cannot_be_trained_is_named() {
    let folder = folder();
    let mut labels = vec![0; 12];
    (labels[0], labels[1]) = (1, 1);
    windows(folder.path(), "w", &labels, &[("trials", integers(&(0..12).collect::<Vec<i64>>()))]);
    let flags = "--hidden 2 --epochs 1 --patience 0 --validation 0.2 --split window-holdout";
    engine(folder.path(), &format!("crossval --data w {flags}")).ends(0, &[]);
    let call = engine(folder.path(), &format!("crossval --data w {flags} --permutations 60"));
    call.ends(
        3,
        &[
            "permutation ",
            "all training sequences are of the class \"0\"",
            "each permutation must be trainable",
        ],
    );
}

#[test]
fn the_plan_and_the_help_say_what_a_test_costs() {
    let folder = with_series();
    let call = engine(folder.path(), &format!("{SMALL} --permutations 9 --dry-run")).ends(0, &[]);
    let plan = "test     9 permutations, 30 folds at once; labels permuted over all trials";
    assert!(call.out.contains(plan), "{}", call.out);
    let help = engine(folder.path(), "crossval --help")
        .ends(0, &[])
        .out
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for part in ["The smallest p is 1/(N+1)", "N times as long", "--permutation-seed <SEED>"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}
