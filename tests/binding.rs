//! The files of a run belong to each other: what was altered, mixed, cut or moved is refused by name, or has
//! no effect on any number.

use crate::support::arrays::{integers, samples};
use crate::support::program::{Call, command, engine, folder};
use engine::random::{Random, Stream};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const RUN: &str = "crossval --data w --folds 3 --patience 0 --validation 0";
const SHORT: &str = "--hidden 3 --epochs 2";
/// Long enough to be stopped.
const LONG: &str = "--hidden 24 --epochs 60000";

/// A folder with the data `w` and, for each of the names, a finished run of a seed of its own.
fn with_runs(names: &[&str]) -> tempfile::TempDir {
    let folder = folder();
    data(folder.path(), "w");
    for (seed, name) in names.iter().enumerate() {
        engine(folder.path(), &format!("{RUN} {SHORT} --seed {seed} --name {name} --folds-at-once 2"))
            .ends(0, &[]);
    }
    folder
}

fn data(folder: &Path, name: &str) {
    let mut random = Random::new(11, Stream::Demo, [0, 0]);
    let values: Vec<f64> = (0..36 * 8 * 2).map(|_| f64::from(random.normal() as f32)).collect();
    let numbers = |value: fn(i64) -> i64| integers(&(0..36).map(value).collect::<Vec<i64>>());
    let others =
        [("labels", numbers(|i| i % 2)), ("trials", numbers(|i| i)), ("groups", numbers(|i| i / 12))];
    samples(folder, name, [8, 2], "<f4", &values, &others);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, target).map(drop).unwrap() }
    }
}

/// A fresh copy of the run `a` as `b`.
fn restored(folder: &Path) {
    let run = folder.join("runs/b");
    let _ = fs::remove_dir_all(&run);
    copy(&folder.join("runs/a"), &run);
}

