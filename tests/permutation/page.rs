//! The permutation test in scores.json, in the table and on the page, and when a run is shown again.

use crate::support::program::{engine, read, with_series};
use serde_json::Value;
use std::fs;

#[test]
fn a_test_is_in_every_output_and_is_shown_again() {
    let folder = with_series();
    let run = folder.path().join("runs/r");
    let flags = "--data x.ts --hidden 4 --epochs 3 --batch 5 --split trial --permutations 19 --name r";
    let call = engine(folder.path(), &format!("crossval {flags} --json")).ends(0, &[]);
    let scores: Value = serde_json::from_slice(&read(run.join("scores.json"))).unwrap();
    let printed: Value = serde_json::from_str(&call.out).unwrap();
    assert_eq!(printed["permutation"], scores["permutation"]);
    let test = &scores["permutation"];
    assert_eq!((&test["n"], &test["seed"]), (&19.into(), &1.into()));
    assert_eq!(test["exchangeable"], "labels permuted over all trials");
    let accuracy = &test["statistics"][0];
    assert_eq!(
        (&accuracy["name"], &accuracy["observed"]),
        (&"accuracy".into(), &scores["verdict"]["accuracy"])
    );
    assert_eq!(accuracy["null"].as_array().unwrap().len(), 19);
    let reached = accuracy["reached"].as_f64().unwrap();
    assert_eq!(accuracy["p"].as_f64().unwrap(), (reached + 1.0) / 20.0);
    for key in ["null_mean", "null_sd"] {
        assert!(accuracy[key].is_f64(), "{accuracy}");
    }

    let page = || fs::read_to_string(run.join("report.html")).unwrap();
    let first = page();
    for part in [
        "id=\"permutation\"",
        "By permutation, 19 trainings on permuted labels: p = ",
        "labels permuted over all trials",
        "accuracy of permuted labels, and of this run</title>",
        "class=\"observed\"",
    ] {
        assert!(first.contains(part), "no {part} on the page");
    }
    assert!(
        first.contains("The p above needs no such caution."),
        "the p is exact, and the intervals are as they were"
    );

    // From the folder alone; and the saved weights again.
    engine(folder.path(), "report runs/r").ends(0, &[]);
    assert_eq!(page(), first);
    let again = engine(folder.path(), "evaluate runs/r").ends(0, &[]);
    assert!(
        again.out.contains("Permutation test: this run, and 19 trainings on permuted labels"),
        "{}",
        again.out
    );
    assert!(fs::read_to_string(run.join("evaluation.html")).unwrap().contains("id=\"permutation\""));
    let rewritten: Value = serde_json::from_slice(&read(run.join("scores.json"))).unwrap();
    assert_eq!(rewritten, scores);
    // The weights of the last epoch are not those that the permutations tested.
    let last = engine(folder.path(), "evaluate runs/r --checkpoint last").ends(0, &[]);
    assert!(!last.out.contains("ermutation"), "{}", last.out);

    let flags = flags.replace("--permutations 19 --name r", "--name none");
    engine(folder.path(), &format!("crossval {flags}")).ends(0, &[]);
    let without = fs::read_to_string(folder.path().join("runs/none/report.html")).unwrap();
    assert!(!without.contains("id=\"permutation\"") && without.contains("Grandvalet"));
}
