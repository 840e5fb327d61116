//! The suite's logic, on programs of a few lines.

use super::{ENGINE, Ended, Suite};
use crate::support::stand_in;
use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A program that is good at everything.
const GOOD: &str = "#!/bin/sh\necho \"good: $*\"\n";

fn is_gone(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| stat.rsplit(')').next().unwrap().trim().starts_with('Z'))
}

/// A profiler that is asked for a kernel of another name would watch nothing.
#[test]
fn the_kernels_that_a_profiler_watches_exist() {
    let steps = fs::read_to_string("tools/gpu/steps.py").unwrap();
    for list in ["LOOPS", "GEMMS"] {
        let line = steps.lines().find_map(|line| line.strip_prefix(&format!("{list} = "))).unwrap();
        for kernel in line.trim_matches('"').split('|') {
            let path = format!("kernels/cuda/{kernel}.cu");
            let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert!(
                text.contains(&format!(" {kernel}(const __grid_constant__")),
                "{path} has no such kernel"
            );
        }
    }
}

#[test]
fn a_step_that_hangs_is_ended_with_all_of_its_children_and_the_next_one_runs() {
    // One child ignores SIGTERM, one is in a process group of its own.
    let hangs = "#!/bin/bash
set -m
(trap '' TERM; while :; do sleep 1; done) &
echo child $!
sleep 1000 &
echo child $!
sleep 1000
";
    let suite = Suite::new().with("tests", hangs).with("bench-latency", GOOD);
    let start = Instant::now();
    suite.run("--only illegal-address,latencies --limit 2").ends(1);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    suite.assert_outcomes(&[("illegal-address", "hung"), ("latencies", "held")]);
    suite.assert_page(&["**illegal-address** hung", "killed after 2 s"]);
    let log = suite.read("logs/illegal-address.txt");
    let children: Vec<&str> = log.lines().filter_map(|line| line.strip_prefix("child ")).collect();
    assert_eq!(children.len(), 2, "{log}");
    assert!(children.iter().all(|pid| is_gone(pid)), "{children:?} are left");
    suite.assert_archived(&["summary.md", "steps.jsonl", "logs/illegal-address.txt", "logs/latencies.txt"]);
}

#[test]
fn a_step_that_dies_of_a_signal_is_recorded_with_its_name() {
    let suite = Suite::new()
        .with("tests", "#!/bin/sh\necho last words >&2\nkill -SEGV $$\n")
        .with("bench-latency", "#!/bin/sh\nexit 3\n")
        .with("bench-rnn", GOOD);
    suite.run("--only illegal-address,latencies,bench-rnn").ends(1);
    suite.assert_outcomes(&[("illegal-address", "crashed"), ("latencies", "failed"), ("bench-rnn", "held")]);
    assert_eq!(suite.record("illegal-address")["signal"], "SIGSEGV");
    assert_eq!(suite.record("latencies")["code"], 3);
    suite.assert_page(&[
        "died of SIGSEGV: last words",
        "**latencies** failed",
        "exit code 3",
        "- bench-rnn (0 s)",
    ]);
}

#[test]
fn without_nvrtc_precompiled_programs_are_where_the_engine_looks() {
    let suite =
        Suite::new().with("bench-latency", "#!/bin/sh\ncat \"$XDG_CACHE_HOME/engine/cuda/kept.cubin\"\n");
    fs::create_dir(suite.at("gpu-suite/precompiled")).unwrap();
    fs::write(suite.at("gpu-suite/precompiled/kept.cubin"), "a program\n").unwrap();
    // Whatever NVRTC this machine has is too new for a driver of CUDA 1.0.
    let mut command = suite.command("--only latencies");
    command.env("LD_LIBRARY_PATH", stand_in::driver()).env("STUB_VERSION", "1000");
    Ended::of(command.output().unwrap()).ends(0);
    assert!(suite.read("logs/latencies.txt").contains("a program"));
    suite.assert_page(&["no NVRTC here: 1 precompiled programs are used"]);
}

