//! Recordings that are missing, damaged, hostile, or not what the run needs.

use crate::support::opcodes;
use crate::support::program::{Call, engine, folder, series, with_series};
use std::fs::{self, File, hard_link};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// `s01.dat` and `s02.dat`, 103 MB each, generated once.
fn demo(subject: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let made = FOLDER.get_or_init(|| {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = parent.join("demo");
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        engine(parent, "data demo --subjects 2 --out demo").ends(0, &[]);
        path
    });
    made.join(subject)
}

/// A folder `d` with links to demo subjects, as (name, subject).
fn deap(files: &[(&str, &str)]) -> TempDir {
    let folder = folder();
    fs::create_dir(folder.path().join("d")).unwrap();
    for (name, subject) in files {
        hard_link(demo(subject), folder.path().join("d").join(name)).unwrap();
    }
    folder
}

/// A folder `d` with `s01.dat`, a copy that `bend` changes.
fn bent(bend: impl Fn(&File, Places)) -> TempDir {
    let folder = deap(&[]);
    let path = folder.path().join("d/s01.dat");
    fs::copy(demo("s01.dat"), &path).unwrap();
    let length = fs::metadata(&path).unwrap().len();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    let mut head = [0; 1000];
    file.read_exact_at(&mut head, 0).unwrap();
    let ratings = head.windows(5).position(|bytes| bytes == b"T\0\x05\0\0").unwrap() as u64 + 5;
    bend(&file, Places { ratings, samples: length - 4 - 40 * 40 * 8064 * 8 });
    folder
}

/// The positions of the first rating and the first sample in a file.
#[derive(Clone, Copy)]
struct Places {
    ratings: u64,
    samples: u64,
}

fn put(file: &File, at: u64, values: &[f64]) {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    file.write_all_at(&bytes, at).unwrap();
}

const DRY: &str = "train --data d --channels Fp1 --dry-run";

#[track_caller]
fn dry(folder: &TempDir) -> Call {
    engine(folder.path(), DRY)
}

#[test]
fn missing_recordings_say_where_there_are_some() {
    let folder = deap(&[]);
    for (command, what) in [
        ("train --data nowhere", "nowhere does not exist"),
        ("data inspect nowhere", "nowhere does not exist"),
        ("crossval --data d", "the folder d is empty"),
    ] {
        engine(folder.path(), command).ends(3, &[what, "qmul.ac.uk", "--data demo"]);
    }
    engine(folder.path(), "train --data x.ts").ends(3, &["x.ts does not exist"]);
}

#[test]
fn strange_files_are_ignored_and_gaps_are_reported() {
    let folder = deap(&[("s01.dat", "s01.dat"), ("s03.dat", "s02.dat")]);
    for stray in [".DS_Store", "Thumbs.db", "s02.dat.part"] {
        fs::write(folder.path().join("d").join(stray), "stray").unwrap();
    }
    let call = engine(folder.path(), &format!("{DRY} --verbose"));
    let call = call.ends(
        0,
        &[
            "ignored in d: .DS_Store, Thumbs.db, s02.dat.part",
            "warning: d has 2 of DEAP's 32 subjects; there is no s02",
        ],
    );
    assert!(call.out.contains("2 subjects, 80 trials"), "{}", call.out);
    assert!(!dry(&folder).ends(0, &["no s02"]).err.contains("ignored"));
}

#[test]
fn one_subject_cannot_be_split_by_subject() {
    let folder = deap(&[("s01.dat", "s01.dat")]);
    engine(folder.path(), &format!("{DRY} --split subject"))
        .ends(3, &["needs 2 subjects; there is 1", "--split trial"]);
}

#[test]
fn one_person_under_two_names_is_refused() {
    let folder = deap(&[("s01.dat", "s01.dat"), ("s02.dat", "s01.dat")]);
    dry(&folder).ends(3, &["s01 and s02 are the same recording", "remove the copy"]);
}

/// One of each kind; the reader has its own tests.
#[test]
fn files_that_are_no_subjects_are_refused_by_name() {
    let folder = deap(&[]);
    let mut start = vec![0; 1 << 20];
    File::open(demo("s01.dat")).unwrap().read_exact_at(&mut start, 0).unwrap();
    let nested = [b"\x80\x02".to_vec(), b"(".repeat(1_000_000)].concat();
    let global = b"\x80\x02}q\x01(U\x04datacposix\nsystem\n(U\x02idtRu.".to_vec();
    for (bytes, what) in [
        (start, "truncated at byte 1048576 of at least 1032"),
        (Vec::new(), "truncated at byte 0"),
        (b"<!DOCTYPE html><html>log in</html>".to_vec(), "an HTML page"),
        (b"PK\x03\x04 and so on".to_vec(), "a zip archive"),
        (nested, "opcodes"),
        (global, "\"posix.system\" is not allowed"),
        (opcodes::small(), "\"labels\" has the shape [1, 2], expected [40, 4]"),
    ] {
        fs::write(folder.path().join("d/s01.dat"), bytes).unwrap();
        dry(&folder).ends(3, &["d/s01.dat: ", what]);
    }
}

