//! No case is lost without a word: what was read is used, or left out by a rule that the plan, the warnings,
//! the manifest, the page and the score name.

use crate::support::program::{engine, folder};
use engine::data::cases::Rule;
use engine::random::{Random, Stream};
use engine::run::Manifest;
use std::fs;
use std::path::Path;

/// A `.ts` file of one channel with cases of these lengths and classes.
fn series(cases: &[(usize, &str)], seed: u64) -> String {
    let mut text = String::from("@univariate true\n@equalLength false\n@classLabel true a b c\n@data\n");
    for (case, (length, class)) in cases.iter().enumerate() {
        let mut random = Random::new(seed, Stream::Demo, [case as u32, 0]);
        let level = if *class == "b" { 1.0 } else { 0.0 };
        let values: Vec<String> = (0..*length).map(|_| format!("{:.3}", random.normal() + level)).collect();
        text += &format!("{}:{class}\n", values.join(","));
    }
    text
}

/// So many cases of each length and class.
fn cases(groups: &[(usize, usize, &'static str)]) -> Vec<(usize, &'static str)> {
    groups.iter().flat_map(|&(count, length, class)| vec![(length, class); count]).collect()
}

fn write(folder: &Path, name: &str, groups: &[(usize, usize, &'static str)], seed: u64) {
    fs::write(folder.join(name), series(&cases(groups), seed)).unwrap();
}

const TRAIN: &str = "train --hidden 3 --epochs 1 --rate 1";

#[test]
fn short_test_cases_are_refused_unless_they_may_be_lost_and_then_every_result_says_so() {
    let folder = folder();
    let path = folder.path();
    write(path, "train.ts", &[(6, 12, "a"), (4, 12, "b"), (3, 5, "b"), (1, 7, "a")], 1);
    write(path, "test.ts", &[(3, 12, "a"), (2, 9, "a"), (4, 12, "b")], 2);
    let run = format!("{TRAIN} --data train.ts --test test.ts --window 10");
    engine(path, &run).ends(
        3,
        &[
            "warning: cases: 23 read, 17 used; left out: 6 too short",
            "warning: class \"b\": 8 of 11 cases used; left out: 3 too short",
            "warning: TEST part: 7 of 9 cases used; left out: 2 too short",
            "error: 2 of 9 published test cases left out (2 too short)",
            "use a shorter `--window`, or none; go on without these cases with `--allow-lost-cases`",
        ],
    );
    let call =
        engine(path, &format!("{run} --allow-lost-cases --name r")).ends(0, &["cases: 23 read, 17 used"]);
    assert!(call.out.contains("2 of 9 published test cases left out (2 too short)"), "{}", call.out);
    let ledger = Manifest::read(&path.join("runs/r")).unwrap().dataset.cases.unwrap();
    assert_eq!((ledger.total(), ledger.bad_windows), ([23, 17], 0));
    let lost: Vec<(bool, Option<&str>, usize)> = ledger
        .counts
        .iter()
        .filter_map(|c| Some((c.test, c.class.as_deref(), *c.left_out.get(&Rule::TooShort)?)))
        .collect();
    assert_eq!(lost, [(false, Some("a"), 1), (false, Some("b"), 3), (true, Some("a"), 2)]);
    let page = fs::read_to_string(path.join("runs/r/report.html")).unwrap();
    assert!(page.contains("23 read, 17 used; left out: 6 too short"), "the page has no ledger");
    assert!(page.contains("2 of 9 published test cases left out"), "the page's headline has no losses");
    // Its evaluation allows the same.
    engine(path, "evaluate runs/r --quiet").ends(0, &[]);

    let call = engine(path, "predict runs/r test.ts").ends(
        0,
        &[
            "cases: 9 read, 7 used; left out: 2 too short",
            "fields are empty: all trial 3 (too short), all trial 4 (too short)",
        ],
    );
    let rows: Vec<&str> = call.out.lines().collect();
    assert_eq!(rows.len(), 10, "{}", call.out);
    assert_eq!([rows[4], rows[5]], ["all,3,,,,,", "all,4,,,,,"], "{}", call.out);
    let call = engine(path, "predict runs/r test.ts --level trial").ends(0, &[]);
    assert_eq!(call.out.lines().count(), 10, "{}", call.out);
    assert!(call.out.contains("\nall,3,,,,\nall,4,,,,\nall,5,"), "{}", call.out);
}

#[test]
fn a_lost_class_is_refused_by_name() {
    let folder = folder();
    let path = folder.path();
    write(path, "x.ts", &[(8, 30, "a"), (8, 30, "b"), (8, 12, "c")], 3);
    engine(path, &format!("{TRAIN} --data x.ts --window 20")).ends(
        3,
        &["no case of class \"c\" is left: all 8 were left out (8 too short)", "--allow-lost-cases"],
    );
    assert!(!path.join("runs").exists(), "a run was begun");
    // A class that the header lists and no case has was never there.
    write(path, "y.ts", &[(8, 30, "a"), (8, 30, "b")], 3);
    let call = engine(path, &format!("{TRAIN} --data y.ts --window 20 --dry-run")).ends(0, &[]);
    assert!(call.out.contains("cases    16 read, 16 used\n"), "{}", call.out);
    assert!(!call.err.contains("cases:"), "{}", call.err);
    write(path, "z.ts", &[(8, 15, "a"), (8, 12, "b")], 3);
    engine(path, &format!("{TRAIN} --data z.ts --window 20"))
        .ends(2, &["no window fits: a window has 20 frames, and the longest trial has 15"]);
}

/// A case shorter than a frame is lost like one that is shorter than a window, and the others are not.
#[test]
fn cases_shorter_than_a_frame_are_left_out() {
    let folder = folder();
    let path = folder.path();
    write(path, "x.ts", &[(8, 256, "a"), (8, 256, "b"), (2, 100, "b")], 4);
    let call = engine(path, "train --data x.ts --rate 128 --frames bandpower --dry-run")
        .ends(0, &["cases: 18 read, 16 used; left out: 2 too short"]);
    assert!(call.out.contains("16 sequences"), "{}", call.out);
    engine(path, "train --data x.ts --rate 128 --frames bandpower --frame-length 3 --dry-run")
        .ends(2, &["a frame of 384 samples is longer than the longest trial", "--frame-length"]);
}

/// Constant channels can be kept, since they carry no information but do no harm; values that are no numbers
/// cannot.
#[test]
fn flat_channels_are_kept_on_demand() {
    let folder = folder();
    let path = folder.path();
    let text = series(&cases(&[(10, 8, "a"), (10, 8, "b")]), 5);
    let flat = text.replacen("@data\n", &format!("@data\n{}:a\n", ["1.5"; 8].join(",")), 1);
    fs::write(path.join("x.ts"), &flat).unwrap();
    let run = format!("{TRAIN} --data x.ts");
    engine(path, &run).ends(3, &["1 windows hold bad signals", "channel ch0 is flat", "--bad-windows keep"]);
    let call = engine(path, &format!("{run} --bad-windows keep --name keep")).ends(0, &[]);
    assert!(!call.err.contains("left out"), "{}", call.err);
    let ledger = Manifest::read(&path.join("runs/keep")).unwrap().dataset.cases.unwrap();
    assert_eq!(ledger.total(), [21, 21]);
    engine(path, &format!("{run} --bad-windows drop --name drop"))
        .ends(0, &["cases: 21 read, 20 used; left out: 1 with bad signals only"]);
    // As a published test case it is not dropped silently.
    fs::write(path.join("train.ts"), &text).unwrap();
    engine(path, &format!("{TRAIN} --data train.ts --test x.ts --bad-windows drop --allow-copies"))
        .ends(3, &["1 of 21 published test cases left out (1 with bad signals only)", "--bad-windows keep"]);
    let call = engine(path, "predict runs/keep x.ts").ends(0, &[]);
    assert_eq!(call.out.lines().count(), 22, "{}", call.out);
    assert!(!call.out.contains(",,"), "{}", call.out);

    let gap = text.replacen("@data\n", "@data\n1,2,3,?,5,6,7,8:a\n", 1);
    fs::write(path.join("gap.ts"), gap).unwrap();
    let call = engine(path, &format!("{TRAIN} --data gap.ts --bad-windows keep"));
    let call = call
        .ends(3, &["1 windows hold bad signals", "has 1 frames that are not finite", "--bad-windows drop"]);
    assert!(!call.err.contains("--bad-windows keep"), "{}", call.err);
}