fn file(folder: &Path, name: &str) -> std::path::PathBuf {
    folder.join("runs/b").join(name)
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "no {from:?} in {}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

const FINISHED: [&str; 8] = [
    "config.toml",
    "split.json",
    "manifest.json",
    "epochs.csv",
    "predictions.csv",
    "scores.json",
    "checkpoints/best/fold-01.safetensors",
    "checkpoints/best/fold-03.safetensors",
];

/// Each file of a finished run with a bit flipped, cut, replaced by that of another run, or gone: whatever
/// command gives a number gives the run's own.
#[test]
fn a_finished_run_with_an_altered_file_gives_no_other_number() {
    let folder = with_runs(&["a", "other"]);
    let path = folder.path();
    let own = engine(path, "evaluate runs/a --quiet --json").ends(0, &[]);
    let accuracy = |call: &Call| {
        let json: Value = serde_json::from_str(&call.out).unwrap();
        json["trial"]["overall"]["accuracy"].clone()
    };
    for name in FINISHED {
        let bytes = fs::read(path.join("runs/a").join(name)).unwrap();
        let mut flipped = bytes.clone();
        let middle = flipped.len() * 2 / 3;
        flipped[middle] ^= 1;
        let cut = bytes[..middle].to_vec();
        let other = fs::read(path.join("runs/other").join(name)).unwrap();
        for (how, altered) in
            [("flipped", Some(flipped)), ("cut", Some(cut)), ("other", Some(other)), ("gone", None)]
        {
            restored(path);
            match &altered {
                Some(altered) => fs::write(file(path, name), altered).unwrap(),
                None => fs::remove_file(file(path, name)).unwrap(),
            }
            let mut refusals = 0;
            for command in [
                "evaluate runs/b --quiet --json",
                "report runs/b",
                "predict runs/b w --quiet",
                "crossval --resume runs/b --quiet",
            ] {
                let call = engine(path, command);
                if call.code == 0 {
                    if command.starts_with("evaluate") {
                        assert_eq!(accuracy(&call), accuracy(&own), "{how} {name}: {command}");
                    }
                    continue;
                }
                assert!(
                    [2, 3, 7].contains(&call.code),
                    "{how} {name}: {command} ends with {}: {}",
                    call.code,
                    call.err
                );
                let last = name.rsplit('/').next().unwrap();
                let named = [last, "not a run folder", "checkpoints", "is not as the run left it"];
                let named = named.iter().any(|name| call.err.contains(name));
                assert!(named, "{how} {name}: {command}: {}", call.err);
                refusals += 1;
            }
            assert!(refusals > 0, "{how} {name}: nobody noticed");
        }
    }
}

#[test]
fn mixed_runs_are_refused_with_both_values() {
    let folder = with_runs(&["a", "other"]);
    let path = folder.path();
    let other = |name: &str| path.join("runs/other").join(name);
    // The split of another seed.
    restored(path);
    fs::copy(other("split.json"), file(path, "split.json")).unwrap();
    engine(path, "evaluate runs/b").ends(3, &["split.json is not as the run left it", "the manifest has"]);
    // All checkpoints of another seed, and the seal broken: the weights know their rows.
    restored(path);
    fs::remove_dir_all(file(path, "checkpoints")).unwrap();
    copy(&other("checkpoints"), &file(path, "checkpoints"));
    engine(path, "evaluate runs/b").ends(3, &["fold-01.safetensors is not as the run left it"]);
    engine(path, "predict runs/b w").ends(3, &["fold-01.safetensors is not as the run left it"]);
    // Weights and manifest of another seed.
    fs::copy(other("manifest.json"), file(path, "manifest.json")).unwrap();
    engine(path, "evaluate runs/b").ends(3, &["config.toml is not as the run left it"]);
    // A manifest that was edited.
    restored(path);
    replace(&file(path, "manifest.json"), "\"selected_folds\": [", "\"selected_folds\": [2,");
    for command in ["evaluate runs/b", "report runs/b", "crossval --resume runs/b"] {
        engine(path, command).ends(3, &["manifest.json was altered"]);
    }
}

#[test]
fn missing_folds_are_refused_unless_a_part_is_enough() {
    let folder = with_runs(&["a"]);
    let path = folder.path();
    restored(path);
    fs::remove_file(file(path, "checkpoints/best/fold-02.safetensors")).unwrap();
    for command in ["evaluate runs/b", "predict runs/b w"] {
        engine(path, command).ends(3, &["1 of the run's 3 folds have no checkpoint", ": 2", "--partial"]);
    }
    let call = engine(path, "evaluate runs/b --partial --quiet").ends(0, &[]);
    assert!(call.out.contains("tested 24 of 36 trials (67 %)"), "{}", call.out);
    engine(path, "predict runs/b w --partial").ends(0, &[]);
    engine(path, "predict runs/b w --fold 1").ends(0, &[]);
    fs::copy(
        file(path, "checkpoints/best/fold-01.safetensors"),
        file(path, "checkpoints/best/fold-09.safetensors"),
    )
    .unwrap();
    engine(path, "evaluate runs/b --partial")
        .ends(3, &["fold-09.safetensors is of no fold that the run trains"]);
}

/// A run that is stopped after its first group of folds.
fn stopped(path: &Path) {
    // Long epochs of the second group leave time to stop it.
    let arguments = format!("{RUN} {LONG} --name s --folds-at-once 1 --runs stopped");
    let mut run = command(path, &arguments).spawn().unwrap();
    let state = path.join("stopped/s/checkpoints/best/fold-01.safetensors");
    let start = Instant::now();
    while !state.is_file() && start.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    let pid = run.id().to_string();
    std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(143));
}

#[test]
fn a_state_goes_on_only_with_the_files_that_it_belongs_to() {
    let folder = folder();
    let path = folder.path();
    data(path, "w");
    stopped(path);
    let run = path.join("s");
    let again = |change: &dyn Fn(&Path)| {
        let _ = fs::remove_dir_all(&run);
        copy(&path.join("stopped/s"), &run);
        change(&run);
        let files =
            || ["status.json", "epochs.csv", "metrics.jsonl"].map(|name| fs::read(run.join(name)).unwrap());
        let before = files();
        let call = engine(path, "crossval --resume s --quiet");
        let after = files();
        assert_eq!(before, after, "a refusal changed something: {}", call.err);
        call
    };
    let call =
        again(&|run| replace(&run.join("config.toml"), "learning_rate = 0.001", "learning_rate = 0.1"));
    call.ends(3, &["config.toml does not belong to the saved state: learning_rate = 0.1 (was 0.001)"]);
    let call = again(&|run| replace(&run.join("config.toml"), "folds_at_once = 1", "folds_at_once = 3"));
    call.ends(3, &["config.toml does not belong", "folds_at_once = 3 (was 1)"]);
    let call = again(&|run| {
        let text = fs::read_to_string(run.join("predictions.csv")).unwrap();
        let cut = text.trim_end().rfind('\n').unwrap();
        fs::write(run.join("predictions.csv"), &text[..=cut]).unwrap();
    });
    call.ends(3, &["predictions.csv does not belong to the saved state", "blake3"]);
    let call = again(&|run| {
        // Lines that were not saved yet are cut off only if the run goes on.
        let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        fs::write(run.join("metrics.jsonl"), format!("{metrics}{{")).unwrap();
        replace(&run.join("epochs.csv"), "\n1,1,", "\n1,7,");
    });
    call.ends(3, &["epochs.csv is not as the saved state left it"]);
    let call = again(&|run| {
        let bytes = fs::read(run.join("metrics.jsonl")).unwrap();
        fs::write(run.join("metrics.jsonl"), &bytes[..bytes.len() / 2]).unwrap();
    });
    call.ends(3, &["metrics.jsonl has", "bytes"]);
}

