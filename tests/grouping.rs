//! The knowledge of people, trials and stimuli: a split by unknown groups is refused, and every score says
//! whom it is about, in the table, the JSON, the manifest and the page.

use crate::support::arrays::{integers, texts, windows};
use crate::support::program::{Call, engine, folder, with_series};
use crate::support::synthetic;
use engine::data::grouping::Grouping;
use engine::data::normalize::Normalize;
use engine::data::split::{Scope, SplitKind, SplitSpec};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Options of a training that takes no time.
const TINY: &str = "--hidden 2 --epochs 1 --patience 0 --validation 0 --name r";

/// 24 windows of 12 trials by 3 people, as a folder `w` with the arrays that `with` names.
fn data(with: &[&str]) -> tempfile::TempDir {
    let folder = folder();
    let numbers = |value: fn(i64) -> i64| (0..24).map(value).collect::<Vec<i64>>();
    let groups = integers(&numbers(|i| i % 3));
    let trials = integers(&numbers(|i| i / 6));
    let all = [("groups", groups), ("trials", trials)];
    let chosen: Vec<_> = all.into_iter().filter(|(name, _)| with.contains(name)).collect();
    // Both labels for each person, one for each trial.
    windows(folder.path(), "w", &numbers(|i| i / 6 % 2), &chosen);
    folder
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

/// The run's own files: manifest, scores and page.
fn files(folder: &Path) -> (Value, Value, String) {
    let read = |name: &str| fs::read(folder.join("runs/r").join(name)).unwrap();
    let page = String::from_utf8(read("report.html")).unwrap();
    (json(&read("manifest.json")), json(&read("scores.json")), page)
}

/// The page, the table, and the headline of manifest and JSON say all of `parts`.
#[track_caller]
fn said_everywhere(folder: &Path, call: &Call, parts: &[&str]) {
    let (manifest, scores, page) = files(folder);
    assert_eq!(manifest["scope"], scores["scope"]);
    let escaped = |part: &str| part.replace('"', "&quot;");
    for part in parts {
        assert!(call.out.contains(part), "no {part:?} in the table: {}", call.out);
        assert!(page.contains(&escaped(part)), "no {part:?} on the page");
    }
}

#[test]
fn windows_of_unknown_trials_and_people_are_refused_with_the_ways_out() {
    let folder = data(&[]);
    let ways = ["array `trials`", "array `groups`", "--split window", "`--promise-independent-windows`"];
    for command in ["crossval", "train", "crossval --split trial", "crossval --split trial-within-subject"] {
        let call = engine(folder.path(), &format!("{command} --data w {TINY}"));
        let call = call.ends(3, &["needs to know which", "these data do not say", "grouping unknown"]);
        assert!(!call.ends(3, &ways).err.contains("--split subject"));
    }
    for kind in ["subject", "stimulus", "subject-stimulus"] {
        let call = engine(folder.path(), &format!("crossval --data w --split {kind} {TINY}"));
        call.ends(3, &["these data do not say", "array `groups`"]);
    }
    assert!(!folder.path().join("runs").exists(), "a run was begun");
    let call = engine(folder.path(), "data inspect w").ends(0, &[]);
    for part in ["people unknown, trials unknown, 24 windows", "no split by default", "--split window"] {
        assert!(call.out.contains(part), "{part}: {}", call.out);
    }
}

#[test]
fn known_people_are_the_default_where_trials_are_unknown() {
    let folder = data(&["groups"]);
    let call = engine(folder.path(), &format!("crossval --data w {TINY}")).ends(0, &[]);
    said_everywhere(folder.path(), &call, &["new people", "people known, trials unknown"]);
    let (manifest, ..) = files(folder.path());
    assert_eq!(manifest["split"]["kind"], "subject");
    assert_eq!(manifest["split"]["leak"]["siblings"], 0.0, "people share no trial");
    for kind in ["trial", "trial-within-subject"] {
        engine(folder.path(), &format!("crossval --data w --split {kind} {TINY}"))
            .ends(3, &["which windows were cut from one series", "--split subject", "--split window"]);
    }
    let inspected = engine(folder.path(), "data inspect w --json").ends(0, &[]);
    assert_eq!(json(inspected.out.as_bytes())["grouping"]["people"], "known");
}

#[test]
fn known_trials_are_split_as_ever() {
    let folder = data(&["groups", "trials"]);
    let call = engine(folder.path(), &format!("crossval --data w --folds 2 {TINY}")).ends(0, &[]);
    said_everywhere(folder.path(), &call, &["new trials of known people", "people known, trials known"]);
    assert!(!call.err.contains("nobody knows"), "{}", call.err);
    // Trials of unknown people are kept apart, and the people are not.
    let folder = folder_without_people();
    let call = engine(folder.path(), &format!("crossval --data w --folds 2 --quiet {TINY}"));
    let parts = ["nobody knows whether trials of one person are on both sides"];
    said_everywhere(folder.path(), &call.ends(0, &parts), &parts);
}

fn folder_without_people() -> tempfile::TempDir {
    data(&["trials"])
}

#[test]
fn a_split_by_window_does_not_claim_what_nobody_knows() {
    let folder = data(&[]);
    let call = engine(folder.path(), &format!("crossval --data w --split window --folds 2 --quiet {TINY}"));
    let call = call.ends(0, &["by window LEAKS", "it is unknown how many", "nobody knows"]);
    said_everywhere(
        folder.path(),
        &call,
        &["nobody knows which of them are from trials that were trained on"],
    );
    let (manifest, scores, page) = files(folder.path());
    assert!(scores["leak"]["siblings"].is_null() && scores["leak"]["overlapping"].is_null());
    assert!(scores["trial"]["accuracy_interval"].is_null(), "windows are not independent");
    assert!(manifest["split"]["folds"][0]["siblings"].is_null() && scores["leaky"] == true);
    // It offers no split that these data do not allow.
    for text in [&call.out, &call.err, &page] {
        assert!(!text.contains("--split trial") && !text.contains("--split subject"), "{text}");
    }
}

#[test]
fn a_promise_stands_in_every_result() {
    let folder = data(&[]);
    let promise = "--promise-independent-windows";
    let call = engine(folder.path(), &format!("crossval --data w --folds 2 {promise} --quiet {TINY}"));
    let parts = ["promised by the user, not checked: no two windows were cut from one series"];
    said_everywhere(
        folder.path(),
        &call.ends(0, &parts),
        &[parts[0], "independent by the user", "nobody knows whether windows of one person"],
    );
    let (manifest, scores, _) = files(folder.path());
    assert_eq!(
        (&manifest["split"]["kind"], &scores["scope"]["grouping"]["trials"]),
        (&"trial".into(), &"promised".into())
    );
    assert!(scores["leak"]["siblings"].is_null(), "a promise was counted");
    let config = folder.path().join("runs/r/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("promise_independent_windows = true"), "{text}");
    let evaluated = engine(folder.path(), "evaluate runs/r --quiet").ends(0, &parts);
    assert!(evaluated.out.contains(parts[0]));
    engine(folder.path(), "crossval --config runs/r/config.toml --quiet --name again").ends(0, &parts);

    // Its split file and its run are refused where the promise is missing.
    let split = "train --data w --split-file runs/r/split.json --hidden 2 --epochs 1 --patience 0";
    engine(folder.path(), split).ends(3, &["runs/r/split.json: ", "these data do not say", promise]);
    engine(folder.path(), &format!("{split} {promise}")).ends(0, &parts);
    fs::write(&config, text.replace("promise_independent_windows = true\n", "")).unwrap();
    engine(folder.path(), "evaluate runs/r").ends(3, &["config.toml is not as the run left it"]);
    engine(folder.path(), "crossval --config runs/r/config.toml").ends(3, &["these data do not say"]);

    // There is nothing to promise where trials are known.
    let known = data(&["groups", "trials"]);
    engine(known.path(), &format!("crossval --data w {promise} {TINY}"))
        .ends(2, &["nothing to promise", promise]);
}

#[test]
fn cases_of_an_archive_are_of_unknown_people() {
    let folder = with_series();
    let call = engine(folder.path(), &format!("crossval --data x.ts --quiet {TINY}"));
    let parts = ["grouping unknown: nobody knows whether cases of one person are on both sides"];
    let call = call.ends(0, &parts);
    said_everywhere(folder.path(), &call, &["new cases; grouping unknown", parts[0]]);
    let (manifest, _, page) = files(folder.path());
    assert_eq!(manifest["scope"]["grouping"]["trials"], "assumed");
    assert!(!page.contains("known people"));
    for kind in ["subject", "trial-within-subject", "stimulus"] {
        let call = engine(folder.path(), &format!("crossval --data x.ts --split {kind} {TINY}"));
        call.ends(3, &["these data do not say", "--split trial"]);
    }
    fs::copy(folder.path().join("x.ts"), folder.path().join("y.ts")).unwrap();
    fs::write(folder.path().join("y.ts"), crate::support::program::series(10, 2, 5)).unwrap();
    let call = engine(folder.path(), "train --data x.ts --test y.ts --hidden 2 --epochs 1").ends(0, &parts);
    assert!(call.out.contains("tested 10 of 50 trials (20 %)"), "{}", call.out);
}

/// The words for all kinds, on data where everybody saw the same videos.
#[test]
fn a_split_says_which_people_and_videos_are_known() {
    let mut dataset = synthetic::dataset(4, 8, 1.0);
    let mut asks = |kind, grouping| {
        dataset.grouping = grouping;
        let split = SplitSpec { kind, folds: Some(2), validation: 0.0, seed: 1 }.build(&dataset).unwrap();
        // The manifest of a damaged folder may name a fold too many.
        let all: Vec<usize> = (0..=split.folds().len()).collect();
        Scope::of(&split, &dataset, &all, Normalize::Train).asks
    };
    for (kind, words) in [
        (SplitKind::Trial, "new trials of known people, known videos"),
        (SplitKind::Subject, "new people, known videos"),
        (SplitKind::Stimulus, "trials of known people, new videos"),
        (SplitKind::SubjectStimulus, "new people and new videos"),
        (SplitKind::TrialWithinSubject, "new trials, one person at a time"),
    ] {
        assert_eq!(asks(kind, Grouping::KNOWN), words);
    }
    assert_eq!(asks(SplitKind::Subject, Grouping::of_windows(true, true)), "new people");
    let unknown = asks(SplitKind::Trial, Grouping::of_windows(false, true));
    assert!(unknown.starts_with("new trials; grouping unknown: nobody knows"), "{unknown}");
}

#[test]
fn the_audit_counts_trials_whose_stimulus_is_in_training() {
    let dataset = synthetic::dataset(4, 8, 1.0);
    for (kind, known) in [(SplitKind::Subject, 16), (SplitKind::Stimulus, 0), (SplitKind::SubjectStimulus, 0)]
    {
        let split = SplitSpec { kind, folds: Some(2), validation: 0.0, seed: 1 }.build(&dataset).unwrap();
        assert_eq!(split.audit(&dataset)[0].known_stimuli, Some(known), "{kind:?}");
    }
}

#[test]
fn transductive_scaling_is_in_the_headline() {
    let folder = data(&["groups", "trials"]);
    let call =
        engine(folder.path(), &format!("crossval --data w --folds 2 --normalize subject --quiet {TINY}"));
    let call = call.ends(0, &["transductive: the signals of test trials"]);
    assert!(
        call.out.lines().next().unwrap().contains("; transductive: the signals of test trials"),
        "{}",
        call.out
    );
    said_everywhere(folder.path(), &call, &["transductive: the signals of test trials"]);
    let (manifest, _, page) = files(folder.path());
    assert_eq!(manifest["scope"]["transductive"], true);
    let header = page.split("</header>").next().unwrap();
    assert!(header.contains("transductive"));
}

#[test]
fn a_test_on_a_part_of_the_data_says_on_how_much() {
    let folder = data(&["groups", "trials"]);
    engine(folder.path(), &format!("train --data w --folds 4 {TINY}")).ends(0, &[]);
    let split = fs::read_to_string(folder.path().join("runs/r/split.json")).unwrap();
    fs::remove_dir_all(folder.path().join("runs")).unwrap();
    let mut file: Value = serde_json::from_str(&split).unwrap();
    file["folds"].as_array_mut().unwrap().truncate(1);
    fs::write(folder.path().join("few.json"), file.to_string()).unwrap();
    for (flags, tested) in [
        ("train --folds 4", "tested 3 of 12 trials (25 %)"),
        ("crossval --split-file few.json", "tested 3 of 12 trials (25 %)"),
        ("crossval --split window-holdout --validation 0.2", "of 24 windows ("),
    ] {
        let call =
            engine(folder.path(), &format!("{flags} --data w {}", TINY.replace("--validation 0 ", "")));
        let call = call.ends(0, &[]);
        said_everywhere(folder.path(), &call, &[tested]);
        fs::remove_dir_all(folder.path().join("runs")).unwrap();
    }
    let call = engine(folder.path(), &format!("crossval --data w --folds 4 {TINY}")).ends(0, &[]);
    assert!(!call.out.contains("tested "), "everything was tested: {}", call.out);
    assert!(files(folder.path()).1["scope"]["tested"]["trials"] == serde_json::json!([12, 12]));
}

#[test]
fn a_trial_with_two_labels_is_refused_before_training() {
    let folder = folder();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npz");
    for (name, subject) in [("trial_two_labels", "subject 0 "), ("trials_restart", "subject all ")] {
        let path = fixtures.join(format!("{name}.npz"));
        for command in ["crossval --data", "data inspect"] {
            let call = engine(folder.path(), &format!("{command} {}", path.display()));
            let parts = [
                ".npz: array \"trials\": trial ",
                subject,
                "two labels, \"",
                "number restarts",
                "uniquely within a subject",
            ];
            call.ends(3, &[name]).ends(3, &parts);
        }
    }
    assert!(!folder.path().join("runs").exists(), "a run was begun");
}

#[test]
fn two_spellings_of_a_person_are_refused_and_blanks_are_not_part_of_a_name() {
    let folder = folder();
    let labels: Vec<i64> = (0..12).map(|i| i % 2).collect();
    for (name, [one, other]) in [("case", ["s01", "S01 "]), ("format", ["1", "1.0"])] {
        let groups: Vec<&str> = (0..12).map(|i| [one, other, "s02"][i / 2 % 3]).collect();
        windows(folder.path(), name, &labels, &[("groups", texts(&groups))]);
        for command in ["crossval --data", "data inspect"] {
            let spellings = [format!("{:?}", one.trim()), format!("{:?}", other.trim())];
            engine(folder.path(), &format!("{command} {name}"))
                .ends(3, &["array \"groups\": ", &spellings[0], &spellings[1], "write one spelling"]);
        }
    }
    let groups: Vec<&str> = (0..12).map(|i| ["s01", " s01 ", "s02"][i / 2 % 3]).collect();
    windows(folder.path(), "blanks", &labels, &[("groups", texts(&groups))]);
    let call = engine(folder.path(), "data inspect blanks").ends(0, &[]);
    assert!(call.out.contains("2 subjects"), "{}", call.out);
}

#[test]
fn classes_that_a_fold_or_a_person_never_has_are_named() {
    let folder = folder();
    // Person 2 alone has the class 9, so the fold that tests them never trains on it.
    let labels: Vec<i64> = (0..18).map(|i| if i % 3 == 2 && i > 8 { 9 } else { i / 3 % 2 }).collect();
    let groups: Vec<i64> = (0..18).map(|i| i % 3).collect();
    windows(folder.path(), "w", &labels, &[("groups", integers(&groups))]);
    let call = engine(folder.path(), &format!("crossval --data w {TINY}"));
    let parts =
        ["class \"9\" is in no training part of: fold 2", "class \"9\" is in no trial of: subject 0, 1"];
    let call = call.ends(0, &parts);
    said_everywhere(folder.path(), &call, &parts);
    let (_, scores, _) = files(folder.path());
    assert_eq!(scores["scope"]["missing_classes"][0]["subjects"], serde_json::json!(["0", "1"]));
}
