//! The ledger of looks: which scores count, that none is lost, and how much luck the best of several has.

use crate::support::arrays::{integers, windows};
use crate::support::program::{Call, command, engine, folder};
use engine::metrics::BestOf;
use engine::random::{Random, Stream};
use engine::run::{Manifest, RunFolder};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Options of a training that takes no time.
const TINY: &str = "--hidden 2 --epochs 1 --patience 0 --validation 0 --quiet";

/// A folder with windows of 12 trials by 3 people, `w`; and `v`, with other labels and people.
fn data() -> tempfile::TempDir {
    let folder = folder();
    let numbers = |count, value: fn(i64) -> i64| (0..count).map(value).collect::<Vec<i64>>();
    let arrays = |count| {
        [("groups", integers(&numbers(count, |i| i % 3))), ("trials", integers(&numbers(count, |i| i / 6)))]
    };
    windows(folder.path(), "w", &numbers(24, |i| i / 6 % 2), &arrays(24));
    windows(folder.path(), "v", &numbers(36, |i| i / 6 % 2), &arrays(36));
    folder
}

#[track_caller]
fn run(folder: &Path, arguments: &str) -> Call {
    engine(folder, arguments).ends(0, &[])
}

/// Trains on `w` by subject, with these options more; the count.
#[track_caller]
fn trained(folder: &Path, options: &str) -> Value {
    looks(&run(folder, &format!("crossval --data w --json {TINY} {options}")))
}

fn looks(call: &Call) -> Value {
    serde_json::from_str::<Value>(&call.out).unwrap()["looks"].clone()
}

#[track_caller]
fn counts(looks: &Value, number: u64, so_far: u64) {
    assert_eq!((looks["number"].as_u64(), looks["so_far"].as_u64()), (Some(number), Some(so_far)), "{looks}");
}

fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("runs/looks.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_run_on_the_same_trials_counts_and_the_best_of_them_is_told() {
    let data = data();
    let folder = data.path();
    let first = run(folder, &format!("crossval --data w {TINY} --name a"));
    assert!(first.out.contains("This is the first score on these test trials in runs/."), "{}", first.out);
    assert!(!first.out.contains("The best of"), "{}", first.out);
    // Another seed, another network, other frames.
    counts(&trained(folder, "--name b --seed 2"), 2, 2);
    counts(&trained(folder, "--name c --cell gru"), 3, 3);
    counts(&trained(folder, "--name d --scale l2"), 4, 4);
    // Other data do not.
    let other = run(folder, &format!("crossval --data v --json {TINY} --name other"));
    counts(&looks(&other), 1, 1);
    // The same weights show nobody anything new.
    counts(&trained(folder, "--name again"), 1, 4);

    let fifth = run(folder, &format!("crossval --data w {TINY} --name e --seed 5"));
    let sentences =
        ["This is the 5th score on these test trials in runs/.", "The best of 5 guesses on 12 trials"];
    let page = fs::read_to_string(folder.join("runs/e/report.html")).unwrap();
    for sentence in sentences {
        assert!(fifth.out.contains(sentence) && page.contains(sentence), "{sentence}: {}", fifth.out);
    }
    assert!(page.find(sentences[0]).unwrap() < page.find("id=\"scores\"").unwrap(), "not beside the score");
    let saved: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("runs/e/scores.json")).unwrap()).unwrap();
    let best = &saved["looks"]["best_of"];
    let expected = BestOf::of(5, 12, best["chance"].as_f64().unwrap()).unwrap();
    assert_eq!(serde_json::from_value::<BestOf>(best.clone()).unwrap(), expected);

    // Shown again, the number stays and the sum is today's.
    counts(&looks(&run(folder, "evaluate runs/b --json --quiet")), 2, 5);
    run(folder, "report runs/b");
    let page = fs::read_to_string(folder.join("runs/b/report.html")).unwrap();
    assert!(page.contains("This is the 2nd score on these test trials in runs/, of 5 so far."));
    assert_eq!(lines(folder).len(), 6);
}

#[test]
fn a_deleted_run_stays_counted_and_so_does_its_name() {
    let data = data();
    let folder = data.path();
    counts(&trained(folder, "--name a"), 1, 1);
    counts(&trained(folder, "--name b --seed 2"), 2, 2);
    for name in ["a", "b"] {
        fs::remove_dir_all(folder.join("runs").join(name)).unwrap();
    }
    counts(&trained(folder, "--name a --seed 3"), 3, 3);
    // Without the ledger, the runs that remain tell what they were told.
    fs::remove_file(folder.join("runs/looks.jsonl")).unwrap();
    counts(&looks(&run(folder, "evaluate runs/a --json --quiet")), 3, 3);
    counts(&trained(folder, "--name c --seed 4"), 4, 4);
}