#[test]
fn precompiled_programs_that_the_driver_refuses_are_told_and_left_out() {
    let refuses = "
case \"$*\" in *--list*) echo 'lstm H=1'; exit ;; esac
[ ! -e \"$XDG_CACHE_HOME/engine/cuda/kept.cubin\" ] || { echo 'error: norms.cu: not loaded: CUDA: invalid image' >&2; exit 4; }
echo '{\"case\":\"lstm H=1\",\"holds\":true,\"deviations\":[]}'
";
    let suite = Suite::new().with("engine", &format!("{ENGINE}{refuses}"));
    fs::create_dir(suite.at("gpu-suite/precompiled")).unwrap();
    fs::write(suite.at("gpu-suite/precompiled/kept.cubin"), "a program\n").unwrap();
    suite.run("--only tiny,conformance-tf32").ends(1);
    suite.assert_outcomes(&[("conformance-tf32", "held")]);
    assert_ne!(suite.record("tiny")["outcome"], "held");
    suite.assert_page(&["the programs that came along are left out", "not loaded: CUDA: invalid image"]);
    // A later call does not bring them back.
    suite.run("--only tiny").ends(0);
}

#[test]
fn nvrtc_of_pythons_packages_is_found_in_both_layouts() {
    for layout in ["cuda_nvrtc", "cu13"] {
        let suite = Suite::new().with("bench-latency", "#!/bin/sh\necho \"in $LD_LIBRARY_PATH\"\n");
        let package = suite.at(&format!("packages/nvidia/{layout}/lib"));
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("libnvrtc.so.13"), "").unwrap();
        // One that the driver does not load the programs of is not taken.
        let newer = suite.at("packages/nvidia/cu99/lib");
        fs::create_dir_all(&newer).unwrap();
        fs::write(newer.join("libnvrtc.so.99"), "").unwrap();
        let mut command = suite.command("--only latencies");
        command.env("LD_LIBRARY_PATH", stand_in::driver()).env("PYTHONPATH", suite.at("packages"));
        // A toolkit of this machine has the same version.
        Ended::of(command.output().unwrap()).ends(0);
        let page = suite.read("summary.md");
        let line =
            page.lines().find(|line| line.starts_with("- NVRTC from")).unwrap_or_else(|| panic!("{page}"));
        let folder = line.trim_start_matches("- NVRTC from ");
        assert!(!folder.contains("cu99"), "{line}");
        assert!(suite.read("logs/latencies.txt").contains(folder), "{line}");
    }
}

#[test]
fn without_a_gpu_it_says_why_and_packs_that() {
    let suite = Suite::new().with("tests", GOOD);
    let engine = suite.at("gpu-suite/programs/engine");
    fs::remove_file(&engine).unwrap();
    std::os::unix::fs::symlink(assert_cmd::cargo::cargo_bin!("engine"), &engine).unwrap();
    let mut command = suite.command("");
    command.env("STUB_COUNT", "0");
    Ended::of(command.output().unwrap()).ends(4);
    suite.assert_outcomes(&[("machine", "held"), ("tests", "not here"), ("profiles", "not here")]);
    suite.assert_page(&[
        "**diagnosis**",
        "driver library: answers",
        "nvidia-smi: ",
        "/dev/nvidia*: ",
        "the NVIDIA driver finds no GPU",
        "no usable GPU",
    ]);
    suite.assert_archived(&["summary.md", "logs/diagnosis.txt", "logs/devices.txt"]);
}

/// A limit on the size of files is what a full disk is to a program: writes fail in the middle of a file. And
/// /dev/full is full.
#[test]
fn a_full_disk_is_told_and_the_last_good_archive_stays() {
    let noise = "#!/bin/sh\nhead -c 100000 /dev/urandom | base64\n";
    let suite = Suite::new().with("bench-latency", noise).with("bench-rnn", noise).with("tests", GOOD);
    suite.run("--only latencies").ends(0);
    std::os::unix::fs::symlink("/dev/full", suite.at("results/logs/illegal-address.txt")).unwrap();
    let program = suite.at("gpu-suite/tools/gpu-suite");
    // Blocks of 512 or of 1024 bytes.
    let ended = Command::new("sh")
        .args(["-c", "ulimit -f 40; exec \"$0\" results --only illegal-address,bench-rnn"])
        .arg(&program)
        .current_dir(suite.folder.path())
        .env("LD_LIBRARY_PATH", stand_in::libraries())
        .output()
        .unwrap();
    let ended = Ended::of(ended).ends(1);
    for part in [
        "logs/illegal-address.txt is cut: No space left on device",
        "logs/bench-rnn.txt is cut: File too large",
        "results.tar.xz is not renewed: File too large",
    ] {
        assert!(ended.err.contains(part), "no {part} in {}", ended.err);
        suite.assert_page(&[part]);
    }
    suite.assert_outcomes(&[("illegal-address", "held"), ("bench-rnn", "held")]);
    suite.assert_archived(&["summary.md", "logs/latencies.txt"]);
    assert!(!suite.at("results/results.tar.xz.part").exists());
}