/// Killed again and again within its epochs, a run ends with the bits of one that was left alone.
#[test]
fn a_run_killed_within_epochs_ends_with_the_same_bits() {
    let folder = folder();
    let path = folder.path();
    data(path, "w");
    let arguments =
        format!("{RUN} --hidden 8 --epochs 9000 --batch 1 --folds-at-once 2 --save-every 0 --quiet");
    engine(path, &format!("{arguments} --name whole")).ends(0, &[]);
    let mut random = Random::new(13, Stream::Demo, [0, 0]);
    let state = path.join("runs/killed/resume.safetensors");
    for kill in 0..30 {
        let resume = "crossval --resume runs/killed --quiet".to_string();
        let mut run = command(path, &if kill == 0 { format!("{arguments} --name killed") } else { resume })
            .spawn()
            .unwrap();
        while !state.is_file() {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(30 + (random.uniform() * 120.0) as u64));
        assert!(run.try_wait().unwrap().is_none(), "it ended before kill {kill}");
        run.kill().unwrap();
        run.wait().unwrap();
    }
    let listed = engine(path, "runs --json").ends(0, &[]).out;
    assert!(listed.contains("killed: its process is gone"), "{listed}");
    let killed = "runs/killed was killed while it trained";
    engine(path, "report runs/killed --quiet").ends(3, &[killed, "is not finished"]);
    engine(path, "compare runs/whole runs/killed --quiet").ends(3, &[killed]);
    engine(path, "evaluate runs/killed --quiet").ends(3, &[killed]);
    engine(path, "predict runs/killed w --quiet").ends(3, &[killed]);
    let resumed = engine(path, "crossval --resume runs/killed --quiet").ends(0, &[]);
    assert!(resumed.err.contains(killed), "{}", resumed.err);
    let again = engine(path, "evaluate runs/killed --quiet").ends(0, &[]);
    assert!(!again.err.contains(killed), "{}", again.err);
    for name in [
        "predictions.csv",
        "metrics.jsonl",
        "checkpoints/last/fold-03.safetensors",
        "checkpoints/best/fold-01.safetensors",
    ] {
        let read = |run: &str| fs::read(path.join("runs").join(run).join(name)).unwrap();
        assert!(read("whole") == read("killed"), "{name}");
    }
}

/// Results beside a run that has not finished are not its own, and checkpoints belong to a state.
#[test]
fn an_unfinished_run_has_no_results_and_keeps_its_parts() {
    let folder = with_runs(&["a"]);
    let path = folder.path();
    stopped(path);
    let run = path.join("s");
    let restore = || {
        let _ = fs::remove_dir_all(&run);
        copy(&path.join("stopped/s"), &run);
    };
    restore();
    for name in ["scores.json", "predictions.csv"] {
        fs::copy(path.join("runs/a").join(name), run.join(name)).unwrap();
    }
    engine(path, "report s").ends(3, &["s is not finished, so it has no results", "--resume"]);
    engine(path, "compare s runs/a").ends(3, &["s is not finished"]);
    let listed: Value = serde_json::from_str(&engine(path, "runs . --json").ends(0, &[]).out).unwrap();
    assert!(listed[0]["accuracy"].is_null(), "{listed}");
    restore();
    let best = run.join("checkpoints/best/fold-01.safetensors");
    fs::copy(path.join("runs/a/checkpoints/best/fold-01.safetensors"), &best).unwrap();
    engine(path, "crossval --resume s")
        .ends(3, &["fold-01.safetensors is not as the run left it", "the saved state has"]);
    fs::remove_file(&best).unwrap();
    engine(path, "crossval --resume s").ends(3, &["fold-01.safetensors is missing, and the saved state has"]);
    restore();
    fs::remove_file(run.join("resume.safetensors")).unwrap();
    engine(path, "crossval --resume s").ends(3, &["it was stopped before it began", "start it again"]);
}