#[test]
fn the_last_weights_are_another_look_where_they_are_others() {
    let data = data();
    let folder = data.path();
    counts(&trained(folder, "--name one"), 1, 1);
    counts(&looks(&run(folder, "evaluate runs/one --checkpoint last --json --quiet")), 1, 1);
    let options = "--hidden 2 --epochs 12 --lr 0.5 --patience 0 --validation 0.5 --quiet --name two";
    run(folder, &format!("crossval --data w --split trial --folds 2 {options}"));
    let file = |which: &str| {
        fs::read(folder.join(format!("runs/two/checkpoints/{which}/fold-01.safetensors"))).unwrap()
    };
    assert_ne!(file("best"), file("last"), "this training ends with its best weights");
    for _ in 0..2 {
        counts(&looks(&run(folder, "evaluate runs/two --checkpoint last --json --quiet")), 3, 3);
        counts(&looks(&run(folder, "evaluate runs/two --json --quiet")), 2, 3);
    }
    let checkpoints: Vec<Value> = lines(folder).iter().map(|line| line["checkpoint"].clone()).collect();
    assert_eq!(checkpoints, ["best", "best", "last"]);
}

#[test]
fn windows_thresholds_and_parts_of_the_trials_are_looks_at_the_same_trials() {
    let folder = folder();
    let folder = folder.path();
    let demo = |options: &str| {
        let demo = "crossval --data demo --demo-subjects 2 --split subject --json";
        looks(&run(folder, &format!("{demo} {TINY} {options}")))
    };
    let first = demo("--name a");
    counts(&first, 1, 1);
    counts(&demo("--name b --window 2"), 2, 2);
    let third = demo("--name c --threshold 4.5");
    counts(&third, 3, 3);
    assert_eq!(third["other_labels"], 2);
    let part = looks(&run(
        folder,
        &format!("train --data demo --demo-subjects 2 --split subject --fold 1 --json {TINY} --name part"),
    ));
    counts(&part, 4, 4);
    let (part, all) = (part["trials"].as_u64().unwrap(), first["trials"].as_u64().unwrap());
    assert!(part < all, "{part} of {all}");
    let again = looks(&run(folder, "evaluate runs/a --json --quiet"));
    counts(&again, 1, 4);
    assert_eq!(again["partly"], serde_json::json!({"scores": 1, "fewest": part, "most": part}));
    assert!(
        again["text"][0]
            .as_str()
            .unwrap()
            .contains(&format!("1 of the others shares only a part of the {all} trials: {part}."))
    );
}

#[test]
fn runs_without_a_line_are_adopted_and_broken_ones_are_named() {
    let data = data();
    let folder = data.path();
    trained(folder, "--name a");
    trained(folder, "--name b --seed 2");
    trained(folder, "--name broken --seed 3");
    let runs = folder.join("runs");
    fs::remove_file(runs.join("looks.jsonl")).unwrap();
    for name in ["a", "b", "broken"] {
        // As a version without a ledger wrote it.
        let path = runs.join(name).join("scores.json");
        let mut scores: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        scores.as_object_mut().unwrap().remove("looks");
        fs::write(&path, scores.to_string()).unwrap();
    }
    fs::write(runs.join("broken/predictions.csv"), "fold,subject\n1,2\n").unwrap();
    let call = run(folder, &format!("crossval --data w --json {TINY} --name c --seed 4"));
    counts(&looks(&call), 3, 3);
    assert!(call.err.contains("runs/broken is not counted among the scores: "), "{}", call.err);
    assert_eq!(lines(folder).len(), 3);
    fs::remove_dir_all(runs.join("a")).unwrap();
    counts(&trained(folder, "--name d --seed 5"), 4, 4);
}

#[test]
fn damaged_lines_are_named_and_cost_no_other_line() {
    let data = data();
    let folder = data.path();
    trained(folder, "--name a");
    trained(folder, "--name b --seed 2");
    let path = folder.join("runs/looks.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    // The last line torn, of a run that is gone.
    fs::remove_dir_all(folder.join("runs/b")).unwrap();
    fs::write(&path, &whole[..whole.len() - 30]).unwrap();
    let call = run(folder, &format!("crossval --data w --json {TINY} --name c --seed 3"));
    counts(&looks(&call), 2, 2);
    for part in ["looks.jsonl line 2 is damaged and not counted", "Mend the line, or delete it"] {
        assert!(call.err.contains(part), "{part}: {}", call.err);
    }
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 3, "the new line has joined the torn one: {text}");
    // A line of a run that still stands is made anew.
    let (first, rest) = text.split_once('\n').unwrap();
    fs::write(&path, format!("{}\n{rest}", &first[1..])).unwrap();
    let call = run(folder, &format!("crossval --data w --json {TINY} --name d --seed 4"));
    counts(&looks(&call), 4, 4);
    assert!(call.err.contains("line 1 is damaged"), "{}", call.err);
    // A newer version's line may mean anything.
    fs::write(&path, format!("{text}{{\"format\": 1000}}\n")).unwrap();
    let call = run(folder, &format!("crossval --data w --json {TINY} --name e --seed 5"));
    assert!(looks(&call)["problem"].as_str().unwrap().contains("format version 1000"), "{}", call.out);
    assert!(call.err.contains("this score is not counted: ") && call.err.contains("line 4"), "{}", call.err);
}