#[test]
fn a_file_that_is_too_large_is_left_out_by_name() {
    let large = "#!/bin/sh\nhead -c 17000000 /dev/urandom >\"$2.noise\"\n";
    let suite = Suite::new().with("bench-latency", large);
    suite.run("--only latencies").ends(0);
    suite.assert_page(&["left out of results.tar.xz, which would be too large: latencies.json.noise"]);
    suite.assert_archived(&["summary.md", "logs/latencies.txt"]);
    assert!(fs::metadata(suite.at("results/results.tar.xz")).unwrap().len() < 15 << 20);
}

/// Checks of cases wait for one another, and a test of the device finds that all of them have ended.
const MEETING: &str = "
case \"$*\" in *--list*) echo 'lstm H=1'; exit ;; esac
touch meeting/$$.here
n=0
while [ $(ls meeting | grep -c here) -lt 2 ]; do
  n=$((n + 1)); [ $n -lt 200 ] || { echo 'error: alone' >&2; exit 1; }
  sleep 0.1
done
[ ! -e measuring ] || { echo 'error: beside a step that measures' >&2; exit 1; }
sleep 0.5
echo '{\"case\":\"lstm H=1\",\"holds\":true,\"deviations\":[]}'
touch meeting/$$.ended
";

/// The second of the steps comes first in the list, and cannot run beside others.
#[test]
fn steps_that_measure_nothing_run_at_the_same_time_and_the_others_after_them() {
    let alone = "#!/bin/sh
touch measuring
ls meeting
[ $(ls meeting | grep -c here) = $(ls meeting | grep -c ended) ]
";
    let suite = Suite::new().with("engine", &format!("{ENGINE}{MEETING}")).with("tests", alone);
    let sanitizer = "#!/bin/sh\nshift 4\nexec \"$@\"\n";
    suite.script("bin/compute-sanitizer", sanitizer);
    fs::create_dir(suite.at("gpu-suite/meeting")).unwrap();
    let mut command = suite.command("--parallel --only conformance-fp32,illegal-address,memcheck");
    let path = format!("{}:{}", suite.at("bin").display(), std::env::var("PATH").unwrap());
    let ended = Ended::of(command.env("PATH", path).output().unwrap()).ends(0);
    suite.assert_outcomes(&[("conformance-fp32", "held"), ("memcheck", "held"), ("illegal-address", "held")]);
    let lines: Vec<&str> = ended.out.lines().filter(|line| line.contains(" s  held")).collect();
    assert!(lines[0].starts_with("devices ") && lines[3].starts_with("illegal-address "), "{}", ended.out);
    // One of the first case, twelve of memcheck: four sizes in each of three precisions.
    assert_eq!(suite.read("logs/illegal-address.txt").matches(".ended").count(), 13);
    suite.assert_page(&["4 steps held, 0 did not"]);
}