#[test]
fn forged_permutations_are_refused() {
    let folder = folder();
    let path = folder.path();
    data(path, "w");
    let arguments = format!("{RUN} {SHORT} --permutations 3 --name p --quiet");
    engine(path, &arguments).ends(0, &[]);
    let file = path.join("runs/p/permutations.csv");
    let forged = "permutation,accuracy,balanced_accuracy,auc\n1,0.1,0.1,0.1\n2,0.1,0.1,0.1\n3,0.1,0.1,0.1\n";
    fs::write(&file, forged).unwrap();
    engine(path, "crossval --resume runs/p --permutations 4")
        .ends(3, &["permutations.csv is not as the run left it"]);
    // Of a run without its seal, as if it had been stopped.
    engine::run::Manifest::unseal(&engine::run::RunFolder::open(&path.join("runs/p")).unwrap()).unwrap();
    let call = engine(path, "crossval --resume runs/p --permutations 4");
    call.ends(3, &["permutations.csv does not belong to the saved state", "blake3"]);
}

/// An older run stays unbound, whoever goes on with it.
#[test]
fn an_older_run_stays_unbound() {
    let folder = folder();
    let path = folder.path();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs/trained"), &path.join("t"));
    for command in ["crossval --resume t", "evaluate t", "report t"] {
        let call = engine(path, command).ends(0, &[]);
        assert!(
            format!("{}{}", call.out, call.err).contains("unbound") || command.starts_with("report"),
            "{command}"
        );
        let listed = engine(path, "runs .").ends(0, &[]).out;
        assert!(listed.contains("unbound"), "{command}: {listed}");
    }
    assert!(fs::read_to_string(path.join("t/report.html")).unwrap().contains("unbound: an older version"));
}

#[test]
fn a_run_is_evaluated_and_resumed_wherever_its_recordings_are() {
    let folder = with_runs(&["a"]);
    let path = folder.path();
    let before = engine(path, "evaluate runs/a --quiet --json").ends(0, &[]).out;
    fs::create_dir(path.join("elsewhere")).unwrap();
    fs::rename(path.join("w"), path.join("elsewhere/moved")).unwrap();
    fs::rename(path.join("runs"), path.join("elsewhere/old")).unwrap();
    for command in ["evaluate elsewhere/old/a", "crossval --resume elsewhere/old/a"] {
        engine(path, command).ends(3, &["the run's recordings are not at /", "/w", "--data"]);
    }
    let after =
        engine(path, "evaluate elsewhere/old/a --data elsewhere/moved --quiet --json").ends(0, &[]).out;
    let score = |text: &str| serde_json::from_str::<Value>(text).unwrap()["trial"].clone();
    assert_eq!(score(&before), score(&after));
    engine(path, "crossval --resume elsewhere/old/a --data elsewhere/moved --quiet").ends(0, &[]);
    let mut random = Random::new(12, Stream::Demo, [0, 0]);
    let values: Vec<f64> = (0..36 * 8 * 2).map(|_| random.normal()).collect();
    let labels = integers(&(0..36).map(|i| i % 2).collect::<Vec<i64>>());
    let trials = integers(&(0..36).collect::<Vec<i64>>());
    samples(path, "others", [8, 2], "<f4", &values, &[("labels", labels), ("trials", trials)]);
    engine(path, "evaluate elsewhere/old/a --data others").ends(3, &["other data"]);
}

#[test]
fn weights_that_are_not_finite_end_with_6() {
    let folder = with_runs(&["a"]);
    let path = folder.path();
    restored(path);
    // A seal would refuse the file first.
    let name = "checkpoints/best/fold-01.safetensors";
    let checkpoint = engine::run::FoldCheckpoint::read(&file(path, name)).unwrap();
    let mut broken = checkpoint.clone();
    broken.weights[3] = f32::NAN;
    fs::write(file(path, name), broken.to_bytes().unwrap()).unwrap();
    let error = engine::run::FoldCheckpoint::read(&file(path, name)).unwrap_err();
    assert_eq!(error.kind, engine::ErrorKind::Numerical, "{error}");
    assert!(error.message.contains("fold-01") && error.message.contains("not finite"), "{error}");
}

