//! `--adapter all`: a process for each GPU, which software drivers stand for. They share the work, equal ones
//! give the bits of one process, and different ones are named.

use super::{BASE, Running, json, kill, states, wait_for, wait_for_training, with_data};
use crate::support::program::{Call, assert_same, command, engine};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The description of the driver lavapipe, which a loader may load by any path.
fn lavapipe() -> PathBuf {
    let drivers =
        std::env::var_os("VK_DRIVER_FILES").expect("no driver: set VK_DRIVER_FILES, or use tools/test");
    let is_lavapipe = |file: &PathBuf| fs::read_to_string(file).is_ok_and(|text| text.contains("lvp"));
    std::env::split_paths(&drivers).find(is_lavapipe).expect("no lavapipe among VK_DRIVER_FILES")
}

/// Two adapters that are equal: one driver, described twice.
fn two_equal(folder: &Path) -> String {
    let other = folder.join("again.json");
    fs::copy(lavapipe(), &other).unwrap();
    std::env::join_paths([lavapipe(), other]).unwrap().into_string().unwrap()
}

fn with_drivers(path: &Path, drivers: &str, arguments: &str) -> Call {
    Call::of(command(path, arguments).env("VK_DRIVER_FILES", drivers).output().unwrap())
}

/// A sweep that nobody has begun to train.
fn begun(path: &Path, options: &str) {
    engine(path, &format!("sweep submit --slurm --script-only {BASE} {options} --name s")).ends(0, &[]);
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn equal_gpus_share_the_folds_and_give_the_bits_of_one() {
    let folder = with_data();
    let path = folder.path();
    let drivers = two_equal(path);
    let base = BASE.replace(" --quiet", "");
    let run = format!("sweep run {base} --folds-as-tasks --backend wgpu --adapter all --name s");
    let said =
        ["adapter  0: llvmpipe", "adapter  1: llvmpipe", "adapter 0: ", "adapter 1: ", "2 tasks at once"];
    let done = with_drivers(path, &drivers, &run).ends(0, &said);
    assert!(done.out.contains("all 3 tasks have scores") && !done.err.contains("differ"), "{}", done.err);
    let plain = format!("crossval {BASE} --backend wgpu --adapter llvmpipe --name plain");
    engine(path, &plain).ends(0, &[]);
    let collected = json(path, "sweep collect runs/s --json");
    assert_eq!(collected["settings"][0]["devices"][0].as_array().unwrap().len(), 1);
    let joined = fs::read(path.join("runs/s/predictions/0001-seed-1-fold-1.csv")).unwrap();
    assert_eq!(joined, fs::read(path.join("runs/plain/predictions.csv")).unwrap());
}

/// Without `--workers` a process takes one fold after the other, so that others find some.
#[test]
fn a_process_takes_its_share_of_the_folds_at_once() {
    let folder = with_data();
    let path = folder.path();
    let fold_tasks = format!("{} --folds-as-tasks", BASE.replace("--folds 3", "--folds 6"));
    let run = |name: &str, more: &str| {
        let said = format!("sweep run {fold_tasks} --name {name} {more}").replace(" --quiet", "");
        engine(path, &said).ends(0, &[]).err
    };
    let (alone, third, whole) = (run("alone", ""), run("third", "--workers 3"), run("whole", "--workers 1"));
    assert!(!alone.contains("at once") && alone.contains("training 1 fold:"), "{alone}");
    assert_eq!(third.matches("2 tasks at once").count(), 3, "{third}");
    assert!(
        whole.contains("6 tasks at once") && whole.contains("training 1 fold of each of 6 runs"),
        "{whole}"
    );
    for number in 1..=6 {
        let file = format!("runs/000{number}-seed-1-fold-{number}/predictions.csv");
        let of = |name: &str| fs::read(path.join("runs").join(name).join(&file)).unwrap();
        assert!(of("alone") == of("third") && of("alone") == of("whole"), "{file}");
    }
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn different_gpus_are_named() {
    let folder = with_data();
    let path = folder.path();
    begun(path, "--folds-as-tasks --backend wgpu");
    for (task, adapter) in [(1, "SwiftShader"), (2, "llvmpipe"), (3, "llvmpipe")] {
        engine(path, &format!("sweep run --resume runs/s --task {task} --adapter {adapter} --quiet"))
            .ends(0, &[]);
    }
    let collected = json(path, "sweep collect runs/s --json");
    let devices = collected["settings"][0]["devices"][0].as_array().unwrap();
    assert_eq!(devices.len(), 2, "{devices:?}");
    let csv = fs::read_to_string(path.join("runs/s/sweep.csv")).unwrap();
    for (fold, device) in [(1, &devices[0]), (2, &devices[1]), (3, &devices[1])] {
        let device = device.as_str().unwrap();
        let manifest = path.join(format!("runs/s/runs/000{fold}-seed-1-fold-{fold}/manifest.json"));
        assert!(fs::read_to_string(manifest).unwrap().contains(device), "fold {fold}: not {device}");
        assert!(csv.contains(device), "{csv}");
    }
    let text = engine(path, "sweep collect runs/s").ends(0, &[]).out.replace('\n', " ");
    assert!(
        text.contains("base: its runs were made on 2 devices, which round differently: SwiftShader"),
        "{text}"
    );
    // Settings that differ in nothing of the device, and ran on several.
    engine(
        path,
        &format!("sweep submit --slurm --script-only {BASE} --grid hidden=3;4;5 --backend wgpu --name h"),
    )
    .ends(0, &[]);
    for (task, adapter) in [(1, "SwiftShader"), (2, "llvmpipe"), (3, "llvmpipe")] {
        engine(path, &format!("sweep run --resume runs/h --task {task} --adapter {adapter} --quiet"))
            .ends(0, &[]);
    }
    let text = engine(path, "sweep collect runs/h").ends(0, &[]).out.replace('\n', " ");
    let note =
        "Settings that did not choose their device were made on different ones, which round differently: ";
    let (_, parts) = text.split_once(note).unwrap_or_else(|| panic!("no note in {text}"));
    assert!(
        parts.contains("hidden 3 on SwiftShader") && parts.contains("hidden 4, hidden 5 on llvmpipe"),
        "{parts}"
    );
    // All of them, when they differ.
    let all = format!("sweep run {BASE} --seeds 1,2 --backend wgpu --adapter all --name two");
    engine(path, &all).ends(0, &["the GPUs differ, and round differently"]);
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_run_goes_on_with_its_own_kind_of_gpu() {
    let folder = with_data();
    let path = folder.path();
    let long = BASE.replace("--epochs 3", "--epochs 150");
    let options = "--seeds 1,2 --backend wgpu --save-every 0.05";
    engine(path, &format!("sweep submit --slurm --script-only {long} {options} --name s")).ends(0, &[]);
    let begin = "sweep run --resume runs/s --task 1 --adapter SwiftShader --quiet";
    let mut first = Running(command(path, begin).spawn().unwrap());
    wait_for_training(&path.join("runs/s/runs/0001-seed-1"));
    kill(&mut first.0, "-TERM");
    assert_eq!(first.0.wait().unwrap().code(), Some(143));
    let elsewhere = ["1 tasks were begun on other devices, the first is 1, on SwiftShader", "--other-device"];
    for task in ["", "--task 1"] {
        engine(path, &format!("sweep run --resume runs/s {task} --adapter llvmpipe")).ends(2, &elsewhere);
    }
    assert_eq!(states(path, "runs/s"), ["stopped", "finished"], "what is refused has not failed");
    let reminder =
        "go on with `engine sweep run --resume runs/s`; say `--adapter` again if it was said before";
    engine(path, "sweep collect runs/s").ends(3, &[reminder]);
    let status = engine(path, "sweep status runs/s").ends(0, &[]).out;
    assert!(status.contains("begun on SwiftShader") && status.contains("say `--adapter` again"), "{status}");
    let missing = engine(path, "sweep run --resume runs/s --adapter 99").ends(4, &["no adapter `99`"]);
    assert!(!missing.err.contains("failed"), "{}", missing.err);
    assert_eq!(states(path, "runs/s"), ["stopped", "finished"], "a wrong adapter is no fault of a task");
    // The way out that the message names.
    let own = path.join("runs/s/runs/0001-seed-1");
    let copy = path.join("copy");
    assert!(Command::new("cp").arg("-r").args([&path.join("runs/s"), &copy]).status().unwrap().success());
    let other = "crossval --resume copy/runs/0001-seed-1 --other-device --adapter llvmpipe --quiet";
    engine(path, other).ends(0, &[]);
    let collected = engine(path, "sweep collect copy").ends(0, &[]).out.replace('\n', " ");
    assert!(collected.contains("made on 2 devices"), "{collected}");
    engine(path, "sweep run --resume runs/s --adapter all --quiet").ends(0, &[]);
    assert_eq!(states(path, "runs/s"), ["finished"; 2]);
    // The settings of its device are those of the process that ended it.
    let config = fs::read_to_string(own.join("config.toml")).unwrap();
    assert!(config.lines().any(|line| line == "adapter = \"0\"" || line == "adapter = \"1\""), "{config}");
    engine(path, "crossval --resume runs/s/runs/0001-seed-1 --quiet").ends(0, &[]);
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn processes_stop_with_the_one_that_began_them() {
    let folder = with_data();
    let path = folder.path();
    let drivers = two_equal(path);
    let long = BASE.replace("--epochs 3", "--epochs 100000");
    let begin = format!("sweep run {long} --seeds 1,2 --backend wgpu --adapter all --name s");
    let runs = [1, 2].map(|i| path.join(format!("runs/s/runs/000{i}-seed-{i}")));
    let train = |arguments: &str| {
        let child = command(path, arguments).env("VK_DRIVER_FILES", &drivers).spawn().unwrap();
        runs.iter().for_each(|run| wait_for_training(run));
        Running(child)
    };
    let stop = || {
        let begun = Instant::now();
        while states(path, "runs/s") != ["stopped"; 2] {
            assert!(begun.elapsed() < Duration::from_secs(60), "a process goes on");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let mut parent = train(&begin);
    kill(&mut parent.0, "-KILL");
    stop();
    // Everything that was saved is there, and a signal that is heard saves, too.
    let saved = runs.clone().map(|run| run.join("resume.safetensors"));
    saved.iter().for_each(|state| wait_for(state));
    runs.iter().for_each(|run| fs::remove_dir_all(run).unwrap());
    let mut parent = train("sweep run --resume runs/s --adapter all --quiet");
    kill(&mut parent.0, "-TERM");
    assert_eq!(parent.0.wait().unwrap().code(), Some(143));
    stop();
    saved.iter().for_each(|state| assert!(state.exists(), "{}", state.display()));
}

/// Starts a process that ends with the test, and whose words go to a file.
fn spawned(mut command: Command, said: &Path) -> Running {
    Running(command.stderr(fs::File::create(said).unwrap()).stdout(Stdio::null()).spawn().unwrap())
}

/// Begins a sweep `s` of two seeds on two equal GPUs, in a process group of its own; its words go to the file
/// that is returned.
fn begin_on_two(path: &Path, options: &str) -> (Running, PathBuf) {
    let mut parent =
        command(path, &format!("sweep run {options} --seeds 1,2 --backend wgpu --adapter all --name s"));
    parent.env("VK_DRIVER_FILES", two_equal(path)).process_group(0);
    let said = path.join("said");
    (spawned(parent, &said), said)
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_process_that_dies_leaves_its_tasks_to_an_equal_gpu() {
    let folder = with_data();
    let path = folder.path();
    let long = BASE.replace("--epochs 3", "--epochs 400");
    let (mut parent, said) = begin_on_two(path, &format!("{long} --save-every 0.05"));
    wait_for_training(&path.join("runs/s/runs/0002-seed-2"));
    let tasks = json(path, "sweep status runs/s --json");
    let owner = tasks[1]["more"].as_str().unwrap();
    let process = owner.split(' ').nth(1).unwrap_or_else(|| panic!("the task has no owner: {owner}"));
    assert!(Command::new("kill").args(["-KILL", process]).status().unwrap().success());
    assert_eq!(parent.0.wait().unwrap().code(), Some(0));
    let said = fs::read_to_string(said).unwrap();
    assert!(said.contains("the process of adapter") && said.contains("it left no task open"), "{said}");
    assert_eq!(states(path, "runs/s"), ["finished"; 2]);
    engine(path, &format!("crossval {long} --seed 2 --backend wgpu --adapter llvmpipe --name plain"))
        .ends(0, &[]);
    assert_same(&path.join("runs/s/runs/0002-seed-2"), &path.join("runs/plain"), &["predictions.csv"]);
}

/// A driver that goes away, as one does whose GPU has broken: its process ends, and no task fails by that.
#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_gpu_that_breaks_leaves_its_tasks_to_an_equal_one() {
    let folder = with_data();
    let path = folder.path();
    let drivers = two_equal(path);
    // Of different widths, so that each trains by itself.
    let long = BASE.replace("--epochs 3", "--epochs 200").replace(" --quiet", "");
    let sweep = format!("sweep run {long} --grid hidden=3;4;5;6;7;8 --seeds 1 --backend wgpu");
    let mut parent = command(path, &format!("{sweep} --adapter all --name both"));
    parent.env("VK_DRIVER_FILES", &drivers);
    let said = path.join("said");
    let mut parent = spawned(parent, &said);
    let run = |sweep: &str, number: usize| {
        path.join(format!("runs/{sweep}/runs/000{number}-{}-seed-1", number + 2))
    };
    [1, 2].iter().for_each(|number| wait_for_training(&run("both", *number)));
    fs::remove_file(path.join("again.json")).unwrap();
    let end = parent.0.wait().unwrap().code();
    let said = fs::read_to_string(said).unwrap();
    assert_eq!(end, Some(0), "{said}");
    for part in ["its GPU cannot be used any more", "process of adapter 1 ended", "it left no task open"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert_eq!(states(path, "runs/both"), ["finished"; 6]);

    // Alone, it leaves them to whoever comes.
    let only = path.join("only.json");
    fs::copy(lavapipe(), &only).unwrap();
    let mut alone = command(path, &format!("{sweep} --name alone"));
    alone.env("VK_DRIVER_FILES", &only);
    let said = path.join("said-alone");
    let mut alone = spawned(alone, &said);
    wait_for_training(&run("alone", 1));
    fs::remove_file(&only).unwrap();
    let end = alone.0.wait().unwrap().code();
    let said = fs::read_to_string(said).unwrap();
    assert_eq!(end, Some(5), "{said}");
    assert!(said.contains("`engine sweep run --resume runs/alone` goes on with the open tasks"), "{said}");
    let left = states(path, "runs/alone");
    assert!(left.iter().any(|state| state != "finished"), "{left:?}");
    assert!(!left.contains(&"failed".to_string()) && !left.contains(&"running".to_string()), "{left:?}");
    fs::copy(lavapipe(), &only).unwrap();
    with_drivers(path, only.to_str().unwrap(), "sweep run --resume runs/alone --quiet").ends(0, &[]);
    for number in 1..=6 {
        assert_same(&run("both", number), &run("alone", number), &["predictions.csv"]);
    }
}

/// As Ctrl-C does in a terminal.
#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_signal_to_all_processes_stops_all() {
    let folder = with_data();
    let path = folder.path();
    let long = BASE.replace("--epochs 3", "--epochs 100000");
    let (mut parent, said) = begin_on_two(path, &long);
    [1, 2].iter().for_each(|i| wait_for_training(&path.join(format!("runs/s/runs/000{i}-seed-{i}"))));
    let group = format!("-{}", parent.0.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    assert_eq!(parent.0.wait().unwrap().code(), Some(130));
    let said = fs::read_to_string(said).unwrap();
    assert!(said.contains("stopped by signal 2"), "{said}");
    assert!(said.contains("engine sweep run --adapter all --resume"), "{said}");
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
    assert_eq!(states(path, "runs/s"), ["stopped"; 2]);
}

/// An error is kept, and tried again once.
#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_task_that_fails_is_tried_again_by_one_process() {
    let folder = with_data();
    let path = folder.path();
    let drivers = two_equal(path);
    let base = BASE.replace(" --quiet", "");
    let grid = "--clip inf --grid lr=0.001,1e38,0.01";
    let begin = format!("sweep run {base} {grid} --backend wgpu --adapter all --name s");
    let failed = ["1 tasks failed, the first is 2", "--retry --adapter all"];
    with_drivers(path, &drivers, &begin).ends(1, &failed);
    assert_eq!(states(path, "runs/s"), ["finished", "failed", "finished"]);
    let again =
        with_drivers(path, &drivers, "sweep run --resume runs/s --retry --adapter all").ends(1, &failed);
    assert_eq!(again.err.matches("warning: [2/3]").count(), 1, "{}", again.err);
}

/// A device is that of the task, not that of the sweep.
#[test]
fn tasks_of_several_precisions_go_on() {
    let folder = with_data();
    let path = folder.path();
    let long = BASE.replace("--epochs 3", "--epochs 4000");
    let grid = "--isa portable --grid precision=fp32,bf16 --save-every 0.05";
    let mut first = Running(command(path, &format!("sweep run {long} {grid} --name s")).spawn().unwrap());
    wait_for(&path.join("runs/s/runs/0002-bf16-seed-1/resume.safetensors"));
    kill(&mut first.0, "-TERM");
    assert_eq!(first.0.wait().unwrap().code(), Some(143));
    assert_eq!(states(path, "runs/s"), ["finished", "stopped"]);
    engine(path, "sweep run --resume runs/s --quiet").ends(0, &[]);
}

#[test]
fn all_gpus_are_for_sweeps_on_one_machine() {
    let folder = with_data();
    let path = folder.path();
    let sweep = format!("{BASE} --seeds 1,2 --adapter all --name s");
    for (command, code, message) in [
        (format!("sweep run {sweep}"), 4, "`--adapter all` is for the backends `cuda` and `wgpu`"),
        (
            format!("sweep submit --slurm --script-only {sweep} --backend wgpu"),
            2,
            "--adapter all is for one machine",
        ),
        (
            format!("sweep run {sweep} --backend wgpu --grid backend=wgpu,cpu"),
            2,
            "--backend would have no effect: the grid gives it",
        ),
        (format!("sweep run {BASE} --backend wgpu --grid adapter=0,all"), 2, "grid adapter: `all` is no GPU"),
        (
            format!("crossval {BASE} --backend wgpu --adapter all"),
            4,
            "`--adapter all` is a process for each GPU",
        ),
        (
            format!("train {BASE} --backend cuda --adapter all"),
            4,
            "`--adapter all` is a process for each GPU",
        ),
    ] {
        engine(path, &command).ends(code, &[message]);
    }
    assert!(!path.join("runs").exists(), "what is refused begins nothing");
    begun(path, "--seeds 1,2 --backend wgpu");
    let both = "sweep run --resume runs/s --task 1 --adapter all";
    engine(path, both).ends(2, &["--task is for one process, and --adapter all for several"]);
    engine(path, &format!("sweep submit --slurm --script-only {BASE} --seeds 1,2 --name cpu")).ends(0, &[]);
    let on_cpu = "sweep run --resume runs/cpu --adapter 0";
    engine(path, on_cpu).ends(4, &["every task of the sweep is for the CPU"]);
}
