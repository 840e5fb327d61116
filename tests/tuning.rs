//! The choice of settings inside the folds: by hand, honest, the same bits as plain runs and after a stop.

mod bias;
mod program;

use crate::support::arrays::six_people;
use crate::support::program::{assert_same, engine, folder, read};
use crate::support::synthetic::dataset;
use engine::config::Config;
use engine::data::split::SplitKind;
use engine::experiment::{Experiment, Selected};
use engine::progress::Silent;
use engine::run::RunFolder;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicUsize;

/// Small and quick, with candidates of two shapes.
pub const SMALL: &str = "crossval --data w --split subject --folds 3 --epochs 3 --batch 4 --quiet";
pub const GRID: &str = "--tune hidden=3;4,2 --tune lr=1e-4,3e-2 --inner-folds 2";
/// The candidates of this grid, in its order.
const CANDIDATES: [&str; 4] =
    ["--hidden 3 --lr 1e-4", "--hidden 3 --lr 3e-2", "--hidden 4,2 --lr 1e-4", "--hidden 4,2 --lr 3e-2"];

/// A folder with the windows of six people, whose classes differ a little.
pub fn data() -> tempfile::TempDir {
    let folder = folder();
    six_people(folder.path(), "w", &["a", "b"], 0, 0.4);
    folder
}

pub fn json(path: std::path::PathBuf) -> Value {
    serde_json::from_slice(&read(path)).unwrap()
}

/// The experiment of a finished run, prepared again.
fn experiment(folder: &Path, run: &str) -> Experiment {
    let text = fs::read_to_string(folder.join("runs").join(run).join("config.toml")).unwrap();
    let mut config = Config::from_toml(&text).unwrap();
    config.data.path = folder.join("w");
    Experiment::prepare(config, &Silent).unwrap()
}

/// The rows of predictions.csv of one fold.
fn rows(run: &Path, fold: &str) -> Vec<String> {
    let text = fs::read_to_string(run.join("predictions.csv")).unwrap();
    text.lines().filter(|line| line.starts_with(&format!("{fold},"))).map(String::from).collect()
}

#[test]
fn choices_and_inner_scores_are_those_of_plain_runs_on_the_inner_folds() {
    let folder = data();
    let path = folder.path();
    engine(path, &format!("{SMALL} {GRID} --name t")).ends(0, &[]);
    let tuning = json(path.join("runs/t/tuning.json"));
    let experiment = experiment(path, "t");
    let mut chosen = vec![0; CANDIDATES.len()];
    for (f, fold) in experiment.split.folds().iter().enumerate() {
        let inner = experiment.inner_split(f).unwrap();
        fs::write(path.join("inner.json"), inner.to_json()).unwrap();
        let mut best: Option<(usize, f64, f64)> = None;
        for (c, candidate) in CANDIDATES.iter().enumerate() {
            let plain = SMALL.replace("--split subject --folds 3", "--split-file inner.json");
            engine(path, &format!("{plain} {candidate} --name inner-{f}-{c}")).ends(0, &[]);
            let scores = json(path.join(format!("runs/inner-{f}-{c}/scores.json")));
            let accuracy = scores["trial"]["overall"]["accuracy"].as_f64().unwrap();
            let loss = scores["window"]["log_loss"].as_f64().unwrap();
            let own = &tuning["folds"][f]["inner"][c];
            assert_eq!((own["accuracy"].as_f64(), own["log_loss"].as_f64()), (Some(accuracy), Some(loss)));
            let is_better = |(_, a, l): (usize, f64, f64)| accuracy > a || (accuracy == a && loss < l);
            if best.is_none_or(is_better) {
                best = Some((c, accuracy, loss));
            }
        }
        let (index, ..) = best.unwrap();
        chosen[index] += 1;
        assert_eq!(tuning["folds"][f]["chosen"], index);
        assert_eq!(tuning["folds"][f]["fold"], fold.name);
    }
    let counts: Vec<u64> =
        tuning["candidates"].as_array().unwrap().iter().map(|c| c["chosen"].as_u64().unwrap()).collect();
    assert_eq!(counts, chosen);
}

/// The experiment of such a split on noise, with two inner folds.
fn split_by(kind: SplitKind, folds: Option<usize>) -> Experiment {
    let mut config = Config::default();
    config.split.split_by = Some(kind);
    config.split.folds = folds;
    config.tuning.tune = vec!["hidden=2;3".into()];
    config.tuning.inner_folds = Some(2);
    Experiment::on_arrays(dataset(12, 16, 0.0), config, &Silent).unwrap()
}

