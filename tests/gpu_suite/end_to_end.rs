//! The suite with our own programs on a driver that runs kernels on the processor.

use super::{Ended, Suite};
use crate::support::stand_in;
use std::os::unix::fs::symlink;
use std::process::Command;

/// The engine and this binary in the places of the archive's.
fn with_our_programs() -> Suite {
    let suite = Suite::new();
    std::fs::remove_file(suite.at("gpu-suite/programs/engine")).unwrap();
    let here = std::env::current_exe().unwrap();
    symlink(assert_cmd::cargo::cargo_bin!("engine"), suite.at("gpu-suite/programs/engine")).unwrap();
    symlink(here, suite.at("gpu-suite/programs/tests")).unwrap();
    suite
}

/// The driver's substitute for a test of rates: it takes time, and runs nothing.
fn on_the_processor(suite: &Suite, arguments: &str, stub: &[(&str, &str)]) -> Ended {
    let mut command = suite.command(arguments);
    command.env("STUB_TIMED", "peak").envs(stub.iter().copied());
    Ended::of(command.output().unwrap())
}

const CONFORMANCE: [&str; 5] = [
    "conformance-fp32",
    "conformance-tf32",
    "conformance-bf16",
    "conformance-tf32-per-step",
    "conformance-bf16-per-step",
];

#[test]
fn every_step_runs_end_to_end_on_the_processor() {
    let suite = with_our_programs();
    on_the_processor(&suite, "--quick", &[]).ends(0);
    let held = ["devices", "attributes", "tiny", "tests", "illegal-address", "profiles"];
    for step in CONFORMANCE.iter().chain(&held) {
        suite.assert_outcomes(&[(step, "held")]);
    }
    for step in CONFORMANCE {
        let record = suite.record(step);
        assert!(record["data"]["holds"].as_u64().unwrap() >= 4, "{record}");
        assert_eq!(record["data"]["holds"], record["data"]["of"], "{record}");
    }
    suite.assert_page(&[
        "0 did not",
        "Stub GPU, sm_90, driver 13.0",
        "NVRTC from ",
        "--quick",
        "ms of a training step: gru-16-tf32",
    ]);
    // tools/test shows it.
    let page = suite.read("summary.md");
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/gpu-suite-summary.md"), page).unwrap();
    suite.assert_archived(&[
        "summary.md",
        "attributes.json",
        "profiles/gru-16-tf32.json",
        "logs/conformance-fp32.txt",
    ]);
}

/// A list of other cases than those that run would let the suite take the rest for lost.
#[test]
fn the_cases_of_an_algorithm_are_listed_as_they_run() {
    let suite = with_our_programs();
    let engine = |arguments: &str| {
        let mut command = Command::new(suite.at("gpu-suite/programs/engine"));
        command.current_dir(suite.at(".")).env("LD_LIBRARY_PATH", stand_in::libraries());
        // The user's own cache may have programs that another stand-in compiled.
        command.env("XDG_CACHE_HOME", suite.at("cache"));
        let output = command.args(format!("check --backend cuda {arguments}").split_whitespace()).output();
        Ended::of(output.unwrap())
    };
    let names = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_string).collect()
    };
    for precision in ["tf32", "bf16"] {
        let recurrent: Vec<String> = ["lstm", "gru", "bilstm", "bigru"]
            .iter()
            .flat_map(|cell| names(&engine(&format!("--cell {cell} --list")).ends(0).out))
            .collect();
        let listed = engine(&format!("--precision {precision} --algorithm per-step --list")).ends(0).out;
        let mut listed = names(&listed);
        let mut recurrent = recurrent.clone();
        listed.sort();
        recurrent.sort();
        assert_eq!(listed, recurrent);
    }
    // Of these sizes the persistent algorithm has the units in bf16, and not in tf32.
    let some = "--algorithm persistent --sizes 2,2,3,65";
    engine(&format!("--precision tf32 {some} --list")).ends(2);
    let listed = names(&engine(&format!("--precision bf16 {some} --list")).ends(0).out);
    let ran = engine(&format!("--precision bf16 {some} --no-gradients --json")).ends(0).out;
    let ran: Vec<String> = ran
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["case"].as_str().unwrap().to_string()
        })
        .collect();
    assert_eq!(listed, ran);
    assert_eq!(ran.len(), 4);
}

#[test]
fn a_device_that_is_lost_at_one_kernel_costs_the_cases_of_that_kernel_only() {
    let suite = with_our_programs();
    for (stub, what, told) in [
        (
            "STUB_LOST",
            "lost device",
            "(CUDA_ERROR_ILLEGAL_ADDRESS), in the launch of gru rnn_persistent_backward.cu PRECISION=19 PADDED=48",
        ),
        ("STUB_CRASH", "crashed", "died of SIGSEGV"),
        ("STUB_WRONG", "out of bounds", "is off by"),
    ] {
        on_the_processor(
            &suite,
            "--quick --only conformance-tf32",
            &[(stub, "rnn_persistent_backward PADDED=48")],
        )
        .ends(1);
        let record = suite.record("conformance-tf32");
        let failing = record["data"]["failing"].as_array().unwrap();
        assert!(!failing.is_empty(), "{record}");
        for case in failing {
            assert_eq!(case["what"], what, "{case}");
        }
        let (holds, of) = (record["data"]["holds"].as_u64().unwrap(), record["data"]["of"].as_u64().unwrap());
        assert_eq!(holds + failing.len() as u64, of, "{record}");
        assert!(holds > 0, "{record}");
        suite.assert_page(&[&format!("{holds} of {of} cases hold"), told]);
    }
}

#[test]
fn a_kernel_that_hangs_is_found() {
    let suite = with_our_programs();
    // A case by itself has as long as the step.
    on_the_processor(
        &suite,
        "--quick --only tiny,attributes --limit 3",
        &[("STUB_HANG", "rnn_persistent_forward")],
    )
    .ends(1);
    suite.assert_outcomes(&[("tiny", "hung"), ("attributes", "held")]);
}
