//! Processes that share a sweep: claims, kills, and what one of them cannot do.

use super::{BASE, Running, kill, states, wait_for, wait_for_training, with_data};
use crate::support::program::{assert_same, command, engine};
use engine::random::{Random, Stream};
use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant, SystemTime};

#[test]
fn processes_share_a_sweep_and_killed_ones_lose_nothing() {
    let folder = with_data();
    let path = folder.path();
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
#[test]
fn an_owner_that_was_silent_for_too_long_writes_nothing() {
    let folder = with_data();
    let path = folder.path();
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
    let folder = with_data();
    let path = folder.path();
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
    let folder = with_data();
    let path = folder.path();
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
fn a_process_that_cannot_see_the_data_fails_no_task() {
    let folder = with_data();
    let path = folder.path();
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