#[test]
fn inner_folds_have_no_window_of_the_test_part_and_keep_groups_whole() {
    for (kind, folds, inner_kind) in [
        (SplitKind::Subject, Some(3), SplitKind::Subject),
        (SplitKind::Subject, None, SplitKind::Subject),
        (SplitKind::Trial, Some(4), SplitKind::Trial),
        (SplitKind::TrialWithinSubject, Some(2), SplitKind::TrialWithinSubject),
        (SplitKind::Stimulus, Some(2), SplitKind::Stimulus),
        (SplitKind::Window, Some(3), SplitKind::Window),
        (SplitKind::WindowHoldout, None, SplitKind::Window),
        (SplitKind::Predefined, None, SplitKind::Trial),
    ] {
        let experiment = split_by(kind, folds);
        experiment.check_tuning().unwrap();
        let sequences = |part: &[u32]| -> Vec<_> {
            part.iter().map(|&i| experiment.dataset.sequences[i as usize].clone()).collect()
        };
        let people = |part: &[u32]| -> BTreeSet<u32> { sequences(part).iter().map(|s| s.subject).collect() };
        let trials = |part: &[u32]| -> BTreeSet<(u32, u32)> {
            sequences(part).iter().map(|s| (s.subject, s.trial)).collect()
        };
        for (f, fold) in experiment.split.folds().iter().enumerate() {
            let test: BTreeSet<u32> = fold.test().iter().copied().collect();
            let own: BTreeSet<u32> =
                fold.train().sequences().iter().chain(fold.validation()).copied().collect();
            let inner = experiment.inner_split(f).unwrap();
            assert_eq!(inner.kind(), inner_kind);
            let mut tested = Vec::new();
            for inner in inner.folds() {
                let parts = [inner.train().sequences(), inner.validation(), inner.test()];
                let all: BTreeSet<u32> = parts.iter().flat_map(|part| part.iter().copied()).collect();
                assert!(all == own && all.is_disjoint(&test), "{kind:?}");
                tested.extend(inner.test().iter().copied());
                let [train, validation, test] = parts;
                if !inner_kind.is_leaky() {
                    assert!(trials(train).is_disjoint(&trials(test)), "{kind:?}");
                    assert!(trials(train).is_disjoint(&trials(validation)), "{kind:?}");
                }
                if kind == SplitKind::Subject {
                    assert!(people(train).is_disjoint(&people(test)));
                    assert!(people(validation).is_disjoint(&people(test)));
                }
            }
            tested.sort_unstable();
            assert_eq!(tested, own.into_iter().collect::<Vec<u32>>(), "{kind:?}: each window is tested once");
        }
    }
}

#[test]
fn a_library_is_told_how_to_train_such_a_run() {
    let experiment = split_by(SplitKind::Trial, Some(2));
    let error = experiment.cross_validate().unwrap_err();
    assert!(error.message.contains("needs a run folder"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let run = |name| {
        let run = RunFolder::create(folder.path(), name).unwrap();
        experiment.record(&run, &[0, 1]).unwrap();
        run
    };
    let (one, other) = (run("one"), run("other"));
    let train = |runs: &[&RunFolder], folds: &[usize]| {
        let runs: Vec<Selected> =
            runs.iter().map(|folder| Selected { experiment: &experiment, folder, folds }).collect();
        engine::experiment::run(&runs, &AtomicUsize::new(0), &Silent, &|_, _, _| Ok(())).err().unwrap()
    };
    let error = train(&[&one, &other], &[0, 1]);
    assert_eq!(error.hint.as_deref(), Some("train it alone"));
    let error = train(&[&one], &[0]);
    assert!(error.message.contains("needs all 2 folds of the split"), "{error}");

    let mut config = experiment.config.clone();
    config.data = Config::default().data;
    (config.frames, config.labels) = (Config::default().frames, Config::default().labels);
    config.split.folds = None;
    config.split.split_by = Some(SplitKind::All);
    let error = Experiment::on_arrays(experiment.dataset.clone(), config, &Silent).err().unwrap();
    assert!(error.message.contains("the split has no test part"), "{error}");
}

#[test]
fn a_fold_that_has_chosen_is_that_of_a_plain_run_bit_for_bit() {
    let folder = data();
    let path = folder.path();
    engine(path, &format!("{SMALL} {GRID} --name t")).ends(0, &[]);
    let tuned = path.join("runs/t");
    let tuning = json(tuned.join("tuning.json"));
    for (c, candidate) in CANDIDATES.iter().enumerate() {
        engine(path, &format!("{SMALL} {candidate} --name plain-{c}")).ends(0, &[]);
    }
    let mut shapes = BTreeSet::new();
    for f in 0..3 {
        let choice = &tuning["folds"][f];
        let index = choice["chosen"].as_u64().unwrap();
        shapes.insert(index / 2);
        let plain = path.join(format!("runs/plain-{index}"));
        let name = choice["fold"].as_str().unwrap();
        let own = rows(&tuned, name);
        assert_eq!(own, rows(&plain, name));
        assert!(!own.is_empty());
        // With all that they state: network, settings, rows.
        for which in ["best", "last"] {
            assert_same(&tuned, &plain, &[&format!("checkpoints/{which}/fold-0{}.safetensors", f + 1)]);
        }
    }
    assert_eq!(shapes.len(), 2, "folds of several shapes: {tuning}");
}

/// The same choices, predictions and weights, whatever trains together.
#[test]
fn a_choice_has_the_same_bits_in_any_group() {
    let folder = data();
    let path = folder.path();
    let runs = path.join("runs");
    engine(path, &format!("{SMALL} {GRID} --name all")).ends(0, &[]);
    for (name, flags) in [("one", "--folds-at-once 1"), ("three", "--folds-at-once 3 --threads 1")] {
        engine(path, &format!("{SMALL} {GRID} --name {name} {flags}")).ends(0, &[]);
        let files = ["tuning.json", "predictions.csv", "checkpoints/best/fold-02.safetensors"];
        assert_same(&runs.join("all"), &runs.join(name), &files);
    }
}
