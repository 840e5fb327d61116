//! Sweeps: each task is a plain run bit for bit, processes share the work, nothing is lost or counted twice.

#[cfg(feature = "wgpu")]
mod adapters;

use crate::support::arrays::six_people;
use crate::support::program::{assert_same, command, engine, folder};
use engine::random::{Random, Stream};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime};

/// The class raises one of two channels.
fn data(folder: &Path) {
    six_people(folder, "w", &["a", "b"], 0, 1.0);
}

const BASE: &str = "--data w --split subject --folds 3 --epochs 3 --patience 0 --validation 0 --quiet";
/// Not in the order of the names, in which a sweep has them.
const GRID: &str = "--grid hidden=3;4,2 --grid cell=lstm,gru --seeds 1,2";

fn json(path: &Path, arguments: &str) -> Value {
    serde_json::from_str(&engine(path, arguments).ends(0, &[]).out).unwrap()
}

fn states(path: &Path, sweep: &str) -> Vec<String> {
    let tasks = json(path, &format!("sweep status {sweep} --json"));
    tasks.as_array().unwrap().iter().map(|task| task["state"].as_str().unwrap().to_string()).collect()
}

#[test]
fn every_task_is_a_plain_run_and_the_results_are_put_together() {
    let folder = folder();
    let path = folder.path();
    data(path);
    let plan = engine(path, &format!("sweep plan {BASE} {GRID}")).ends(0, &[]).out;
    assert!(plan.contains("cell gru, hidden 4,2: 3 folds") && plan.contains("8 tasks"), "{plan}");
    assert_eq!(plan.matches(" MiB, about").count(), 4, "{plan}");
    assert!(!path.join("runs").exists(), "a plan begins nothing");
    let run = format!("sweep run {BASE} {GRID} --name s").replace(" --quiet", "");
    // Both seeds of a shape.
    engine(path, &run).ends(0, &["2 tasks at once, from 1 to 2", "2 tasks at once, from 7 to 8"]);
    assert_eq!(states(path, "runs/s"), ["finished"; 8]);
    let plain = format!("crossval {BASE} --cell gru --hidden 4,2 --seed 2 --name plain");
    engine(path, &plain).ends(0, &[]);
    let run = path.join("runs/s/runs/0008-gru-4-2-seed-2");
    assert_same(&run, &path.join("runs/plain"), &["predictions.csv", "metrics.jsonl"]);

    let collected = json(path, "sweep collect runs/s --json");
    let settings = collected["settings"].as_array().unwrap();
    assert_eq!(settings.len(), 4);
    // As in the verdicts of its runs.
    let verdict = |run: &Value| {
        let scores =
            fs::read_to_string(path.join("runs/s/runs").join(run.as_str().unwrap()).join("scores.json"));
        serde_json::from_str::<Value>(&scores.unwrap()).unwrap()["verdict"].clone()
    };
    for setting in settings {
        let bars = setting["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|runs| verdict(&runs[0])["bars"][0]["rule"].clone());
        assert_eq!(setting["baselines"], bars.collect::<Value>());
    }
    let bars = verdict(&settings[0]["runs"][0][0])["bars"].as_array().unwrap().clone();
    let chance = bars.iter().map(|bar| bar["accuracy"].as_f64().unwrap()).fold(0.0, f64::max);
    assert!(collected["chance"][0]["best_of"]["chance"].as_f64().unwrap() >= chance, "{collected}");
    let last = &settings[3];
    assert_eq!(last["values"], serde_json::json!(["gru", "4,2"]));
    // The mean over seeds and subjects, and the spread of the seeds, by hand.
    let of_run = |name: &str| {
        let text = fs::read_to_string(path.join("runs/s/runs").join(name).join("scores.json")).unwrap();
        let scores: Value = serde_json::from_str(&text).unwrap();
        scores["trial"]["by_subject"]["accuracy"]["mean"].as_f64().unwrap()
    };
    let seeds = [of_run("0007-gru-4-2-seed-1"), of_run("0008-gru-4-2-seed-2")];
    let close = |found: &Value, expected: f64| (found.as_f64().unwrap() - expected).abs() < 1e-12;
    assert!(close(&last["accuracy"]["mean"], (seeds[0] + seeds[1]) / 2.0), "{last}");
    assert!(close(&last["seed_sd"], (seeds[0] - seeds[1]).abs() / 2f64.sqrt()), "{last}");
    assert_eq!(last["accuracy"]["n"], 6);
    let chance = &collected["chance"][0]["best_of"];
    assert_eq!([&chance["guesses"], &chance["trials"]], [8, 48]);
    assert_eq!(fs::read_to_string(path.join("runs/s/sweep.csv")).unwrap().lines().count(), 9);
    let page = fs::read_to_string(path.join("runs/s/sweep.html")).unwrap();
    for words in
        ["Sweep s", "By two options", "runs/0008-gru-4-2-seed-2/report.html", "The best of 8 guesses"]
    {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn a_file_has_the_settings_and_options_override_it() {
    let folder = folder();
    let path = folder.path();
    data(path);
    let text = "seeds = [3, 4]\n[data]\npath = \"w\"\n[split]\nsplit_by = \"subject\"\nfolds = 3\nvalidation = 0.0\n\
                [training]\nepochs = 9\npatience = 0\n[grid]\nhidden = [[3], [4, 2]]\nlr = [0.01]\n";
    fs::write(path.join("s.toml"), text).unwrap();
    engine(path, "sweep run s.toml --epochs 1 --seeds 5 --name s --quiet").ends(0, &[]);
    let runs = ["0001-3-0.01-seed-5", "0002-4-2-0.01-seed-5"];
    for name in runs {
        let config = fs::read_to_string(path.join("runs/s/runs").join(name).join("config.toml")).unwrap();
        assert!(config.contains("epochs = 1\n") && config.contains("learning_rate = 0.01"), "{config}");
    }
    // The sweep's own file makes the same sweep again.
    engine(path, "sweep run runs/s/sweep.toml --name again --quiet").ends(0, &[]);
    for name in runs {
        let place = |sweep: &str| path.join("runs").join(sweep).join("runs").join(name);
        assert_same(&place("s"), &place("again"), &["predictions.csv", "config.toml"]);
    }
}

#[test]
fn wrong_settings_are_refused_before_anything_is_made() {
    let folder = folder();
    let path = folder.path();
    data(path);
    for (options, message) in [
        ("", "a sweep has a grid, or several seeds"),
        ("--grid cell", "expected an option and its values"),
        ("--grid cells=lstm,gru", "there is no option or key \"cells\""),
        ("--grid cell=lstm,lstn", "invalid value 'lstn'"),
        ("--grid cell=lstm,LSTM", "tasks 1 and 2 are the same training"),
        ("--grid cell=lstm,lstm", "lstm is there twice"),
        ("--grid seed=1,2", "a sweep sets this itself"),
        ("--seeds 1,1", "1 is there twice"),
        ("--grid batch=1,0", "the batch size must be above 0"),
        ("--grid threads=1,2", "it changes no result"),
        ("--grid folds-at-once=1,2", "it changes no result"),
        ("--grid hidden=4 --grid hidden=8", "hidden: there twice"),
        ("--grid cell=lstm,gru --cell bilstm", "--cell would have no effect"),
        ("--grid split=trial,subject", "--split would have no effect"),
        ("--seeds 1,2 --seed 3", "--seed would have no effect"),
        ("--grid allow-copies=true", "\"allow-copies\" is a switch"),
    ] {
        engine(path, &format!("sweep run {BASE} {options}")).ends(2, &[message]);
    }
    engine(path, "sweep status w").ends(2, &["w is not a sweep"]);
    assert!(!path.join("runs").exists(), "a sweep was begun");
}

#[test]
fn a_failed_task_is_named_and_the_others_go_on() {
    let folder = folder();
    let path = folder.path();
    data(path);
    // Two thousand folds are more than there are people.
    let run = format!("sweep run {} --grid folds=3,2000,2 --name s", BASE.replace("--folds 3 ", ""));
    engine(path, &run).ends(2, &["1 tasks failed, the first is 2", "--retry"]);
    assert_eq!(states(path, "runs/s"), ["finished", "failed", "finished"]);
    engine(path, "sweep collect runs/s").ends(3, &["2 of 3 tasks have scores", "0002-2000-seed-1 failed"]);
    let partial = engine(path, "sweep collect runs/s --partial").ends(0, &[]).out;
    assert!(partial.contains("PARTIAL: 1 tasks have no scores") && partial.contains("0002-2000-seed-1"));
    engine(path, "sweep run --resume runs/s --quiet").ends(1, &["1 tasks failed"]);
    // A status that cannot be read is a failure, too, and stops nothing else.
    let runs = path.join("runs/s/runs");
    fs::write(runs.join("0001-3-seed-1/status.json"), "no status").unwrap();
    fs::remove_dir_all(runs.join("0003-2-seed-1")).unwrap();
    engine(path, "sweep run --resume runs/s --quiet")
        .ends(1, &["2 tasks failed, the first is 1", "status.json"]);
    assert_eq!(states(path, "runs/s"), ["failed", "failed", "finished"]);
}

/// Each fold is a task; put together they are the cross-validation, bit for bit.
#[test]
fn folds_as_tasks_make_the_whole_cross_validation() {
    let folder = folder();
    let path = folder.path();
    data(path);
    let grid = "--grid cell=lstm,gru --seeds 1,2 --folds-as-tasks";
    let plan = engine(path, &format!("sweep plan {BASE} {grid}")).ends(0, &[]).out;
    assert!(plan.contains("cell gru: 3 folds") && plan.contains("12 tasks"), "{plan}");
    engine(path, &format!("sweep submit --slurm --script-only {BASE} {grid} --name s")).ends(0, &[]);
    let script = fs::read_to_string(path.join("runs/s/slurm.sh")).unwrap();
    assert!(script.contains("#SBATCH --array=1-12"), "{script}");
    engine(path, "sweep run --resume runs/s --task 11 --quiet").ends(0, &[]);
    engine(path, "sweep run --resume runs/s --quiet").ends(0, &[]);
    assert!(path.join("runs/s/runs/0011-gru-seed-2-fold-2").is_dir());
    engine(path, &format!("sweep run {BASE} {} --name whole", grid.replace(" --folds-as-tasks", "")))
        .ends(0, &[]);
    let [parts, whole] = ["s", "whole"].map(|name| json(path, &format!("sweep collect runs/{name} --json")));
    for (part, whole) in
        parts["settings"].as_array().unwrap().iter().zip(whole["settings"].as_array().unwrap())
    {
        for key in ["name", "seeds", "by_seed", "seed_sd", "accuracy", "baseline"] {
            assert_eq!(part[key], whole[key], "{key}");
        }
        assert_eq!(part["runs"][1].as_array().unwrap().len(), 3);
    }
    assert_eq!(parts["chance"], whole["chance"]);
    for (number, run) in [(1, "0001-lstm-seed-1"), (4, "0002-lstm-seed-2"), (10, "0004-gru-seed-2")] {
        let joined = format!("runs/s/predictions/{number:04}-{}-fold-1.csv", &run[5..]);
        let predictions = path.join("runs/whole/runs").join(run).join("predictions.csv");
        assert_eq!(fs::read(path.join(joined)).unwrap(), fs::read(predictions).unwrap(), "{run}");
    }
    let page = fs::read_to_string(path.join("runs/s/sweep.html")).unwrap();
    assert!(page.contains("runs/0012-gru-seed-2-fold-3/report.html"));
    // One fold is missing: its cross-validation is.
    fs::remove_dir_all(path.join("runs/s/runs/0005-lstm-seed-2-fold-2")).unwrap();
    engine(path, "sweep collect runs/s")
        .ends(3, &["11 of 12 tasks have scores", "0005-lstm-seed-2-fold-2 waiting"]);
    let partial = json(path, "sweep collect runs/s --partial --json");
    assert_eq!(partial["settings"][0]["seeds"], serde_json::json!([1]));
    // One fold in the place of another.
    let fold = |name: &str| path.join("runs/s/runs").join(name);
    fs::rename(fold("0006-lstm-seed-2-fold-3"), fold("0005-lstm-seed-2-fold-2")).unwrap();
    engine(path, "sweep collect runs/s").ends(3, &["is not a run of task 5"]);
    let partial = engine(path, "sweep collect runs/s --partial").ends(0, &["is not a run of task 5"]).out;
    assert!(partial.contains("PARTIAL: 2 tasks"), "{partial}");
    let uneven = format!("sweep plan {} --grid folds=2,3 --folds-as-tasks", BASE.replace("--folds 3 ", ""));
    engine(path, &uneven).ends(2, &["folds 3 has 3 folds, and folds 2 has 2"]);
}

/// A fold that was trained on other data, or of another kind of sweep, makes no cross-validation.
#[test]
fn folds_of_other_data_are_not_put_together() {
    let folder = folder();
    let path = folder.path();
    data(path);
    engine(path, &format!("sweep run {BASE} --seeds 1 --folds-as-tasks --name s")).ends(0, &[]);
    fs::remove_dir_all(path.join("runs/s/runs/0002-seed-1-fold-2")).unwrap();
    fs::remove_dir_all(path.join("w")).unwrap();
    six_people(path, "w", &["a", "b"], 0, 2.0);
    engine(path, "sweep run --resume runs/s --quiet").ends(0, &[]);
    engine(path, "sweep collect runs/s")
        .ends(3, &["0001-seed-1-fold-1 was trained on other data than there are now"]);
    fs::remove_dir_all(path.join("w")).unwrap();
    data(path);
    engine(path, "sweep collect runs/s")
        .ends(3, &["0002-seed-1-fold-2 was trained on other data than there are now"]);
    engine(path, &format!("sweep run {BASE} --seeds 1 --folds-as-tasks --permutations 9"))
        .ends(2, &["here each fold is a task"]);
}

/// Tasks that ask for different instructions never train at once: each has the device that it names.
#[test]
fn tasks_on_different_devices_train_apart() {
    let folder = folder();
    let path = folder.path();
    data(path);
    engine(path, &format!("sweep run {BASE} --grid isa=portable,avx2 --seeds 1,2 --name s")).ends(0, &[]);
    let status =
        |name: &str| fs::read(path.join("runs/s/runs").join(name).join("resume.safetensors")).unwrap();
    for (name, isa) in [("0001-portable-seed-1", "portable"), ("0003-avx2-seed-1", "avx2")] {
        let state = status(name);
        let has = |word: &str| state.windows(word.len()).any(|bytes| bytes == word.as_bytes());
        assert!(has(isa), "the saved state of {name} names another device");
    }
}

#[test]
fn runs_that_leak_are_marked_and_are_no_guesses() {
    let folder = folder();
    let path = folder.path();
    data(path);
    let leaky = BASE.replace("--split subject", "--split window");
    engine(path, &format!("sweep run {leaky} --grid hidden=2;3 --name s")).ends(0, &[]);
    let collected = json(path, "sweep collect runs/s --json");
    assert_eq!(collected["leaky"], true);
    assert_eq!(collected["chance"], serde_json::json!([]));
    let page = fs::read_to_string(path.join("runs/s/sweep.html")).unwrap();
    assert!(page.contains("LEAKY") && !page.contains("guesses"), "{page}");
}

/// Learning rates train at once. One that is absurd ends alone.
#[test]
fn a_task_that_diverges_takes_no_other_along() {
    let folder = folder();
    let path = folder.path();
    data(path);
    let run =
        format!("sweep run {BASE} --clip inf --grid lr=0.001,1e38,0.01 --name s").replace(" --quiet", "");
    let said = [
        "3 tasks at once, from 1 to 3",
        "3 tasks that trained at once go on one by one",
        "failed, the first is 2",
    ];
    engine(path, &run).ends(6, &said);
    assert_eq!(states(path, "runs/s"), ["finished", "failed", "finished"]);
    engine(path, &format!("crossval {BASE} --clip inf --lr 0.01 --name plain")).ends(0, &[]);
    assert_same(
        &path.join("runs/s/runs/0003-0.01-seed-1"),
        &path.join("runs/plain"),
        &["predictions.csv", "metrics.jsonl"],
    );
}

/// The data are read once for all labels, and networks of two labels train in one stack, each with the bits
/// that it has alone. A label of other classes, or windows that are scaled by themselves, is a stack of its
/// own.
#[test]
fn tasks_with_other_labels_train_at_once() {
    let folder = folder();
    let path = folder.path();
    let base = "--data demo --demo-subjects 3 --split subject --hidden 3 --epochs 2 --validation 0";
    let grid = "--grid label=valence,arousal,quadrant --dead-zone 1 --seeds 1,2";
    let run = engine(path, &format!("sweep run {base} {grid} --name s"))
        .ends(0, &["4 tasks at once, from 1 to 4", "2 tasks at once, from 5 to 6"]);
    assert_eq!(run.err.matches("generating").count(), 1, "the data are read once: {}", run.err);
    for (run, label, seed) in [("0002-valence-seed-2", "valence", 2), ("0003-arousal-seed-1", "arousal", 1)] {
        let plain =
            format!("crossval {base} --label {label} --dead-zone 1 --seed {seed} --name {run} --quiet");
        engine(path, &plain).ends(0, &[]);
        let files = ["predictions.csv", "metrics.jsonl", "split.json"];
        assert_same(&path.join("runs/s/runs").join(run), &path.join("runs").join(run), &files);
    }
    let scaled = format!("sweep run {base} --scale l2 --grid label=valence,arousal --seeds 1,2 --name own");
    engine(path, &scaled).ends(0, &["2 tasks at once, from 1 to 2", "2 tasks at once, from 3 to 4"]);
}

#[test]
fn a_plan_names_the_combination_that_it_refuses() {
    let folder = folder();
    let path = folder.path();
    data(path);
    let base = BASE.replace("--folds 3 ", "");
    engine(path, &format!("sweep plan {base} --grid folds=3,2000")).ends(2, &["folds 2000: "]);
}

#[test]
fn what_goes_on_takes_no_other_settings() {
    let folder = folder();
    let path = folder.path();
    data(path);
    engine(path, &format!("sweep run {BASE} --seeds 1,2 --name s")).ends(0, &[]);
    // The values are those of the beginning or the defaults: a word to the contrary is not ignored either.
    for (option, name) in
        [("--cell lstm", "--cell"), ("--seeds 1,2", "--seeds"), ("--lr 0.001", "--lr"), ("s.toml", "FILE")]
    {
        engine(path, &format!("sweep run --resume runs/s {option}")).ends(2, &[name, "--task, --retry"]);
        engine(path, &format!("sweep submit --slurm --script-only --resume runs/s {option}"))
            .ends(2, &[name, "--array-limit"]);
    }
    engine(path, "sweep run --resume runs/s --threads 1 --quiet").ends(0, &[]);
}

#[test]
fn two_results_of_a_task_and_foreign_ones_are_refused() {
    let folder = folder();
    let path = folder.path();
    data(path);
    engine(path, &format!("sweep run {BASE} --grid hidden=2;3 --name s")).ends(0, &[]);
    let runs = path.join("runs/s/runs");
    let [one, two] = ["0001-2-seed-1", "0002-3-seed-1"].map(|name| runs.join(name));
    let copy = |from: &Path, to: &Path| {
        assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
    };
    let twice = runs.join("0001-2-seed-1-2");
    copy(&one, &twice);
    engine(path, "sweep collect runs/s").ends(3, &["0001-2-seed-1-2 belongs to no task"]);
    fs::remove_dir_all(&twice).unwrap();
    // Another task's run under this one's name.
    fs::rename(&one, path.join("own")).unwrap();
    copy(&two, &one);
    engine(path, "sweep collect runs/s").ends(3, &["0001-2-seed-1 is not a run of task 1"]);
    fs::remove_dir_all(&one).unwrap();
    // The same task of a sweep with other settings.
    let other = BASE.replace("--epochs 3", "--epochs 2");
    engine(path, &format!("sweep run {other} --grid hidden=2;3 --name other")).ends(0, &[]);
    copy(&path.join("runs/other/runs/0001-2-seed-1"), &one);
    engine(path, "sweep collect runs/s").ends(3, &["0001-2-seed-1 is not a run of task 1"]);
    // A run that was made by hand.
    fs::remove_file(one.join("task.json")).unwrap();
    engine(path, "sweep collect runs/s").ends(3, &["0001-2-seed-1 is not a run of task 1"]);
    // A configuration that somebody changed.
    fs::copy(path.join("own/task.json"), one.join("task.json")).unwrap();
    engine(path, "sweep collect runs/s").ends(3, &["0001-2-seed-1 has other settings than its task"]);
    fs::remove_dir_all(&one).unwrap();
    fs::rename(path.join("own"), &one).unwrap();
    engine(path, "sweep collect runs/s").ends(0, &[]);
    // Settings that somebody changed.
    let file = path.join("runs/s/sweep.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("epochs = 3", "epochs = 4")).unwrap();
    engine(path, "sweep collect runs/s").ends(3, &["makes other tasks than those"]);
}

/// Waits until a file is there.
fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn kill(child: &mut Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn processes_share_a_sweep_and_killed_ones_lose_nothing() {
    let folder = folder();
    let path = folder.path();
    data(path);
    let long = BASE.replace("--epochs 3", "--epochs 800");
    let grid = "--grid hidden=2;3 --seeds 1,2,3 --save-every 0.05";
    engine(path, &format!("sweep run {long} {grid} --name whole")).ends(0, &[]);
    let mut first = command(path, &format!("sweep run {long} {grid} --name s")).spawn().unwrap();
    wait_for(&path.join("runs/s/claims/0001.1"));
    let begin = || command(path, "sweep run --resume runs/s --quiet").spawn().unwrap();
    let mut random = Random::new(11, Stream::Demo, [0, 0]);
    kill(&mut first, "-TERM");
    assert_eq!(first.wait().unwrap().code(), Some(143));
    let name = |i: usize| format!("{:04}-{}-seed-{}", i + 1, 2 + i / 3, 1 + i % 3);
    let names: Vec<String> = (0..6).map(name).collect();
    let mut hits = 0;
    for _ in 0..8 {
        let mut pair = [begin(), begin()];
        std::thread::sleep(Duration::from_millis(20 + (random.uniform() * 300.0) as u64));
        pair.iter_mut().for_each(|child| kill(child, "-KILL"));
        pair.iter_mut().for_each(|child| drop(child.wait()));
        let running = |name: &&String| {
            let status = fs::read_to_string(path.join("runs/s/runs").join(name).join("status.json"));
            status.is_ok_and(|status| status.contains("running"))
        };
        hits += names.iter().filter(running).count();
    }
    assert!(hits > 0, "every kill missed the training");
    let pair = [begin(), begin()];
    for mut child in pair {
        assert!(child.wait().unwrap().success());
    }
    let done = engine(path, "sweep run --resume runs/s --quiet").ends(0, &[]).out;
    assert!(done.contains("all 6 tasks have scores"), "{done}");
    assert_eq!(states(path, "runs/s"), ["finished"; 6]);
    for name in &names {
        let place = |sweep: &str| path.join("runs").join(sweep).join("runs").join(name);
        assert_same(&place("whole"), &place("s"), &["predictions.csv", "metrics.jsonl"]);
    }
    let looks = fs::read_to_string(path.join("runs/s/runs/looks.jsonl")).unwrap();
    assert_eq!(looks.lines().count(), 6, "each task is scored once: {looks}");
}

/// Stops a process, and returns when none of its threads runs any more.
fn stop(child: &mut Child) {
    kill(child, "-STOP");
    let tasks = format!("/proc/{}/task", child.id());
    let has_stopped = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The name before it may hold brackets itself.
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
    };
    let begun = Instant::now();
    while !fs::read_dir(&tasks).unwrap().all(|thread| has_stopped(thread.unwrap())) {
        assert!(begun.elapsed() < Duration::from_secs(60), "the process does not stop");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a training has saved its first state.
fn wait_for_training(run: &Path) {
    wait_for(&run.join("metrics.jsonl"));
    let logged = Instant::now();
    while fs::metadata(run.join("metrics.jsonl")).unwrap().len() == 0 {
        assert!(logged.elapsed() < Duration::from_secs(120), "no state was saved");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_owner_that_was_silent_for_too_long_writes_nothing() {
    let folder = folder();
    let path = folder.path();
    data(path);
    let long = BASE.replace("--epochs 3", "--epochs 100000");
    let mut late = Running(command(path, &format!("sweep run {long} --seeds 1,2 --name s")).spawn().unwrap());
    let run = path.join("runs/s/runs/0001-seed-1");
    wait_for_training(&run);
    stop(&mut late.0);
    let status = states(path, "runs/s");
    assert_eq!(status[0], "running");
    // Another machine takes the task, after a minute in which nothing was heard: here, at once.
    fs::write(path.join("runs/s/claims/0001.2"), r#"{"host":"other","process":1,"released":false}"#).unwrap();
    let read = |name: &str| fs::read(run.join(name)).unwrap();
    let before = ["resume.safetensors", "status.json", "metrics.jsonl"].map(read);
    std::thread::sleep(Duration::from_millis(1100));
    kill(&mut late.0, "-CONT");
    // It goes on with the next task.
    wait_for(&path.join("runs/s/runs/0002-seed-2/resume.safetensors"));
    assert_eq!(before, ["resume.safetensors", "status.json", "metrics.jsonl"].map(read));
    let task = engine(path, "sweep status runs/s").ends(0, &[]).out;
    assert!(task.contains("process 1 of other"), "{task}");
}

/// The last sign of life of this claim was so many seconds ago.
fn age(claim: &Path, seconds: u64) {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    fs::File::options().write(true).open(claim).unwrap().set_modified(then).unwrap();
}

#[test]
fn a_claim_of_another_machine_holds_for_a_minute() {
    let folder = folder();
    let path = folder.path();
    data(path);
    engine(path, &format!("sweep run {BASE} --seeds 1,2,3 --name s")).ends(0, &[]);
    let (claims, runs) = (path.join("runs/s/claims"), path.join("runs/s/runs"));
    for number in 1..3 {
        fs::remove_dir_all(runs.join(format!("000{number}-seed-{number}"))).unwrap();
        let claim = claims.join(format!("000{number}.1"));
        fs::write(&claim, r#"{"host":"other","process":1,"released":false}"#).unwrap();
        age(&claim, [61, 50][number - 1]);
    }
    assert_eq!(states(path, "runs/s"), ["waiting", "running", "finished"]);
    let begun = Instant::now();
    let done = engine(path, "sweep run --resume runs/s").ends(0, &["process 1 of other"]).out;
    assert!(done.contains("all 3 tasks have scores"), "{done}");
    assert!(begun.elapsed() > Duration::from_secs(7), "the claim was 50 s old");
    assert!(claims.join("0001.2").exists() && claims.join("0002.2").exists());
    assert!(!claims.join("0003.2").exists());
}

#[test]
fn a_run_that_is_open_is_left_to_its_process_however_old_its_claim() {
    let folder = folder();
    let path = folder.path();
    data(path);
    let long = BASE.replace("--epochs 3", "--epochs 400");
    let mut late =
        Running(command(path, &format!("sweep run {long} --grid hidden=2;3 --name s")).spawn().unwrap());
    wait_for_training(&path.join("runs/s/runs/0001-2-seed-1"));
    stop(&mut late.0);
    age(&path.join("runs/s/claims/0001.1"), 100);
    let mut second = Running(command(path, "sweep run --resume runs/s --quiet").spawn().unwrap());
    let two = path.join("runs/s/runs/0002-3-seed-1/status.json");
    wait_for(&two);
    // It takes the other task, and waits for the first.
    let begun = Instant::now();
    while !fs::read_to_string(&two).unwrap().contains("finished") {
        assert!(begun.elapsed() < Duration::from_secs(120), "the other task does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(second.0.try_wait().unwrap().is_none(), "it has not waited");
    assert!(!path.join("runs/s/claims/0001.2").exists());
    kill(&mut late.0, "-KILL");
    assert!(second.0.wait().unwrap().success());
    assert_eq!(states(path, "runs/s"), ["finished"; 2]);
}

#[test]
fn the_script_of_a_job_array_has_the_open_tasks() {
    let folder = folder();
    let path = folder.path();
    data(path);
    engine(path, &format!("sweep run {BASE} --seeds 1,2,3,4 --name s")).ends(0, &[]);
    engine(path, "sweep submit --slurm --resume runs/s").ends(2, &["every task of the sweep has scores"]);
    fs::remove_dir_all(path.join("runs/s/runs/0003-seed-3")).unwrap();
    let call =
        "sweep submit --slurm --script-only --resume runs/s --time 00:10:00 --array-limit 2 --cpus 1 --quiet";
    let script = fs::read_to_string(engine(path, call).ends(0, &[]).out.trim()).unwrap();
    for line in [
        "#SBATCH --array=3%2",
        "#SBATCH --time=00:10:00",
        "#SBATCH --requeue",
        "#SBATCH --signal=B:USR1@60",
        "--retry --task \"$SLURM_ARRAY_TASK_ID\" --threads 1 &",
    ] {
        assert!(script.contains(line), "{line} in {script}");
    }
    // The script is what a node runs: without Slurm, for one task.
    let run = Command::new("bash")
        .arg(path.join("runs/s/slurm.sh"))
        .env("SLURM_ARRAY_TASK_ID", "3")
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(states(path, "runs/s"), ["finished"; 4]);
}

#[test]
fn a_process_that_cannot_see_the_data_fails_no_task() {
    let folder = folder();
    let path = folder.path();
    data(path);
    engine(path, &format!("sweep submit --slurm --script-only {BASE} --seeds 1,2 --name s")).ends(0, &[]);
    let elsewhere = tempfile::tempdir().unwrap();
    let sweep = path.join("runs/s");
    engine(elsewhere.path(), &format!("sweep run --resume {}", sweep.display())).ends(
        3,
        &["2 tasks are left open because this process cannot read their data", "run where the data are"],
    );
    assert_eq!(states(path, "runs/s"), ["stopped"; 2]);
    engine(path, "sweep run --resume runs/s --quiet").ends(0, &[]);
}

#[test]
fn runs_of_other_data_are_not_put_together() {
    let folder = folder();
    let path = folder.path();
    data(path);
    engine(path, &format!("sweep submit --slurm --script-only {BASE} --seeds 1,2 --name s")).ends(0, &[]);
    engine(path, "sweep run --resume runs/s --task 1 --quiet").ends(0, &[]);
    fs::remove_dir_all(path.join("w")).unwrap();
    six_people(path, "w", &["a", "b"], 1, 2.0);
    engine(path, "sweep run --resume runs/s --task 2 --quiet").ends(0, &[]);
    for partial in ["", "--partial"] {
        engine(path, &format!("sweep collect runs/s {partial}"))
            .ends(3, &["0002-seed-2 was trained on other data than 0001-seed-1"]);
    }
}

#[test]
fn what_was_changed_by_hand_does_not_go_on() {
    let folder = folder();
    let path = folder.path();
    data(path);
    let long = BASE.replace("--epochs 3", "--epochs 2000");
    let begin = format!("sweep run {long} --seeds 1 --grid lr=0.001 --save-every 0.05 --name s");
    let mut first = Running(command(path, &begin).spawn().unwrap());
    let run = path.join("runs/s/runs/0001-0.001-seed-1");
    wait_for(&run.join("resume.safetensors"));
    kill(&mut first.0, "-TERM");
    assert_eq!(first.0.wait().unwrap().code(), Some(143));
    let refused = "does not belong to the saved state";
    for file in ["split.json", "config.toml"] {
        let own = fs::read_to_string(run.join(file)).unwrap();
        fs::write(run.join(file), own.replacen("hidden", "hidden ", 1) + " ").unwrap();
        engine(path, "sweep run --resume runs/s --retry --quiet").ends(3, &[file, refused]);
        fs::write(run.join(file), own).unwrap();
    }
    engine(path, "sweep run --resume runs/s --retry --quiet").ends(0, &[]);
}

#[test]
fn permutations_of_a_run_and_large_seeds_are_collected() {
    let folder = folder();
    let path = folder.path();
    data(path);
    engine(path, &format!("sweep run {BASE} --seeds 18446744073709551615,1 --name s")).ends(0, &[]);
    assert_eq!(states(path, "runs/s"), ["finished"; 2]);
    engine(path, "crossval --resume runs/s/runs/0002-seed-1 --permutations 3 --quiet").ends(0, &[]);
    engine(path, "sweep collect runs/s").ends(0, &[]);
    // With one run that cannot be used, the others are collected if that is wanted.
    fs::remove_file(path.join("runs/s/runs/0002-seed-1/manifest.json")).unwrap();
    engine(path, "sweep collect runs/s").ends(7, &["0002-seed-1"]);
    let partial = engine(path, "sweep collect runs/s --partial").ends(0, &["manifest.json"]).out;
    assert!(partial.contains("PARTIAL") && partial.contains("0002-seed-1"), "{partial}");
}