/// A run may begin with the weights of another one, of the same folds and layers only.
#[test]
fn a_run_goes_on_from_the_weights_of_another() {
    let folder = with_runs(&["a"]);
    let path = folder.path();
    let from = format!("{RUN} --hidden 3 --epochs 5 --lr 0.01 --seed 0 --from runs/a");
    engine(path, &format!("{from} --name more")).ends(0, &[]);
    let manifest: Value =
        serde_json::from_slice(&fs::read(path.join("runs/more/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["from"]["run"], "runs/a");
    let page = fs::read_to_string(path.join("runs/more/report.html")).unwrap();
    assert!(page.contains("of runs/a"));
    // Without a step, the weights are those of the other run.
    engine(path, &format!("{RUN} --hidden 3 --epochs 1 --lr 1e-30 --seed 0 --from runs/a --name same"))
        .ends(0, &[]);
    for fold in 1..=3 {
        let read = |run: &str, which: &str| {
            let path = path.join(format!("runs/{run}/checkpoints/{which}/fold-0{fold}.safetensors"));
            engine::run::FoldCheckpoint::read(&path).unwrap().weights
        };
        assert_eq!(read("a", "best"), read("same", "last"));
        assert_ne!(read("a", "best"), read("more", "last"));
    }
    for (options, parts) in [
        (
            "--seed 5",
            ["from runs/a: checkpoints/best/fold-01.safetensors: fold 1 has other rows", "may have seen"],
        ),
        ("--seed 0 --hidden 4", ["has the shape", "this network's"]),
        ("--seed 0 --cell gru", ["has the shape", "this network's"]),
        ("--seed 0 --permutations 3", ["`--permutations` with `--from`", "know the true labels"]),
    ] {
        let layers = if options.contains("--hidden") { "" } else { "--hidden 3" };
        let call = engine(path, &format!("{RUN} {layers} --epochs 1 {options} --from runs/a --name no"));
        let code = if options.contains("permutations") { 2 } else { 3 };
        call.ends(code, &parts);
    }
    assert!(!path.join("runs/no").exists(), "a run was begun");
    // It is evaluated without the other one.
    fs::remove_dir_all(path.join("runs/a")).unwrap();
    engine(path, "evaluate runs/more --quiet").ends(0, &[]);
}

/// The same signal at another sampling rate is another one to a network.
#[test]
fn predict_refuses_another_sampling_rate() {
    let folder = folder();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npz");
    for name in ["tones_128.npz", "tones_128_new.npz", "tones_256_new.npz"] {
        fs::copy(fixtures.join(name), folder.path().join(name)).unwrap();
    }
    engine(folder.path(), &format!("{RUN} {SHORT} --name r").replace(" w ", " tones_128.npz ")).ends(0, &[]);
    engine(folder.path(), "predict runs/r tones_128_new.npz").ends(0, &[]);
    engine(folder.path(), "predict runs/r tones_256_new.npz")
        .ends(3, &["the recordings have 256 Hz, and the run was trained on recordings of 128 Hz"]);
}

/// No file states its unit, so features that lie a million times closer together are pointed out.
#[test]
fn predict_points_out_another_unit() {
    let folder = with_runs(&["a"]);
    let path = folder.path();
    let mut random = Random::new(12, Stream::Demo, [0, 0]);
    let values: Vec<f64> = (0..6 * 8 * 2).map(|_| random.normal()).collect();
    for (name, scale) in [("microvolts", 1.0), ("other_person", 3.0), ("volts", 1e-6), ("nanovolts", 1e3)] {
        let scaled: Vec<f64> = values.iter().map(|x| x * scale).collect();
        samples(path, name, [8, 2], "<f8", &scaled, &[]);
        let call = engine(path, &format!("predict runs/a {name} --quiet")).ends(0, &[]);
        let differs = ["volts", "nanovolts"].contains(&name);
        assert_eq!(call.err.contains("Are they in another unit?"), differs, "{name}: {}", call.err);
    }
}

#[test]
fn runs_are_listed_with_their_states() {
    let folder = with_runs(&["a", "b"]);
    let path = folder.path();
    replace(&file(path, "status.json"), "\"finished\"", "\"running\"");
    let call = engine(path, "runs").ends(0, &[]);
    for part in ["| a ", "finished", "killed: its process is gone", "trial", "36 windows", "[0."] {
        assert!(call.out.contains(part), "no {part}: {}", call.out);
    }
    let json: Value = serde_json::from_str(&engine(path, "runs --json").ends(0, &[]).out).unwrap();
    assert_eq!(
        (&json[0]["name"], &json[0]["state"], &json[0]["folds"]),
        (&"a".into(), &"finished".into(), &3.into())
    );
    assert!(json[0]["accuracy"].is_number() && json[0]["date"].as_str().unwrap().starts_with("20"));
    engine(path, "runs nowhere").ends(7, &["cannot list nowhere"]);
}

#[cfg(unix)]
#[test]
fn links_names_and_numbers_do_no_harm() {
    let folder = with_runs(&["a"]);
    let path = folder.path();
    fs::write(path.join("mine"), "my text").unwrap();
    for name in ["lock", "metrics.jsonl"] {
        restored(path);
        fs::remove_file(file(path, name)).unwrap();
        std::os::unix::fs::symlink(path.join("mine"), file(path, name)).unwrap();
        engine(path, "crossval --resume runs/b").ends(3, &[name]);
        assert_eq!(fs::read_to_string(path.join("mine")).unwrap(), "my text");
    }
    let long = "x".repeat(201);
    engine(path, &format!("{RUN} {SHORT} --name {long}")).ends(2, &["`--name` has 201 characters"]);
    engine(path, &format!("{RUN} {SHORT} --threads 100000")).ends(2, &["--threads", "at most 1024"]);
    engine(path, &format!("{RUN} {SHORT} --seed {} --name huge", u64::MAX)).ends(0, &[]);
    engine(path, "evaluate runs/huge --quiet").ends(0, &[]);
}

/// A save that was killed leaves a staged file, which the next process with the lock removes.
#[test]
fn staged_files_of_killed_saves_are_removed() {
    let folder = with_runs(&["a"]);
    let path = folder.path();
    let run = path.join("runs/a");
    let staged = [".resume.safetensors.Xy12Zq", "checkpoints/best/.fold-01.safetensors.Xy12Zq"]
        .map(|name| run.join(name));
    let own = run.join(".notes");
    staged.iter().chain([&own]).for_each(|file| fs::write(file, "half").unwrap());
    engine(path, "report runs/a").ends(0, &[]);
    assert!(staged.iter().all(|file| !file.exists()) && own.exists());
}

/// No machine has the memory for this network, and none of it is asked for before the refusal.
#[cfg(target_os = "linux")]
#[test]
fn a_training_that_does_not_fit_into_memory_is_refused_with_both_sizes() {
    let folder = folder();
    data(folder.path(), "w");
    let layers = ["16384"; 24].join(",");
    let call = engine(folder.path(), &format!("{RUN} --hidden {layers} --epochs 1"));
    call.ends(5, &["the training needs ", " MiB of memory, and ", " MiB are free", "--folds-at-once"]);
    assert!(!folder.path().join("runs").exists(), "a run was begun");
}

/// A limit of the size of files is an error that leaves the saved state intact.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_may_not_grow_is_an_error() {
    let folder = folder();
    data(folder.path(), "w");
    let engine = assert_cmd::cargo::cargo_bin!("engine");
    let script = format!("ulimit -f 64; {} {RUN} {LONG} --name x --quiet", engine.display());
    let output =
        std::process::Command::new("sh").arg("-c").arg(script).current_dir(folder.path()).output().unwrap();
    Call::of(output).ends(7, &["cannot write runs/x/", "File too large"]);
}

/// The parent ignores SIGHUP, as `nohup` does: the run goes on.
#[cfg(target_os = "linux")]
#[test]
fn an_ignored_hangup_stays_ignored() {
    let folder = folder();
    let path = folder.path();
    data(path, "w");
    let engine = assert_cmd::cargo::cargo_bin!("engine");
    let script = format!(
        "trap '' HUP; {} {RUN} {LONG} --name n & pid=$!; sleep 2; kill -HUP $pid; sleep 0.5; kill -0 $pid && echo \
         alive; kill -TERM $pid; wait $pid; echo $?",
        engine.display()
    );
    let output = std::process::Command::new("sh").arg("-c").arg(script).current_dir(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("alive") && text.trim_end().ends_with("143"), "{text}");
}
