//! Features through the program: training, prediction, units, distributions.

use crate::support::arrays::{array, integers, samples, texts};
use crate::support::program::{engine, folder};
use engine::data::features::{Family, GsrUnit};
use engine::run::{FoldCheckpoint, Manifest};
use serde_json::Value;

#[test]
fn the_program_trains_on_features_and_predicts_with_them() {
    let folder = folder();
    let path = folder.path();
    const RUN: &str = "train --demo-subjects 2 --channels all --epochs 1 --hidden 4";
    engine(path, &format!("{RUN} --frames features --name f")).ends(0, &[]);
    let run = path.join("runs/f");
    let features = Manifest::read(&run).unwrap().dataset.features;
    assert_eq!(features.len(), 32 * 7 + 2 * 2 + 2 * 2 + 5 + 3 + 4 + 2 + 14 * 4);
    assert!(features.contains(&"Pleth heart rate [1/min]".to_string()));
    // The run records what it chose, and its weights carry what their features mean.
    let config = std::fs::read_to_string(run.join("config.toml")).unwrap();
    for line in ["frame_kind = \"features\"", "feature_window = 30.0", "gsr_unit = \"ohm\""] {
        assert!(config.contains(line), "no {line} in {config}");
    }
    let checkpoint = FoldCheckpoint::read(&run.join("checkpoints/best/fold-01.safetensors")).unwrap();
    let features = checkpoint.meta.frames.unwrap().features.unwrap();
    assert_eq!(
        (features.window, features.gsr, features.families),
        (30.0, Some(GsrUnit::Ohm), Family::DEFAULT.to_vec())
    );
    engine(path, "data demo --out recordings --subjects 1").ends(0, &[]);
    engine(path, "predict runs/f recordings/s01.dat --quiet").ends(0, &[]);
    engine(path, "train --demo-subjects 1 --families entropy --dry-run")
        .ends(2, &["`--families` would have no effect: it is for frames of features", "--frames features"]);
    engine(path, &format!("{RUN} --frames features --families tonic,heart-rate --dry-run"))
        .ends(2, &["the channel Fp1 has none of the features tonic,heart-rate", "--channels"]);
    engine(path, &format!("{RUN} --frames features --feature-window 61 --dry-run"))
        .ends(2, &["s01 trial 0 has 60 s for features of slow signals", "--feature-window"]);
}

#[test]
fn the_unit_of_a_skin_channel_must_be_known() {
    let folder = folder();
    let path = folder.path();
    let (windows, length) = (24, 320);
    let value = |i: usize| 5.0 + (i / length % 2) as f64 + 0.2 * (i as f64 / 50.0).sin();
    let values: Vec<f64> = (0..windows * length).map(value).collect();
    let numbers = |of: fn(i64) -> i64| integers(&(0..windows as i64).map(of).collect::<Vec<i64>>());
    let others = [
        ("labels", numbers(|i| i % 2)),
        ("trials", numbers(|i| i)),
        ("rate", array("<f8", "()", &32.0f64.to_le_bytes())),
        ("channels", texts(&["skin"])),
        ("modalities", texts(&["gsr"])),
    ];
    samples(path, "w", [length, 1], "<f8", &values, &others);
    let run = |options: &str| {
        let call = format!("crossval --data w --frames features --folds 3 --hidden 4 --epochs 1 {options}");
        engine(path, &format!("{call} --patience 0 --validation 0"))
    };
    run("--feature-window 8 --dry-run").ends(2, &["the unit of the channel skin is unknown", "`--gsr us`"]);
    run("--gsr us --dry-run").ends(2, &["has 10 s for features of slow signals", "--feature-window"]);
    run("--gsr ohm --feature-window 8 --dry-run").ends(
        3,
        &["channel skin: 320 of 320 samples are outside 0.05 to 60 uS", "ohm", "--bad-windows drop"],
    );
    run("--gsr us --feature-window 8 --name r").ends(0, &[]);
    let call = engine(path, "data inspect w --features --gsr us --feature-window 8").ends(0, &[]);
    for part in ["skin tonic [uS]", "skin response amplitude [uS]", "not finite", "greatest"] {
        assert!(call.out.contains(part), "no {part} in {}", call.out);
    }
}

#[test]
fn distributions_are_by_subject_and_class() {
    let folder = folder();
    let call = engine(folder.path(), "data inspect demo --features --channels pleth --json").ends(0, &[]);
    let rows: Value = serde_json::from_str(&call.out).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 4 * (1 + 8) * (1 + 2), "features, subjects and classes, and all of each");
    let of = |subject: &str, class: &str| {
        let is_it = |row: &&Value| {
            row["feature"] == "Pleth heart rate [1/min]" && row["subject"] == subject && row["class"] == class
        };
        rows.iter().find(is_it).unwrap()
    };
    let all = of("all", "all");
    assert_eq!(all["frames"], 8 * 40 * 119);
    assert!((50.0..90.0).contains(&all["mean"].as_f64().unwrap()), "{all}");
    assert!(all["range"][0].as_f64() < all["mean"].as_f64());
    let parts: u64 = (1..=8).map(|n| of(&format!("s{n:02}"), "all")["frames"].as_u64().unwrap()).sum();
    assert_eq!(parts, 8 * 40 * 119);
}
