//! Runs that are stopped, fail, meet each other, or are asked about data that are not theirs.

use crate::support::arrays::{floats, integers};
use crate::support::program::{
    Call, assert_same, command, engine, folder, read, series, unlabeled, with_series,
};
use engine::backend::cpu::Isa;
use engine::run::Resume;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_fold_of_a_crossvalidation_equals_the_fold_alone() {
    let folder = with_series();
    let flags = "--data x.ts --hidden 4 --epochs 3 --batch 5";
    engine(folder.path(), &format!("crossval {flags} --name all")).ends(0, &[]);
    engine(folder.path(), &format!("crossval {flags} --name one --folds-at-once 1 --threads 1")).ends(0, &[]);
    let runs = folder.path().join("runs");
    for fold in 1..=5 {
        engine(folder.path(), &format!("train {flags} --name alone --fold {fold}")).ends(0, &[]);
        let name = if fold == 1 { "alone".into() } else { format!("alone-{fold}") };
        for which in ["best", "last"] {
            let file = format!("checkpoints/{which}/fold-0{fold}.safetensors");
            assert_same(&runs.join("all"), &runs.join(&name), &[&file]);
            assert_same(&runs.join("all"), &runs.join("one"), &[&file]);
        }
    }
    assert_same(&runs.join("all"), &runs.join("one"), &["predictions.csv", "scores.json", "confusion.csv"]);
}

