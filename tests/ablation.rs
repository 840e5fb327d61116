//! Ablations: each variant is a plain run bit for bit, all are compared with all features, and a stopped one
//! goes on.

use crate::support::arrays::six_people;
use crate::support::program::{assert_same, command, engine, folder};
use crate::support::stops::StopsWhen;
use engine::ablation::{self, Job, Settings};
use engine::config::Config;
use engine::data::feature::GroupBy;
use engine::experiment::Ending;
use engine::progress::Silent;
use engine::run::FoldCheckpoint;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The class raises `signal`, and the other channels are noise.
fn data(folder: &Path) {
    six_people(folder, "w", &["noise", "signal", "hum"], 1, 2.0);
}

const OPTIONS: &str =
    "--data w --split subject --folds 3 --hidden 4 --epochs 12 --lr 0.02 --patience 0 --validation 0";

#[test]
fn an_ablation_finds_the_signal_and_each_variant_is_a_plain_run() {
    let folder = folder();
    let path = folder.path();
    data(path);
    let call = engine(path, &format!("ablate --by channel {OPTIONS} --name a --json")).ends(0, &[]);
    let comparison: Value = serde_json::from_str(&call.out).unwrap();
    let names: Vec<&str> =
        comparison["runs"].as_array().unwrap().iter().map(|run| run["name"].as_str().unwrap()).collect();
    let expected =
        ["all", "only-noise", "only-signal", "only-hum", "without-noise", "without-signal", "without-hum"];
    assert_eq!(names, expected);
    let accuracy = |name: &str| {
        let at = names.iter().position(|other| *other == name).unwrap();
        comparison["runs"][at]["accuracy"]["mean"].as_f64().unwrap()
    };
    assert!(accuracy("all") > 0.9 && accuracy("only-signal") > 0.9, "{}", call.out);
    assert!(accuracy("only-noise") < 0.75 && accuracy("without-signal") < 0.75, "{}", call.out);
    // Every variant against all features, and nothing else.
    let pairs = comparison["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 6);
    assert!(pairs.iter().all(|pair| pair["second"] == "all"));
    let lost = pairs.iter().find(|pair| pair["first"] == "without-signal").unwrap();
    assert!(lost["difference"].as_f64().unwrap() < -0.2 && lost["p_holm"].as_f64() >= lost["p"].as_f64());

    let root = path.join("runs/a");
    assert_eq!(fs::read_to_string(root.join("ablation.csv")).unwrap().lines().count(), 8);
    let page = fs::read_to_string(root.join("report.html")).unwrap();
    assert!(page.contains("Ablation by channel") && page.contains("without-signal - all"), "the page");
    assert!(page.contains("No difference is shown in any of the 6 pairs."), "six subjects are too few");
    assert_eq!(
        serde_json::from_slice::<Value>(&fs::read(root.join("ablation.json")).unwrap()).unwrap(),
        comparison
    );

    // The same mask in a plain run gives the same bits.
    engine(path, &format!("crossval {OPTIONS} --leave-out NOISE,hum --name plain")).ends(0, &[]);
    let files = ["predictions.csv", "metrics.jsonl", "checkpoints/best/fold-01.safetensors"];
    let same = |variant: &str, plain: &str| {
        assert_same(&root.join(variant), &path.join(plain), &files[..2]);
    };
    same("only-signal", "runs/plain");
    let checkpoint = FoldCheckpoint::read(&root.join("only-signal").join(files[2])).unwrap();
    assert_eq!([checkpoint.stats.inv_std[0], checkpoint.stats.inv_std[2]], [0.0; 2]);
    engine(path, &format!("crossval {OPTIONS} --name whole")).ends(0, &[]);
    same("all", "runs/whole");
    // Each variant is a run like any other.
    let evaluated = engine(path, "evaluate runs/a/only-signal --json --quiet").ends(0, &[]);
    let scores: Value = serde_json::from_str(&evaluated.out).unwrap();
    assert_eq!(scores["trial"]["overall"]["accuracy"].as_f64().unwrap(), accuracy("only-signal"));
}

#[test]
fn a_stopped_ablation_goes_on_with_the_same_bits() {
    let folder = folder();
    let path = folder.path();
    data(path);
    let long = OPTIONS.replace("--epochs 12", "--epochs 400");
    engine(path, &format!("ablate --by channel {long} --name whole --quiet")).ends(0, &[]);
    let mut run = command(path, &format!("ablate --by channel {long} --name stopped")).spawn().unwrap();
    let begun = path.join("runs/stopped/only-noise/metrics.jsonl");
    let start = Instant::now();
    while !begun.is_file() && start.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(2));
    }
    std::process::Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(143));
    assert!(!path.join("runs/stopped/ablation.csv").exists());
    engine(path, "ablate --resume runs/stopped --by band").ends(2, &["--by is another"]);
    engine(path, "ablate --resume runs/stopped --quiet").ends(0, &[]);
    assert_same(&path.join("runs/whole"), &path.join("runs/stopped"), &["ablation.csv"]);
    assert_same(
        &path.join("runs/whole/only-noise"),
        &path.join("runs/stopped/only-noise"),
        &["predictions.csv"],
    );
}