#[test]
fn a_suite_that_is_stopped_packs_what_it_has() {
    for (signal, code, hanging, how) in [
        ("TERM", 143, "illegal-address", ""),
        ("INT", 130, "illegal-address", ""),
        ("TERM", 143, "intrinsics", "--parallel "),
    ] {
        let suite = Suite::new()
            .with("tests", "#!/bin/sh\necho child $$\nexec sleep 1000\n")
            .with("bench-latency", GOOD);
        let mut command = suite.command(&format!("{how}--only attributes,{hanging},latencies"));
        let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = suite.at(&format!("results/logs/{hanging}.txt"));
        let begun = Instant::now();
        while !fs::read_to_string(&log).is_ok_and(|log| log.contains("child")) {
            assert!(begun.elapsed() < Duration::from_secs(30), "the step does not begin");
            sleep(Duration::from_millis(20));
        }
        // The archive of the step before is whole while this one runs.
        suite.assert_archived(&["summary.md", "logs/attributes.txt"]);
        let told = Instant::now();
        assert!(
            Command::new("kill")
                .args([&format!("-{signal}"), &running.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        let ended = Ended::of(running.wait_with_output().unwrap()).ends(code);
        assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
        suite.assert_outcomes(&[("attributes", "held"), (hanging, "stopped"), ("latencies", "not run")]);
        suite.assert_archived(&["summary.md", "logs/attributes.txt", &format!("logs/{hanging}.txt")]);
        let log = suite.read(&format!("logs/{hanging}.txt"));
        let child = log.lines().find_map(|line| line.strip_prefix("child ")).unwrap();
        assert!(is_gone(child), "{child} is left");
        suite.assert_page(&[&format!("the suite was stopped by SIG{signal}")]);
        assert!(ended.out.contains(&format!("results {how}--only {hanging},latencies")), "{}", ended.out);
    }
}

#[test]
fn a_results_folder_that_is_there_is_gone_on_with() {
    let suite = Suite::new().with("tests", GOOD).with("bench-latency", "#!/bin/sh\necho first\nexit 1\n");
    fs::create_dir(suite.at("results")).unwrap();
    suite.run("--only illegal-address,latencies").ends(1);
    let suite = suite.with("bench-latency", "#!/bin/sh\necho second\n");
    suite.run("--only latencies").ends(0);
    suite.assert_outcomes(&[("illegal-address", "held"), ("latencies", "held")]);
    assert_eq!(suite.read("steps.jsonl").lines().filter(|line| line.contains("\"latencies\"")).count(), 2);
    let log = suite.read("logs/latencies.txt");
    assert!(log.contains("second") && !log.contains("first"), "{log}");
    suite.assert_page(&["3 steps held, 0 did not", "- illegal-address (0 s)"]);
    // From the last steps on, no other runs; and what cannot run now does not hide what did.
    fs::remove_file(suite.at("gpu-suite/programs/bench-latency")).unwrap();
    suite.run("--from bench-rnn").ends(0);
    suite.assert_outcomes(&[("latencies", "held"), ("bench-rnn", "not here"), ("vulkan", "not here")]);
    suite.run("--only latencies").ends(0);
    suite.assert_outcomes(&[("latencies", "held")]);
    assert!(!suite.read("steps.jsonl").contains("\"profiles\""));
}

#[test]
fn what_does_not_fit_into_the_time_is_said_and_the_archive_is_there() {
    let sleeps = "#!/bin/sh\nsleep 100\n";
    let suite = Suite::new().with("tests", sleeps).with("bench-latency", GOOD);
    let start = Instant::now();
    let ended = suite.run("--only attributes,illegal-address,latencies --minutes 0.08 --limit 4").ends(1);
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
    suite.assert_outcomes(&[("attributes", "held"), ("illegal-address", "hung"), ("latencies", "not run")]);
    suite.assert_page(&["- latencies: not run: no time left", "--only latencies"]);
    suite.assert_archived(&["summary.md", "logs/illegal-address.txt"]);
    assert!(ended.out.contains("go on with: "), "{}", ended.out);
}

#[test]
fn a_wrong_call_is_told() {
    let suite = Suite::new();
    for (arguments, part) in [
        ("--only nothing", "no step `nothing`; there are machine, devices"),
        ("--from x", "no step `x`"),
        ("--minutes 0", "0 is not above 0"),
    ] {
        let ended = suite.run(arguments).ends(2);
        assert!(ended.err.contains(part), "no {part} in {}", ended.err);
    }
    fs::remove_dir_all(suite.at("gpu-suite/programs")).unwrap();
    let ended = suite.run("").ends(2);
    assert!(ended.err.contains("run tools/gpu-suite --build where Rust is"), "{}", ended.err);
    let ended = suite.run("--list").ends(0);
    assert!(ended.out.contains("conformance-tf32 "), "{}", ended.out);
    // Only the steps that would run.
    let ended = suite.run("--list --only latencies,vulkan --limit 100").ends(0);
    let listed: Vec<&str> = ended.out.lines().collect();
    assert!(listed.len() == 2 && listed[0].starts_with("latencies "), "{}", ended.out);
    assert!(listed[1].contains(" 100 s ") && ended.err.contains(" 200 s "), "{}{}", ended.out, ended.err);
}

#[test]
fn an_archive_beside_a_checkout_is_unpacked_and_run() {
    let suite = Suite::new().with("bench-latency", GOOD);
    let checkout = suite.at("checkout");
    fs::create_dir(&checkout).unwrap();
    let copied = Command::new("cp").arg("-r").args([suite.at("gpu-suite/tools"), checkout.clone()]).status();
    let packed = Command::new("tar")
        .arg("cJf")
        .arg(checkout.join("gpu-suite.tar.xz"))
        .arg("-C")
        .args([suite.folder.path(), "gpu-suite".as_ref()])
        .status();
    assert!(copied.unwrap().success() && packed.unwrap().success());
    for unpacks in [true, false] {
        let output = Command::new(checkout.join("tools/gpu-suite"))
            .args(["results", "--only", "latencies"])
            .current_dir(suite.folder.path())
            .env("LD_LIBRARY_PATH", stand_in::libraries())
            .output();
        let ended = Ended::of(output.unwrap()).ends(0);
        assert_eq!(ended.out.contains("unpacking"), unpacks, "{}", ended.out);
        suite.assert_outcomes(&[("latencies", "held")]);
    }
}

/// Five cases: the second crashes the process, the fourth is out of bounds, the fifth loses the device.
const FIVE_CASES: &str = r#"
case_ok() { echo "{\"case\":\"$1\",\"holds\":true,\"deviations\":[{\"buffer\":\"y\",\"error\":1e-8,\"bound\":1e-7}]}"; }
one=
while [ $# -gt 0 ]; do
  case $1 in
    --list) printf 'lstm H=1\nlstm H=2\ngru H=3\ngru H=4\ngru H=5\n'; exit ;;
    --case) one=$2; shift ;;
  esac
  shift
done
[ -n "$one" ] || { case_ok 'lstm H=1'; kill -SEGV $$; }
case $one in
  'lstm H=2')
    [ -z "$CUDA_LAUNCH_BLOCKING" ] || { echo 'error: illegal, in the launch of lstm rnn_persistent_forward.cu PADDED=2' >&2; exit 5; }
    kill -SEGV $$ ;;
  'gru H=4')
    echo '{"case":"gru H=4","holds":false,"deviations":[{"buffer":"y","error":1e-8,"bound":1e-7},{"buffer":"dx","error":null,"bound":2e-7}]}'
    exit 6 ;;
  'gru H=5')
    echo "error: an illegal memory access, in the launch of gru rnn_step_backward.cu${CUDA_LAUNCH_BLOCKING:+, blocking}" >&2
    exit 5 ;;
  *) case_ok "$one" ;;