#[test]
fn bad_signals_are_counted_and_placed() {
    let folder = bent(|file, at| {
        let sample = |trial: u64, sample: u64| at.samples + ((trial * 40) * 8064 + sample) * 8;
        put(file, sample(7, 4000), &[f64::NAN]);
        put(file, sample(9, 0), &[2.0; 8064]);
    });
    // One sample is in two band frames of one window; the flat trial has fifteen windows.
    let found =
        ["s01 trial 7 channel Fp1 has 2 frames that are not finite", "s01 trial 9 channel Fp1 is flat"];
    let call = dry(&folder).ends(3, &["16 windows hold bad signals", "--bad-windows drop"]).ends(3, &found);
    assert!(call.out.is_empty());
    let call = engine(folder.path(), &format!("{DRY} --bad-windows drop"));
    let call = call.ends(0, &["warning: 16 bad windows left out"]).ends(0, &found);
    assert!(call.out.contains("584 sequences"), "{}", call.out);
    engine(folder.path(), "train --data d --channels Fz --dry-run").ends(0, &[]);
}

#[test]
fn bad_series_are_counted_and_placed() {
    let folder = folder();
    let mut lines: Vec<String> = series(20, 2, 1).lines().map(String::from).collect();
    lines[3] = format!("?,1,?,2,3,4,5,6:{}:a", "1,2,3,4,5,6,7,8");
    lines[3 + 5] = format!("1,2,3,4,5,6,7,8:{}:b", ["0.5"; 8].join(","));
    fs::write(folder.path().join("x.ts"), lines.join("\n")).unwrap();
    let found =
        ["all trial 0 channel ch0 has 2 frames that are not finite", "all trial 5 channel ch1 is flat"];
    engine(folder.path(), "train --data x.ts").ends(3, &["2 windows hold bad signals"]).ends(3, &found);
    assert!(!folder.path().join("runs").exists(), "a run was begun");
    engine(folder.path(), "train --data x.ts --hidden 4 --epochs 1 --bad-windows drop")
        .ends(0, &["warning: 2 bad windows left out"])
        .ends(0, &found);
}

#[test]
fn a_rating_off_the_scale_is_refused() {
    let folder = bent(|file, at| put(file, at.ratings + (12 * 4 + 1) * 8, &[9.5]));
    dry(&folder).ends(3, &["d/s01.dat: trial 12: arousal is rated 9.5, expected 1 to 9"]);
}

#[test]
fn a_tie_falls_as_the_rule_says_and_the_rule_is_printed() {
    let folder = bent(|file, at| {
        let ratings = [5.0; 20].into_iter().chain([7.0; 12]).chain([3.0; 8]);
        ratings.enumerate().for_each(|(trial, rating)| put(file, at.ratings + 32 * trial as u64, &[rating]));
    });
    for (tie, rule) in [
        ("above", "valence, high means rating > 5: low 420, high 180"),
        ("at-least", "valence, high means rating >= 5: low 120, high 480"),
    ] {
        let call = engine(folder.path(), &format!("{DRY} --tie {tie}")).ends(0, &[]);
        assert!(call.out.contains(rule), "{}", call.out);
    }
}

#[test]
fn a_training_part_of_one_class_is_refused() {
    let folder = with_series();
    let only =
        |class: &str| series(40, 2, 2).lines().filter(|l| !l.ends_with(class)).collect::<Vec<_>>().join("\n");
    fs::write(folder.path().join("a.ts"), only(":b")).unwrap();
    fs::write(folder.path().join("b.ts"), only(":a")).unwrap();
    engine(folder.path(), "train --data a.ts --test x.ts")
        .ends(3, &["fold predefined: all training sequences are of the class \"a\"", "hint"]);
    let command = "train --data x.ts --test a.ts --hidden 4 --epochs 1";
    let call = engine(folder.path(), command).ends(0, &[]);
    assert!(call.out.contains("undefined") && !call.out.contains("NaN"), "{}", call.out);
    let call = engine(folder.path(), &format!("{command} --json")).ends(0, &[]);
    let scores: serde_json::Value = serde_json::from_str(&call.out).unwrap();
    assert!(scores["trial"]["auc"].is_null() && scores["window"]["by_fold"]["auc"]["mean"].is_null());
    assert!(scores["trial"]["overall"]["accuracy"].is_number());
}

/// The errors come before recordings are read or generated.
#[test]
fn windows_that_cannot_be_are_refused_at_once() {
    let folder = with_series();
    for (flags, what) in [
        ("--window 61", "a window of 61 s is longer than a trial of 60 s"),
        ("--window 64 --baseline include", "a window of 64 s is longer than a trial of 63 s"),
        ("--window 0.5", "a window of 0.5 s is shorter than a frame of 1 s"),
        ("--frame-length 5", "a window of 4 s is shorter than a frame of 5 s"),
        ("--window 0", "the window length must be above 0"),
        ("--window-step 0", "the window step must be above 0"),
        ("--window-step=-1", "the window step must be above 0"),
    ] {
        let call = engine(folder.path(), &format!("train --data demo --demo-subjects 32 {flags}"));
        let call = call.ends(2, &[what]);
        assert!(!call.err.contains("generating recordings"), "{flags}: refused too late: {}", call.err);
    }
    engine(folder.path(), "train --data x.ts --window 2 --rate 8")
        .ends(2, &["no window fits: a window has 16 frames, and the longest trial has 8", "--window"]);
    engine(folder.path(), "train --data x.ts --window 2").ends(2, &["no sampling rate", "`--rate`"]);
}
