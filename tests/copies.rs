//! The same samples under another name, in every reader: refused with both places, or stated in every result.

use crate::support::arrays::{integers, samples};
use crate::support::program::{Call, engine, folder, series};
use crate::support::synthetic::{Sizes, cut, recordings};
use engine::data::recording::Recording;
use engine::data::split::{SplitKind, SplitSpec};
use engine::random::{Random, Stream};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const TINY: &str = "--hidden 2 --epochs 1 --patience 0 --validation 0 --name r";
const STEPS: usize = 16;
const CHANNELS: usize = 2;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// So many windows of noise.
fn noise(seed: u64, windows: usize) -> Vec<f64> {
    let mut random = Random::new(seed, Stream::Demo, [1, 2]);
    (0..windows * STEPS * CHANNELS).map(|_| f64::from(random.normal() as f32)).collect()
}

/// A folder `w` of 24 windows by 4 people in trials of their own. Windows 12 to 15, of the third person, are
/// made of windows 0 to 3.
fn with_copies(descr: &str, change: impl Fn(f64) -> f64, with_people: bool) -> tempfile::TempDir {
    let folder = folder();
    let mut values = noise(1, 24);
    let window = STEPS * CHANNELS;
    for i in 0..4 * window {
        values[12 * window + i] = change(values[i]);
    }
    let numbers = |value: fn(i64) -> i64| integers(&(0..24).map(value).collect::<Vec<i64>>());
    let mut others =
        vec![("labels", numbers(|i| i % 2)), ("trials", numbers(|i| i)), ("groups", numbers(|i| i / 6))];
    if !with_people {
        others.pop();
    }
    samples(folder.path(), "w", [STEPS, CHANNELS], descr, &values, &others);
    folder
}