esac
"#;

#[test]
fn failing_cases_are_found_one_by_one_and_by_their_kernel() {
    let suite = Suite::new().with("engine", &format!("{ENGINE}{FIVE_CASES}"));
    let sanitizer = "#!/bin/sh
echo '========= COMPUTE-SANITIZER'
echo '========= Invalid __global__ write of size 4 bytes'
echo '=========     at rnn_persistent_forward+0x120'
exit 9
";
    suite.script("bin/compute-sanitizer", sanitizer);
    let mut command = suite.command("--only conformance-tf32");
    let path = format!("{}:{}", suite.at("bin").display(), std::env::var("PATH").unwrap());
    Ended::of(command.env("PATH", path).output().unwrap()).ends(1);
    let record = suite.record("conformance-tf32");
    assert_eq!((&record["data"]["holds"], &record["data"]["of"]), (&2.into(), &5.into()), "{record}");
    let failing = record["data"]["failing"].as_array().unwrap();
    let told: Vec<_> =
        failing.iter().map(|case| (case["case"].as_str().unwrap(), case["what"].as_str().unwrap())).collect();
    assert_eq!(told, [("lstm H=2", "crashed"), ("gru H=4", "out of bounds"), ("gru H=5", "lost device")]);
    suite.assert_page(&[
        "2 of 5 cases hold; all in one process: died of SIGSEGV after 1 of 5 cases, at or after `lstm H=2`",
        "`lstm H=2` crashed: died of SIGSEGV",
        "blocking: exit code 5: error: illegal, in the launch of lstm rnn_persistent_forward.cu PADDED=2",
        "memcheck: Invalid __global__ write of size 4 bytes; at rnn_persistent_forward+0x120",
        "`gru H=4` out of bounds: dx is off by inf, allowed 2.00e-07",
        "`gru H=5` lost device: exit code 5: error: an illegal memory access, in the launch of gru rnn_step_backward.cu",
    ]);
}

#[test]
fn a_case_that_hangs_is_ended_and_the_others_get_their_verdict() {
    let engine = FIVE_CASES.replace("kill -SEGV $$", "sleep 1000");
    let suite = Suite::new().with("engine", &format!("{ENGINE}{engine}"));
    // Of a process that says nothing, here after two seconds.
    let conformance = suite.at("gpu-suite/tools/gpu/conformance.py");
    let text = fs::read_to_string(&conformance).unwrap();
    let quicker = text.replace("SILENCE = 30.0", "SILENCE = 2.0").replace("ONE = 15.0", "ONE = 2.0");
    assert_ne!(text, quicker);
    fs::write(&conformance, quicker).unwrap();
    suite.run("--only conformance-tf32").ends(1);
    suite.assert_outcomes(&[("conformance-tf32", "hung")]);
    suite.assert_page(&[
        "2 of 5 cases hold; all in one process: killed after 2 s without a word after 1 of 5 cases",
        "`lstm H=2` hung: killed after 2 s",
        "`gru H=4` out of bounds",
    ]);
}
