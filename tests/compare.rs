//! `engine compare`: refusals, the table, the JSON and the page of runs that are made for it.

use crate::support::program::{Call, engine, folder};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A folder with runs of the same trials: `a` and `b` by subject, `trials` by trial, `leaky` by window;
/// `part` and `part2`, which test one fold; and `other`, of other windows.
fn runs() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let make = || {
        let folder = folder();
        let small = "--data demo --demo-subjects 3 --cell gru --hidden 4 --epochs 2 --quiet";
        for command in [
            "crossval --split subject --name a",
            "crossval --split subject --seed 2 --name b",
            "crossval --split trial --folds 2 --name trials",
            "crossval --split window --folds 2 --name leaky",
            "train --split subject --fold 1 --name part",
            "train --split subject --fold 1 --seed 2 --name part2",
            "crossval --split subject --window 2 --name other",
        ] {
            engine(folder.path(), &format!("{command} {small}")).ends(0, &[]);
        }
        folder
    };
    FOLDER.get_or_init(make).path()
}

fn inside(name: &str) -> PathBuf {
    runs().join(name)
}

fn compare(arguments: &str) -> Call {
    engine(runs(), &format!("compare {arguments}"))
}

fn json(arguments: &str) -> Value {
    serde_json::from_str(&compare(&format!("{arguments} --json --page json.html")).ends(0, &[]).out).unwrap()
}

#[test]
fn runs_are_paired_by_subject_and_shown_on_a_page() {
    let call = compare("runs/a runs/b runs/trials --page three.html").ends(0, &["three.html"]);
    for part in [
        "R1: runs/a, by subject",
        "R1 - R2",
        "R2 - R3",
        "p (Holm)",
        "answer other questions",
        "can find nothing",
    ] {
        assert!(call.out.contains(part), "{part} is missing in {}", call.out);
    }
    assert!(call.out.lines().all(|line| line.chars().count() <= 100), "{}", call.out);
    let json = json("runs/a runs/b runs/trials");
    assert_eq!((json["unit"].as_str(), json["units"].as_array().unwrap().len()), (Some("subject"), 3));
    let (pairs, runs) = (json["pairs"].as_array().unwrap(), json["runs"].as_array().unwrap());
    assert_eq!((pairs.len(), runs.len()), (3, 3));
    for pair in pairs {
        // Exact: with three subjects there are eight choices of signs.
        let p = pair["p"].as_f64().unwrap();
        assert!(pair["test"] == "all-signs" && (8.0 * p).fract() == 0.0 && p >= 0.25, "{pair}");
        let holm = pair["p_holm"].as_f64().unwrap();
        assert!(holm >= p && holm <= 3.0 * p);
    }
    let mean = |run: usize| runs[run]["accuracy"]["mean"].as_f64().unwrap();
    assert!((pairs[0]["difference"].as_f64().unwrap() - (mean(0) - mean(1))).abs() < 1e-12);
    // The run's own scores are the means over the same subjects.
    let scores = fs::read_to_string(inside("runs/a/scores.json")).unwrap();
    let scores: Value = serde_json::from_str(&scores).unwrap();
    assert_eq!(scores["trial"]["by_subject"]["accuracy"]["mean"], runs[0]["accuracy"]["mean"]);

    let page = fs::read_to_string(inside("three.html")).unwrap();
    for part in ["R1 - R3", "id=\"units\"", "<svg", "s01", "default-src 'none'"] {
        assert!(page.contains(part), "{part}");
    }
    for foreign in ["http:", "https:", "src=", "href=", "<script", "NaN"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn folds_are_compared_with_their_correction() {
    let by_fold = json("runs/a runs/b --by-fold");
    assert_eq!(by_fold["unit"], "fold");
    assert_eq!(by_fold["pairs"][0]["test"], "corrected-t");
    // The subjects are the folds: the same differences, in a wider interval.
    let by_subject = json("runs/a runs/b");
    let width = |json: &Value| {
        let end = |i: usize| json["pairs"][0]["interval"][i].as_f64().unwrap();
        end(1) - end(0)
    };
    assert_eq!(by_fold["pairs"][0]["difference"], by_subject["pairs"][0]["difference"]);
    assert!(width(&by_fold) > width(&by_subject));
    compare("runs/a runs/trials --by-fold").ends(3, &["have other trials in their folds", "by subject"]);
}

#[test]
fn runs_of_one_subject_are_paired_by_trial() {
    let one = json("runs/part runs/part2");
    assert_eq!(one["unit"], "trial");
}

#[test]
fn a_leaky_run_stands_below_a_banner() {
    let call = compare("runs/a runs/leaky --page leaky.html").ends(0, &[]);
    assert!(call.out.starts_with("Do not believe this comparison"), "{}", call.out);
    assert!(!call.out.contains("is better") && !call.out.contains("No difference is shown"));
    let page = fs::read_to_string(inside("leaky.html")).unwrap();
    assert!(page.find("role=\"alert\"").unwrap() < page.find("id=\"result\"").unwrap());
}

#[test]
fn runs_that_have_no_common_ground_are_refused() {
    let hash = |run: &str| {
        let text = fs::read_to_string(inside(&format!("runs/{run}/manifest.json"))).unwrap();
        let manifest: Value = serde_json::from_str(&text).unwrap();
        manifest["dataset"]["blake3"].as_str().unwrap().to_string()
    };
    compare("runs/a runs/other").ends(3, &["other windows or labels", &hash("a"), &hash("other"), "hint: "]);
    let parts =
        ["the runs tested other trials: runs/a tested ", "runs/part tested ", "of subject s0", "hint: "];
    compare("runs/a runs/part").ends(3, &parts);
    compare("runs/a runs/../runs/a").ends(2, &["named twice"]);
    compare("runs/a").ends(2, &["2 values required"]);
    compare("runs/a runs/none").ends(7, &["runs/none"]);
}

#[test]
fn a_page_takes_no_other_files_place() {
    for (name, text) in [("notes.txt", "words"), ("report.html", "<!DOCTYPE html><title>a run</title>")] {
        fs::write(inside(name), text).unwrap();
        let refused = [name, "is there already, and compares no runs"];
        compare(&format!("runs/a runs/b --page {name}")).ends(7, &refused);
        assert_eq!(fs::read_to_string(inside(name)).unwrap(), text);
    }
    compare("runs/a runs/b --page none/page.html").ends(7, &["none"]);
    for _ in 0..2 {
        compare("runs/a runs/b --page twice.html").ends(0, &[]);
    }
}