fn run(folder: &Path, arguments: &str) -> Call {
    engine(folder, &format!("{arguments} {TINY}"))
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_published_cases_are_refused_with_both_places() {
    let folder = folder();
    let path = |name: &str| fixture(name).display().to_string();
    let call = run(folder.path(), &format!("crossval --data {}", path("oversampled.npz")));
    call.ends(3, &["trial 0 is in the ", "part and trial", "they hold the same samples", "--allow-copies"]);
    for split in ["", "--split subject", "--split trial"] {
        let call = run(folder.path(), &format!("crossval --data {} {split}", path("one_person_twice.npz")));
        let parts = ["trial 0 of subject 0 and trial 10 of subject 1 hold the same samples", "11 more pairs"];
        call.ends(3, &parts).ends(3, &["one person must not count as two", "--allow-copies"]);
    }
    assert!(!folder.path().join("runs").exists(), "a run was begun");
    let call = run(folder.path(), &format!("crossval --data {} --split window", path("overlapping.npz")));
    let call = call.ends(0, &["100.0 % of the test windows share raw samples"]);
    assert!(call.out.contains("100.0 % of the test windows share raw samples"), "{}", call.out);
    assert_eq!(json(folder.path().join("runs/r/manifest.json"))["split"]["leak"]["overlapping"], 1.0);
}

#[test]
fn copies_of_another_person_are_refused_in_every_type_and_disguise() {
    type Case = (&'static str, &'static str, fn(f64) -> f64);
    let cases: [Case; 5] = [
        ("<f4", "hold the same samples", |x| x),
        ("<f8", "hold the same samples", |x| x),
        ("<f8", "hold the same samples", |x| x * (1.0 + 1e-12)),
        ("<f4", "but for noise, scale or level", |x| 1.3 * x),
        ("<f8", "but for noise, scale or level", |x| x + 1e-3 * (1e4 * x).sin()),
    ];
    for (descr, alike, change) in cases {
        let folder = with_copies(descr, change, true);
        for split in ["trial", "subject"] {
            let call = run(folder.path(), &format!("crossval --data w --split {split}"));
            call.ends(
                3,
                &["trial 0 of subject 0 and trial 12 of subject 2 hold the same", alike, "3 more pairs"],
            );
        }
        let inspected = engine(folder.path(), "data inspect w").ends(0, &[]);
        assert!(inspected.out.contains("copies: 4 pairs of trials"), "{}", inspected.out);
        let inspected = engine(folder.path(), "data inspect w --json").ends(0, &[]);
        let inspected: Value = serde_json::from_str(&inspected.out).unwrap();
        assert_eq!(inspected["copies"].as_array().unwrap().len(), 4);
    }
}

/// Copies within a person are an error only on both sides of a fold.
#[test]
fn copied_trials_of_one_person_are_refused_on_both_sides() {
    let folder = with_copies("<f4", |x| x, false);
    run(folder.path(), "crossval --data w --folds 24")
        .ends(3, &["part and trial 1", "they hold the same samples"]);
    // All four pairs in one part: nothing leaks, and they count twice.
    let one_side: Vec<u32> = (0..4).chain(12..16).collect();
    let rest: Vec<u32> = (0..24).filter(|i| !one_side.contains(i)).collect();
    run(folder.path(), "train --data w --split window").ends(0, &["LEAKS"]);
    let mut split = json(folder.path().join("runs/r/split.json"));
    split["kind"] = "trial".into();
    let folds = serde_json::json!([{"name": "1", "train": rest, "validation": [], "test": one_side}]);
    split["folds"] = folds;
    fs::write(folder.path().join("split.json"), split.to_string()).unwrap();
    fs::remove_dir_all(folder.path().join("runs")).unwrap();
    let call = run(folder.path(), "train --data w --split-file split.json");
    let call =
        call.ends(0, &["copies: trial 0 and trial 12 hold the same samples", "count as trials of their own"]);
    assert!(call.out.contains("count as trials of their own"), "{}", call.out);
}

#[test]
fn allowed_copies_stand_in_every_result() {
    let folder = with_copies("<f4", |x| x, true);
    let call = run(folder.path(), "crossval --data w --split subject --allow-copies --quiet");
    let parts = ["copies are allowed by the user", "trial 0 of subject 0 and trial 12 of subject 2"];
    let call = call.ends(0, &parts);
    let headline = call.out.lines().next().unwrap();
    assert!(headline.contains("8 test windows are copies of training windows"), "{headline}");
    for part in parts.iter().chain(&["DO NOT BELIEVE THESE SCORES", "evidence of nothing"]) {
        assert!(call.out.contains(part), "no {part}: {}", call.out);
    }
    let run = folder.path().join("runs/r");
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    for part in [parts[0], "8 test windows are copies", "Do not believe these scores"] {
        assert!(page.contains(part), "no {part} on the page");
    }
    let (manifest, scores) = (json(run.join("manifest.json")), json(run.join("scores.json")));
    assert_eq!((&scores["leaky"], &scores["scope"]["copied_windows"]), (&true.into(), &8.into()));
    assert_eq!(manifest["split"]["folds"][0]["copies"], 4);
    assert!(manifest["scope"]["copies"].as_str().unwrap().contains(parts[0]));
    // Its own configuration allows them again; without that they are refused.
    engine(folder.path(), "evaluate runs/r --quiet").ends(0, &parts);
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    fs::write(run.join("config.toml"), config.replace("allow_copies = true\n", "")).unwrap();
    engine(folder.path(), "evaluate runs/r").ends(3, &["config.toml is not as the run left it"]);
    engine(folder.path(), "crossval --config runs/r/config.toml")
        .ends(3, &["one person must not count as two"]);
}

#[test]
fn a_broken_promise_is_refused() {
    let folder = folder();
    let mut values = noise(3, 24);
    let window = STEPS * CHANNELS;
    values.copy_within(window / 2..window, window);
    samples(
        folder.path(),
        "w",
        [STEPS, CHANNELS],
        "<f4",
        &values,
        &[("labels", integers(&(0..24).map(|i| i % 2).collect::<Vec<i64>>()))],
    );
    let call = run(folder.path(), "crossval --data w --promise-independent-windows");
    call.ends(
        3,
        &["window 0 and window 1 hold the same samples (8 of each channel)", "promise", "does not hold"],
    );
}

/// Where trials are unknown, overlaps are found by content.
#[test]
fn overlaps_of_windows_of_unknown_trials_are_counted() {
    let folder = folder();
    // Windows 0 to 11 are cut from one series with half of each in the next; the others stand alone.
    let long = noise(4, 24);
    let half = STEPS * CHANNELS / 2;
    let cut = (0..12).flat_map(|i| long[i * half..(i + 2) * half].to_vec());
    let values: Vec<f64> = cut.chain(noise(5, 12)).collect();
    let labels = integers(&(0..24).map(|i| i % 2).collect::<Vec<i64>>());
    samples(folder.path(), "w", [STEPS, CHANNELS], "<f4", &values, &[("labels", labels)]);
    run(folder.path(), "crossval --data w --split window --folds 24").ends(0, &["it is unknown how many"]);
    let manifest = json(folder.path().join("runs/r/manifest.json"));
    assert_eq!(manifest["split"]["leak"]["overlapping"], 0.5);
    assert_eq!(
        (&manifest["split"]["leak"]["siblings"], &manifest["split"]["leak"]["copies"]),
        (&Value::Null, &0.0.into())
    );
}

/// A case of the TRAIN file in the TEST file, as numbers written with more digits.
#[test]
fn a_case_in_both_parts_of_an_archive_is_found() {
    let folder = folder();
    let train = series(40, 2, 1);
    let case = train.lines().nth(3 + 6).unwrap().replace(',', "0,");
    let test = series(10, 2, 5) + &case + "\n";
    fs::write(folder.path().join("x_TRAIN.ts"), &train).unwrap();
    fs::write(folder.path().join("x_TEST.ts"), test).unwrap();
    let command = "train --data x_TRAIN.ts --test x_TEST.ts";
    let call = run(folder.path(), command);
    call.ends(
        3,
        &["case 6 is in the training part and case 50 of the TEST part in the test part", "--allow-copies"],
    );
    let call = run(folder.path(), &format!("{command} --allow-copies --quiet"));
    let call = call.ends(0, &["copies are allowed by the user"]);
    assert!(call.out.contains("1 test windows are copies"), "{}", call.out);
}

/// One person's recording under another name, however its trials are ordered and its numbers changed.
#[test]
fn a_recording_under_another_name_is_found() {
    let sizes = Sizes { subjects: 3, trials: 8, channels: 3, samples: 96, effect: 0.0 };
    let whole = recordings(sizes);
    let block = sizes.channels * sizes.samples;
    let renamed = |change: &dyn Fn(&mut Recording)| {
        let mut copy = Recording { subject: "s09".into(), hash: "another".into(), ..whole[1].clone() };
        change(&mut copy);
        let mut all = whole.clone();
        all.push(copy);
        let kind = SplitKind::Subject;
        let spec = SplitSpec { kind, folds: None, validation: 0.0, seed: 1 };
        cut(&all, 24, 24).and_then(|dataset| spec.build(&dataset).map(drop))
    };
    type Change<'a> = (&'a str, &'a dyn Fn(&mut Recording));
    let changes: [Change; 5] = [
        ("nothing", &|_| ()),
        ("another order of trials", &|copy| copy.samples.rotate_left(3 * block)),
        ("rounded to f32", &|copy| copy.samples.iter_mut().for_each(|x| *x = f64::from(*x as f32))),
        ("another scale", &|copy| copy.samples.iter_mut().for_each(|x| *x *= 1e-6)),
        ("only one trial", &|copy| {
            let mut random = Random::new(7, Stream::Demo, [0, 0]);
            copy.samples[block..].iter_mut().for_each(|x| *x = random.normal());
        }),
    ];
    for (name, change) in changes {
        let error = renamed(change).expect_err(name);
        let said = format!("{error}");
        assert!(
            said.contains("of subject s02 and trial") && said.contains("of subject s09"),
            "{name}: {said}"
        );
    }
    let own = |copy: &mut Recording| {
        let mut random = Random::new(8, Stream::Demo, [0, 0]);
        copy.samples.iter_mut().for_each(|x| *x = random.normal());
    };
    renamed(&own).unwrap();
    let same_hash = |copy: &mut Recording| {
        own(copy);
        copy.hash.clone_from(&whole[1].hash);
    };
    assert!(format!("{}", renamed(&same_hash).unwrap_err()).contains("s02 and s09 are the same recording"));
}

/// `predict` knows the trials of the run again, though file, type and order are others.
#[test]
fn predict_warns_of_trained_trials() {
    let folder = folder();
    let values = noise(6, 24);
    let numbers = |value: fn(i64) -> i64| integers(&(0..24).map(value).collect::<Vec<i64>>());
    let others = [("labels", numbers(|i| i % 2)), ("trials", numbers(|i| i))];
    samples(folder.path(), "w", [STEPS, CHANNELS], "<f4", &values, &others);
    run(folder.path(), "crossval --data w --folds 2").ends(0, &[]);
    let window = STEPS * CHANNELS;
    let mut reversed: Vec<f64> = values.chunks(window).rev().flatten().copied().collect();
    reversed.truncate(12 * window);
    let new = noise(7, 12);
    for (name, values, known) in [("reversed", &reversed, 12), ("new", &new, 0)] {
        samples(folder.path(), name, [STEPS, CHANNELS], "<f8", values, &[]);
        let call = engine(folder.path(), &format!("predict runs/r {name} --quiet"));
        let warning = format!("{known} of 12 series hold samples of 12 of the run's 24 own series");
        assert_eq!(call.err.contains(&warning), known > 0, "{name}: {}", call.err);
        assert_eq!(call.err.contains("say nothing about new ones"), known > 0, "{name}: {}", call.err);
    }
}

/// Copies of which there are many count all, and those of windows of unknown trials are listed.
#[test]
fn many_equal_windows_are_all_copies() {
    let folder = folder();
    let one = noise(9, 1);
    let values: Vec<f64> = one.iter().copied().cycle().take(20 * one.len()).chain(noise(10, 16)).collect();
    let numbers = |value: fn(i64) -> i64| integers(&(0..36).map(value).collect::<Vec<i64>>());
    let labels = numbers(|i| i % 2);
    samples(folder.path(), "v", [STEPS, CHANNELS], "<f4", &values, &[("labels", labels.clone())]);
    let inspected = engine(folder.path(), "data inspect v").ends(0, &[]);
    assert!(inspected.out.contains("copies: 19 pairs of trials"), "{}", inspected.out);
    run(folder.path(), "crossval --data v --split window --folds 36").ends(0, &["LEAKS"]);
    let leak = &json(folder.path().join("runs/r/manifest.json"))["split"]["leak"];
    assert!((leak["copies"].as_f64().unwrap() - 20.0 / 36.0).abs() < 1e-9, "{leak}");
    let others = [("labels", labels), ("groups", numbers(|i| i % 3)), ("trials", numbers(|i| i))];
    samples(folder.path(), "w", [STEPS, CHANNELS], "<f4", &values, &others);
    let call = run(folder.path(), "crossval --data w --split subject --allow-copies");
    assert!(call.ends(0, &[]).out.contains("20 test windows are copies"));
}

/// Nothing is said of windows that say too little.
#[test]
fn overlaps_of_tiny_windows_are_unknown() {
    let folder = folder();
    let values: Vec<f64> = noise(11, 24)[..24 * 3].to_vec();
    let numbers = |value: fn(i64) -> i64| integers(&(0..24).map(value).collect::<Vec<i64>>());
    let others = [("labels", numbers(|i| i % 2)), ("groups", numbers(|i| i / 6))];
    samples(folder.path(), "w", [1, 3], "<f4", &values, &others);
    run(folder.path(), "crossval --data w").ends(0, &[]);
    assert!(json(folder.path().join("runs/r/manifest.json"))["split"]["leak"]["overlapping"].is_null());
}