#[test]
fn variants_that_a_crash_left_at_different_places_end_with_the_same_bits() {
    let folder = folder();
    let path = folder.path();
    data(path);
    engine(path, &format!("ablate --by channel {OPTIONS} --name whole --quiet")).ends(0, &[]);
    let whole = path.join("runs/whole");
    let mut config = Config::from_toml(&fs::read_to_string(whole.join("all/config.toml")).unwrap()).unwrap();
    config.data.path = path.join("w");
    let jobs = ablation::jobs(&Settings { by: GroupBy::Channel, config }, &Silent).unwrap();
    let parent = path.join("runs/parts");
    let train = |jobs: &[Job], reports: usize| {
        let left = AtomicUsize::new(reports);
        let stop = StopsWhen::new(move |_| left.fetch_sub(1, Ordering::Relaxed) == 1);
        ablation::train(jobs, &parent, &stop.signal, &stop).unwrap()
    };
    // One alone, two together, and five that have not begun; the last stops in the middle of an epoch.
    for (jobs, reports) in [(&jobs[1..2], 3), (&jobs[2..4], 4), (&jobs[..], 1)] {
        assert!(matches!(train(jobs, reports), Ending::Interrupted(15)));
    }
    let Ending::Finished(scores) = train(&jobs, usize::MAX) else { panic!("nobody asked to stop") };
    assert_eq!(scores.len(), jobs.len());
    for job in &jobs {
        let variant = job.variant.folder();
        assert_same(&whole.join(&variant), &parent.join(&variant), &["predictions.csv"]);
        // The data lie elsewhere for the library: the hash of a run's settings differs, its weights do not.
        let weights = |root: &Path| {
            let path = root.join(&variant).join("checkpoints/last/fold-02.safetensors");
            FoldCheckpoint::read(&path).unwrap().weights
        };
        assert_eq!(weights(&whole), weights(&parent), "{variant}");
    }
}

#[test]
fn there_must_be_something_to_leave_out() {
    let folder = folder();
    let path = folder.path();
    data(path);
    for (options, what) in [
        (
            "ablate --by modality",
            "an ablation by modality needs at least two groups, and there is only other",
        ),
        ("ablate --by band", "an ablation by band needs at least two groups, and there is none"),
        ("ablate --by channel --permutations 5", "an ablation takes neither `--permutations` nor `--from`"),
        (
            "crossval --leave-out sound",
            "no feature, channel, modality, band, region or family is called \"sound\"",
        ),
        ("crossval --leave-out noise,signal,hum", "`--leave-out` leaves no feature"),
    ] {
        engine(path, &format!("{options} {OPTIONS}")).ends(2, &[what]);
    }
    let call = engine(path, &format!("ablate --by channel {OPTIONS} --dry-run")).ends(0, &[]);
    assert!(
        call.out.contains("variants 7, 7 at once: all, only noise, only signal, only hum, without noise"),
        "{}",
        call.out
    );
    assert!(!path.join("runs").exists(), "a run was begun");
}