/// Starts the program and waits until `file` in the run `runs/stopped` is written.
fn start(folder: &Path, arguments: &str, file: &str) -> Child {
    let mut child = command(folder, &format!("{arguments} --name stopped"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let path = folder.join("runs/stopped").join(file);
    let begin = Instant::now();
    while !fs::metadata(&path).is_ok_and(|metadata| metadata.len() > 0) {
        assert!(child.try_wait().unwrap().is_none() && begin.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// Stops a run by `signal` as soon as `file` is there, lets it go on, and compares it with one that was not
/// stopped.
fn stop_and_go_on(arguments: &str, folds: usize, signal: (&str, i32), file: &str) {
    let folder = with_series();
    let verb = arguments.split(' ').next().unwrap();
    engine(folder.path(), &format!("{arguments} --name whole")).ends(0, &[]);
    let child = start(folder.path(), arguments, file);
    send(signal.0, &child);
    let told = [
        format!("stopped by signal {}; everything is saved", signal.1),
        format!("engine {verb} --resume runs/stopped"),
    ];
    let call = Call::of(child.wait_with_output().unwrap());
    let call = call.ends(128 + signal.1, &told.each_ref().map(String::as_str));
    assert!(call.out.is_empty(), "scores of a run that was stopped: {}", call.out);
    let (whole, stopped) = (folder.path().join("runs/whole"), folder.path().join("runs/stopped"));
    let status = fs::read_to_string(stopped.join("status.json")).unwrap();
    assert!(status.contains("interrupted") && !stopped.join("scores.json").exists(), "{status}");

    engine(folder.path(), &format!("{verb} --resume runs/stopped")).ends(0, &[]);
    let mut files: Vec<String> =
        ["predictions.csv", "metrics.jsonl", "scores.json", "confusion.csv", "split.json"]
            .map(String::from)
            .into();
    for fold in 1..=folds {
        files.extend(["best", "last"].map(|which| format!("checkpoints/{which}/fold-0{fold}.safetensors")));
    }
    assert_same(&whole, &stopped, &files.iter().map(String::as_str).collect::<Vec<_>>());
}

const LONG: &str = "train --data x.ts --hidden 4 --epochs 5000 --patience 0";

#[test]
fn ctrl_c_saves_and_the_run_goes_on_bit_for_bit() {
    stop_and_go_on(LONG, 1, ("-INT", 2), "metrics.jsonl");
}

#[test]
fn a_lost_connection_saves_and_the_run_goes_on_bit_for_bit() {
    stop_and_go_on(LONG, 1, ("-HUP", 1), "metrics.jsonl");
}

/// In the middle of a later part of the run.
#[test]
fn a_job_that_is_ended_goes_on_bit_for_bit() {
    let arguments = "crossval --data x.ts --hidden 4 --epochs 1500 --patience 0 --folds-at-once 2";
    stop_and_go_on(arguments, 5, ("-TERM", 15), "predictions.csv");
}

/// Paths round differently: going on is a choice, and the manifest keeps it.
#[test]
fn a_run_goes_on_elsewhere_only_if_told_to() {
    let folder = with_series();
    let run = folder.path().join("runs/stopped");
    let child = start(folder.path(), &format!("{LONG} --isa portable"), "metrics.jsonl");
    send("-INT", &child);
    Call::of(child.wait_with_output().unwrap()).ends(130, &[]);
    let manifest = || serde_json::from_slice::<serde_json::Value>(&read(run.join("manifest.json"))).unwrap();
    assert_eq!(manifest()["device"], "cpu portable");
    let resume = "train --resume runs/stopped";

    if let Some(isa) = Isa::available().into_iter().find(|&isa| isa != Isa::Portable) {
        let here = format!("this is `cpu {}`", isa.name());
        engine(folder.path(), &format!("{resume} --isa {}", isa.name())).ends(
            2,
            &[
                "made on `cpu portable`",
                &here,
                "--isa portable`, for the same bits",
                "--resume RUN --other-device`",
            ],
        );
    }
    let path = run.join("resume.safetensors");
    let saved = Resume::read(&run).unwrap();
    let elsewhere = Resume { device: "cpu of-another-machine".parse().unwrap(), ..saved };
    fs::write(&path, elsewhere.to_bytes().unwrap()).unwrap();
    engine(folder.path(), resume).ends(
        2,
        &[
            "made on `cpu of-another-machine`",
            "this is `cpu portable`",
            "resume it on its own machine",
            "--resume RUN --other-device`",
        ],
    );
    assert_eq!(manifest().get("moves"), None);

    let epochs = elsewhere.state.as_ref().map_or(0, |state| state.epoch);
    engine(folder.path(), &format!("{resume} --other-device --epochs {}", epochs + 2)).ends(0, &[]);
    let manifest = manifest();
    assert_eq!(manifest["device"], "cpu portable", "where it began");
    let moves = &manifest["moves"];
    assert_eq!(
        (&moves[0]["from"], &moves[0]["to"], &moves[0]["epochs_done"]),
        (&"cpu of-another-machine".into(), &"cpu portable".into(), &epochs.into())
    );
    // The run is here now.
    engine(folder.path(), resume).ends(0, &[]);
}

/// Only as long as it can.
#[test]
fn a_stopped_run_may_get_other_epochs() {
    let folder = with_series();
    let child = start(folder.path(), LONG, "metrics.jsonl");
    send("-INT", &child);
    Call::of(child.wait_with_output().unwrap()).ends(130, &[]);
    engine(folder.path(), "train --resume runs/stopped --epochs 1 --hidden 9").ends(2, &["hidden = [9]"]);
    let state = Resume::read(&folder.path().join("runs/stopped")).unwrap().state.unwrap();
    assert!(state.epoch > 0, "stopped too early to show anything");
    if state.epoch + usize::from(state.position > 0) > 1 {
        engine(folder.path(), "train --resume runs/stopped --epochs 1")
            .ends(2, &["--epochs 1: the run is in epoch"]);
    }
    let more = state.epoch + 2;
    engine(folder.path(), &format!("train --resume runs/stopped --epochs {more}")).ends(0, &[]);
    engine(folder.path(), &format!("train --data x.ts --hidden 4 --patience 0 --epochs {more} --name whole"))
        .ends(0, &[]);
    let runs = folder.path().join("runs");
    let files = ["predictions.csv", "metrics.jsonl", "checkpoints/best/fold-01.safetensors"];
    assert_same(&runs.join("whole"), &runs.join("stopped"), &files);
}

#[test]
fn runs_do_not_touch_each_other() {
    let folder = with_series();
    let child = start(folder.path(), LONG, "metrics.jsonl");
    engine(folder.path(), "train --resume runs/stopped")
        .ends(7, &["runs/stopped is in use by another process", "start a new run"]);
    send("-INT", &child);
    Call::of(child.wait_with_output().unwrap()).ends(130, &[]);
    let before = read(folder.path().join("runs/stopped/metrics.jsonl"));
    engine(folder.path(), "train --data x.ts --hidden 4 --epochs 1 --name stopped")
        .ends(0, &["run      runs/stopped-2"]);
    assert!(before == read(folder.path().join("runs/stopped/metrics.jsonl")));
    // The lock of a process that is gone holds nobody up.
    engine(folder.path(), "train --resume runs/stopped --epochs 5000 --dry-run").ends(0, &[]);
}

#[test]
fn a_reader_that_has_gone_ends_the_program_quietly() {
    let folder = with_series();
    for arguments in [
        "devices",
        "check --cell gru --sizes 2,3,4,5 --json",
        "--help",
        "train --data x.ts --dry-run",
        "data inspect x.ts",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(folder.path(), arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let call = Call::of(output.wait_with_output().unwrap()).ends(0, &[]);
        assert!(!call.err.contains("error"), "{}", call.err);
    }
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let child = command(folder.path(), "devices").stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    Call::of(child.wait_with_output().unwrap()).ends(7, &["cannot write to stdout"]);
}

/// That no escape sequence shows is asserted for every call.
#[test]
fn away_from_a_terminal_there_are_plain_lines() {
    let folder = with_series();
    let arguments = "train --data x.ts --hidden 4 --epochs 1";
    let loud =
        engine(folder.path(), arguments).ends(0, &["training 1 fold: 26 windows in", "runs/lstm-x-trial"]);
    let quiet = engine(folder.path(), &format!("{arguments} --quiet")).ends(0, &[]);
    let told: Vec<&str> = quiet.err.lines().collect();
    assert_eq!(quiet.out, loud.out);
    assert!(
        matches!(told[..], [line] if line.starts_with("warning: grouping unknown: nobody knows")),
        "{told:?}"
    );
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb"), ("COLUMNS", "20")] {
        let output = command(folder.path(), arguments).env(name, value).output().unwrap();
        assert_eq!(Call::of(output).ends(0, &[]).out, loud.out);
        for wrong in ["train --hiden 4", "--help"] {
            Call::of(command(folder.path(), wrong).env(name, value).output().unwrap());
        }
    }
}

/// In a step, after the last step of an epoch, and only on the test part.
#[test]
fn a_number_that_is_not_finite_stops_the_run_and_is_named() {
    for flags in ["--batch 4", "--batch 40", "--batch 40 --validation 0 --patience 0"] {
        let folder = with_series();
        let call = engine(
            folder.path(),
            &format!("train --data x.ts --hidden 4 --epochs 1 --lr 1e38 --name r {flags}"),
        );
        call.ends(6, &["fold 1, epoch 1", "first tensor that is not finite: ", "seed 1", "smaller `--lr`"]);
        engine(folder.path(), "report runs/r")
            .ends(3, &["it failed, and status.json says why: start a new run"]);
        let run = folder.path().join("runs/r");
        let status = fs::read_to_string(run.join("status.json")).unwrap();
        assert!(status.contains("\"failed\"") && status.contains("first tensor"), "{status}");
        if let Some(state) = Resume::read(&run).unwrap().state {
            assert!(state.weights.iter().chain(&state.best_weights).all(|w| w.is_finite()));
        }
        for file in ["checkpoints/best/fold-01.safetensors", "predictions.csv", "scores.json"] {
            assert!(!run.join(file).exists(), "{file} of a run that failed");
        }
    }
}

#[test]
fn a_batch_larger_than_the_data_works() {
    let folder = with_series();
    for (name, batch) in [("r", "10000"), ("s", "1000000000")] {
        engine(
            folder.path(),
            &format!("crossval --data x.ts --hidden 4 --epochs 2 --batch {batch} --name {name}"),
        )
        .ends(0, &[]);
        engine(folder.path(), &format!("predict runs/{name} x.ts")).ends(0, &[]);
    }
    let runs = folder.path().join("runs");
    assert_same(&runs.join("r"), &runs.join("s"), &["predictions.csv", "metrics.jsonl"]);
}

#[test]
fn evaluate_repeats_the_scores_of_the_run_and_refuses_other_data() {
    let folder = with_series();
    for command in ["train --fold 3", "crossval"] {
        let name = command.split(' ').next().unwrap();
        engine(folder.path(), &format!("{command} --data x.ts --hidden 4 --epochs 2 --name {name}"))
            .ends(0, &[]);
        let call = engine(folder.path(), &format!("evaluate runs/{name} --json")).ends(0, &[]);
        assert_eq!(call.out.as_bytes(), read(folder.path().join(format!("runs/{name}/scores.json"))));
    }
    fs::write(folder.path().join("x.ts"), series(40, 2, 2)).unwrap();
    engine(folder.path(), "evaluate runs/train").ends(3, &["split.json", "other data", "same recordings"]);
    fs::remove_dir_all(folder.path().join("runs/train/checkpoints/best")).unwrap();
    fs::create_dir(folder.path().join("runs/train/checkpoints/best")).unwrap();
    engine(folder.path(), "predict runs/train x.ts").ends(3, &["has no trained fold", "--resume"]);
    engine(folder.path(), "evaluate nowhere").ends(2, &["nowhere is not a run folder"]);
}

#[test]
fn predict_takes_other_recordings_and_says_what_is_wrong_with_them() {
    let folder = with_series();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    engine(folder.path(), "crossval --data x.ts --hidden 4 --epochs 2 --name r").ends(0, &[]);
    write("new.ts", unlabeled(&series(6, 2, 9)));
    let call = engine(folder.path(), "predict runs/r new.ts").ends(0, &[]);
    assert_eq!(call.out.lines().count(), 7, "{}", call.out);
    assert!(call.out.starts_with("subject,trial,window,predicted,p a,p b\nall,0,0,"), "{}", call.out);
    assert!(!call.err.contains("warning"), "{}", call.err);
    let call = engine(folder.path(), "predict runs/r new.ts --level trial --fold 2 --quiet").ends(0, &[]);
    assert!(call.out.starts_with("subject,trial,predicted,p a,p b\nall,0,") && call.err.is_empty());

    write("wide.ts", series(6, 3, 9));
    engine(folder.path(), "predict runs/r wide.ts").ends(
        3,
        &[
            "have 3 features, the run was trained on 2; number 3 is \"ch2\", expected none",
            "under the same names",
        ],
    );
    let gap = unlabeled(&series(6, 2, 9)).replacen("@data\n", "@data\n?,1,2,3,4,5,6,7:1,2,3,4,5,6,7,8\n", 1);
    write("gap.ts", gap);
    let call = engine(folder.path(), "predict runs/r gap.ts");
    let call = call.ends(
        0,
        &[
            "warning: 1 bad windows left out",
            "all trial 0 channel ch0",
            "all trial 0 (with bad signals only)",
        ],
    );
    assert_eq!(call.out.lines().count(), 8, "{}", call.out);
    assert!(call.out.contains("\nall,0,,,,\nall,1,0,"), "{}", call.out);
    // A bad window of a trial keeps its number and its place.
    for (name, bad) in [("good", false), ("bad", true)] {
        let values: Vec<f64> =
            (0..4 * 8 * 2).map(|i| if bad && i < 16 { f64::NAN } else { f64::from(i).sin() }).collect();
        let arrays = [("windows", floats("(4, 8, 2)", &values)), ("trials", integers(&[0, 0, 1, 1]))];
        let own = folder.path().join(name);
        fs::create_dir(&own).unwrap();
        arrays.iter().for_each(|(array, bytes)| fs::write(own.join(format!("{array}.npy")), bytes).unwrap());
    }
    let good = engine(folder.path(), "predict runs/r good --quiet").ends(0, &[]).out;
    let bad = engine(folder.path(), "predict runs/r bad --quiet").ends(0, &[]).out;
    let places = |text: &str| -> Vec<String> {
        text.lines().skip(1).map(|row| row.split(',').take(3).collect::<Vec<_>>().join(",")).collect()
    };
    assert_eq!(places(&good), places(&bad), "{bad}");
    assert_eq!(bad.lines().nth(1), Some("all,0,0,,,"), "{bad}");
    engine(folder.path(), "predict runs/r x.ts")
        .ends(0, &["warning: 40 of 40 series hold samples of 40 of the run's 40 own series"]);
    engine(folder.path(), "predict runs/r new.ts --fold 6")
        .ends(2, &["--fold 6: the run has no such trained fold"]);
    engine(folder.path(), "predict runs/r nowhere.ts").ends(3, &["nowhere.ts does not exist"]);

    write("y.ts", series(20, 2, 3));
    engine(folder.path(), "train --data x.ts --test y.ts --hidden 4 --epochs 1 --name pair").ends(0, &[]);
    for file in ["x.ts", "y.ts"] {
        engine(folder.path(), &format!("predict runs/pair {file}")).ends(0, &["series hold samples of"]);
    }
}

/// An `.npy` file of 6 windows of 8 steps and 2 channels: no labels, no subjects, no rate.
#[test]
fn predict_takes_bare_arrays() {
    let folder = folder();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 8, 2), }\n";
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend((0..96).flat_map(|i| (i as f32 * 0.7).sin().to_le_bytes()));
    fs::write(folder.path().join("new.npy"), bytes).unwrap();
    fs::write(folder.path().join("x.ts"), series(40, 2, 1)).unwrap();
    engine(folder.path(), "train --data x.ts --hidden 4 --epochs 1 --name r").ends(0, &[]);
    let call = engine(folder.path(), "predict runs/r new.npy").ends(0, &[]);
    assert_eq!(call.out.lines().count(), 7, "{}", call.out);
    engine(folder.path(), "train --data new.npy").ends(3, &["no labels", "training needs labels"]);
}