#[test]
fn a_ledger_that_cannot_be_written_is_told_everywhere() {
    let data = data();
    let folder = data.path();
    fs::create_dir_all(folder.join("runs/looks.jsonl")).unwrap();
    let call = run(folder, &format!("crossval --data w {TINY} --name a"));
    assert!(call.err.contains("this score is not counted: cannot read "), "{}", call.err);
    let unknown = "Nobody knows how often these test trials were scored: cannot read";
    assert!(call.out.contains(unknown), "{}", call.out);
    assert!(fs::read_to_string(folder.join("runs/a/report.html")).unwrap().contains(unknown));
}

#[test]
fn runs_that_end_together_get_numbers_of_their_own() {
    let data = data();
    let folder = data.path();
    let start = |seed: u32| {
        let arguments = format!("crossval --data w --json {TINY} --threads 1 --name r --seed {seed}");
        let mut command = command(folder, &arguments);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (1..=6).map(start).collect();
    let mut numbers: Vec<u64> = children
        .into_iter()
        .map(|child| Call::of(child.wait_with_output().unwrap()).ends(0, &[]))
        .map(|call| looks(&call)["number"].as_u64().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    let written: Vec<u64> = lines(folder).iter().map(|line| line["number"].as_u64().unwrap()).collect();
    assert_eq!(written, numbers);
}

#[test]
fn a_stopped_run_that_goes_on_counts_once() {
    let data = data();
    let folder = data.path();
    trained(folder, "--name a");
    // As if it had been killed after it was counted, and before it was sealed.
    Manifest::unseal(&RunFolder::open(&folder.join("runs/a")).unwrap()).unwrap();
    fs::remove_file(folder.join("runs/a/scores.json")).unwrap();
    counts(&looks(&run(folder, "crossval --resume runs/a --json --quiet")), 1, 1);
    assert_eq!(lines(folder).len(), 1);
}

#[test]
fn the_best_of_several_guesses_is_that_of_simulated_ones() {
    const STUDIES: usize = 4000;
    for (guesses, trials, chance) in
        [(1, 30, 0.5), (2, 40, 0.5), (14, 240, 0.5), (5, 100, 0.25), (50, 60, 0.7)]
    {
        let best = BestOf::of(guesses, trials, chance).unwrap();
        let mut random = Random::new(9, Stream::Demo, [guesses as u32, trials as u32]);
        let mut guess = |_| (0..trials).filter(|_| random.uniform() < chance).count() as f64 / trials as f64;
        let bests: Vec<f64> =
            (0..STUDIES).map(|_| (0..guesses).map(&mut guess).fold(0.0, f64::max)).collect();
        let mean = bests.iter().sum::<f64>() / STUDIES as f64;
        let error = (chance * (1.0 - chance) / (trials * STUDIES) as f64).sqrt();
        assert!((mean - best.mean).abs() < 4.0 * error, "{best:?}: {mean}");
        let share =
            |level: f64| bests.iter().filter(|&&best| best > level + 1e-9).count() as f64 / STUDIES as f64;
        // The standard error of a share of 5 % is .0034.
        assert!(share(best.level) < 0.06, "{best:?}: {}", share(best.level));
        assert!(share(best.level - 1.0 / trials as f64) > 0.04, "{best:?}: the level could be lower");
    }
}

#[test]
fn the_best_guess_is_known_where_one_can_count() {
    // One coin on two trials, and the better of two.
    let of = |guesses| BestOf::of(guesses, 2, 0.5).unwrap();
    assert!((of(1).mean - 0.5).abs() < 1e-15 && (of(2).mean - 11.0 / 16.0).abs() < 1e-15);
    assert_eq!((of(1).level, of(2).level), (1.0, 1.0));
    // Many trials and guesses: neither overflow nor an accuracy above 1.
    let large = BestOf::of(100_000, 1_000_000, 0.9).unwrap();
    assert!(large.mean > 0.901 && large.mean < large.level && large.level < 0.903, "{large:?}");
    for (guesses, trials, chance) in [(0, 1, 0.5), (1, 0, 0.5), (1, 1, 0.0), (1, 1, 1.0), (1, 1, f64::NAN)] {
        assert_eq!(BestOf::of(guesses, trials, chance), None);
    }
}
