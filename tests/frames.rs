//! Frames mean what they say: bands by name and limits, only of signals that have them, at times that are
//! whole samples or said.

use crate::support::arrays::{array, integers, samples, texts};
use crate::support::program::{engine, folder};
use engine::run::{FoldCheckpoint, Manifest};
use std::fs;
use std::path::Path;

/// Windows of one second of a sine of 2 or 6 Hz, in turn, in a folder `name`.
fn tones(folder: &Path, name: &str, rate: usize, channel: &str) {
    let values: Vec<f64> = (0..24 * rate)
        .map(|i| {
            let (window, step) = (i / rate, (i % rate) as f64);
            let hertz = if window % 2 == 0 { 2.0 } else { 6.0 };
            (std::f64::consts::TAU * hertz * step / rate as f64 + window as f64).sin()
                + 0.01 * (i * i % 7) as f64
        })
        .collect();
    let numbers = |of: fn(i64) -> i64| integers(&(0..24).map(of).collect::<Vec<i64>>());
    let others = [
        ("labels", numbers(|i| i % 2)),
        ("trials", numbers(|i| i)),
        ("rate", array("<f8", "()", &(rate as f64).to_le_bytes())),
        ("channels", texts(&[channel])),
    ];
    samples(folder, name, [rate, 1], "<f8", &values, &others);
}

const RUN: &str = "crossval --frames bandpower --folds 3 --hidden 4 --patience 0 --validation 0";

#[test]
fn bands_have_names_and_limits_and_separate_what_they_should() {
    let folder = folder();
    let path = folder.path();
    tones(path, "w", 64, "Cz");
    engine(path, &format!("{RUN} --data w --dry-run")).ends(
        2,
        &[
            "a rate of 64 Hz cannot hold the gamma band, 31 to 45 Hz: the highest frequency is 32 Hz",
            "--bands theta=4-8,alpha=8-14,beta=14-31",
        ],
    );
    engine(path, &format!("{RUN} --data w --bands delta=1-4,theta=4-8 --epochs 20 --lr 0.05 --name r"))
        .ends(0, &[]);
    let run = path.join("runs/r");
    assert_eq!(Manifest::read(&run).unwrap().dataset.features, ["Cz delta", "Cz theta"]);
    let scores: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("scores.json")).unwrap()).unwrap();
    assert_eq!(scores["trial"]["overall"]["accuracy"], 1.0, "2 and 6 Hz are in different bands");
    // Weights carry what their features mean.
    let checkpoint = FoldCheckpoint::read(&run.join("checkpoints/best/fold-01.safetensors")).unwrap();
    let bands: Vec<String> = checkpoint.meta.frames.unwrap().bands.iter().map(ToString::to_string).collect();
    assert_eq!(bands, ["delta=1-4", "theta=4-8"]);
    engine(path, "predict runs/r w --quiet").ends(0, &[]);
    for (bands, what) in [
        ("theta", "\"theta\" is no band, expected a name and limits in Hz such as theta=4-8"),
        ("theta=8-4", "must begin above 0 Hz and end above its beginning"),
        ("a=1-4,a=4-8", "two bands have the name a: a=1-4 and a=4-8"),
        ("narrow=4.2-4.8", "too short for the narrow band, 4.2 to 4.8 Hz: they resolve 1.000 Hz"),
    ] {
        engine(path, &format!("{RUN} --data w --bands {bands} --dry-run")).ends(2, &[what]);
    }
}

/// Skin conductance, respiration, pulse and temperature have no theta.
#[test]
fn slow_signals_have_no_band_power() {
    let folder = folder();
    for (channels, name) in
        [("all", "GSR"), ("eeg,gsr", "GSR"), ("resp", "Resp"), ("pleth", "Pleth"), ("temp", "Temp")]
    {
        for kind in ["bandpower", "differential-entropy"] {
            let call = engine(
                folder.path(),
                &format!("train --demo-subjects 1 --frames {kind} --channels {channels} --dry-run"),
            );
            let what = format!("the channel {name} is of the modality");
            call.ends(2, &[&what, "changes over seconds", "--channels eeg,eog,emg", "--frames raw"]);
        }
    }
    engine(folder.path(), "train --demo-subjects 1 --channels eeg,eog,emg --dry-run").ends(0, &[]);
    engine(folder.path(), "train --demo-subjects 1 --channels gsr --frames raw --window 4 --dry-run")
        .ends(0, &[]);
}

#[test]
fn times_that_are_no_whole_samples_are_said() {
    let folder = folder();
    let path = folder.path();
    tones(path, "w", 128, "Cz");
    let call =
        engine(path, "crossval --data w --frames raw --window 0.5 --window-step 0.1 --folds 3 --dry-run");
    call.ends(0, &["`--window-step 0.1` is 12.800 samples at 128 Hz; 13 samples are taken, 0.101562 s"]);
    let call =
        engine(path, "crossval --data w --frames raw --window 0.5 --window-step 0.25 --folds 3 --dry-run");
    assert!(!call.ends(0, &[]).err.contains("samples are taken"));
    let call = engine(
        path,
        "crossval --data w --frames bandpower --frame-length 0.3 --frame-step 0.15 --folds 3 --dry-run",
    );
    call.ends(0, &["38.400 samples at 128 Hz; 38 samples are taken", "19.200 samples"]);
}

/// The scale of ratings is DEAP's, or asked for.
#[test]
fn scales_of_ratings_are_checked() {
    let folder = folder();
    let run = |options: &str| engine(folder.path(), &format!("train --demo-subjects 1 {options} --dry-run"));
    run("--scale-range 1-9").ends(0, &[]);
    run("--scale-range 1-5").ends(2, &["these ratings are from 1-9, and `--scale-range` says 1-5"]);
    run("--scale-range five").ends(2, &["expected the lowest and the highest rating such as 1-9"]);
    run("--threshold 10").ends(2, &["the threshold 10 is not on the scale of the ratings, 1-9"]);
    let call = run("").ends(0, &[]);
    assert!(call.out.contains("valence, high means rating > 5:"), "{}", call.out);
}
