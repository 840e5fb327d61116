//! `tools/bench-peers --cuda` beside peers that do as they are told: what it reports, and that none of them
//! stops it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// A peer that speaks the protocol: `MANNER MILLISECONDS`.
const PEER: &str = r#"
import json, os, signal, sys, time
manner, ms = sys.argv[1], float(sys.argv[2])
for line in sys.stdin:
    request = json.loads(line)
    if request["op"] == "version":
        answer = {"peer": manner, "version": "1", "device": "none"}
    elif manner == "hangs":
        time.sleep(1000)
    elif manner == "crashes":
        print("a last word", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    elif manner == "refuses":
        answer = {"unsupported": "CUDNN_STATUS_NOT_SUPPORTED"}
    elif manner == "babbles":
        answer = {"ms": ["fast"]}
    elif manner == "sleeps":
        time.sleep(0.5)
        answer = {"ms": [ms] * 3, "queued_ms": [ms] * 5}
    else:
        answer = {"ms": [2 * ms] * 3, "queued_ms": [ms] * 5}
    print(json.dumps(answer), flush=True)
"#;

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("peer.py"), PEER).unwrap();
        Bench { folder }
    }

    fn out(&self) -> std::path::PathBuf {
        self.folder.path().join("out")
    }

    /// With peers of these names, manners and times.
    fn run(&self, peers: &[(&str, &str, f64)], arguments: &[&str]) -> Output {
        let mut command = Command::new("python3");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/bench-peers")).arg("--cuda");
        let script = self.folder.path().join("peer.py");
        for (name, manner, ms) in peers {
            command.arg("--peer").arg(format!("{name}=python3 {} {manner} {ms}", script.display()));
        }
        let names: Vec<&str> = peers.iter().map(|(name, ..)| *name).collect();
        command.arg("--peers").arg(names.join(",")).args(arguments).arg("--out").arg(self.out());
        command.output().expect("python3 runs")
    }
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_peer_that_hangs_crashes_or_babbles_is_out_with_its_reason() {
    let bench = Bench::new();
    let peers = [
        ("engine-cuda-bf16", "answers", 1.0),
        ("engine-cuda-tf32", "answers", 1.5),
        ("torch-cuda-fp16", "answers", 3.0),
        ("cudnn-standard-tf32", "answers", 2.0),
        ("cudnn-persist-static-fp16", "hangs", 0.0),
        ("cudnn-persist-dynamic-fp16", "crashes", 0.0),
        ("cudnn-persist-static-bf16", "refuses", 0.0),
        ("cudnn-persist-dynamic-bf16", "babbles", 0.0),
    ];
    let output = bench.run(&peers, &["--shapes", "G1,G5", "--cells", "lstm", "--limit", "1.5"]);
    let (table, errors) = text(&output);
    assert!(output.status.success(), "{errors}");
    for part in [
        "cudnn-persist-static-fp16: lost: no answer within 2 s (train G1 lstm",
        "cudnn-persist-dynamic-fp16: lost: ended with signal SIGSEGV: a last word",
        "cudnn-persist-static-bf16: CUDNN_STATUS_NOT_SUPPORTED (train G1 lstm, train G5 lstm, infer G1 lstm",
        "cudnn-persist-dynamic-bf16: lost: no times in its answer: {\"ms\": [\"fast\"]}",
        "out after 3 failures, the last: no answer within",
        "tf32, beside fp32, tf32: train 1.33 infer 1.33",
        "bf16, beside fp32, tf32, fp16, bf16: train 2.00 infer 2.00",
    ] {
        assert!(table.contains(part), "no {part} in {table}");
    }
    assert_eq!(table.trim_end().lines().last(), Some("geomean cuda train 2.00 infer 2.00 worst 2.00"));
    assert_eq!(std::fs::read_to_string(bench.out().join("table.md")).unwrap().trim(), table.trim());
    let results = std::fs::read_to_string(bench.out().join("results.jsonl")).unwrap();
    for line in results.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["peer"].is_string() && line["mode"].is_string(), "{line}");
    }
    // Four cases, two rounds of the peers that answer.
    assert_eq!(results.lines().filter(|line| line.contains("queued_ms")).count(), 4 * 2 * 4);
}

#[test]
fn when_the_time_is_over_what_was_measured_is_reported() {
    let bench = Bench::new();
    let start = Instant::now();
    let peers = [("engine-cuda-fp32", "sleeps", 1.0), ("cudnn-standard-fp32", "sleeps", 1.25)];
    let output = bench.run(&peers, &["--minutes", "0.1"]);
    let (table, errors) = text(&output);
    assert!(output.status.success(), "{errors}");
    // Six seconds, and what starting and ending Python takes.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(table.contains("The time was over before all cases had their rounds."), "{table}");
    assert!(table.contains("geomean cuda train 1.25 infer n/a worst 1.25"), "{table}");
}

#[test]
fn peers_that_are_not_there_at_all_leave_a_report() {
    let bench = Bench::new();
    let arguments = [
        "--cuda",
        "--peer",
        "engine-cuda-bf16=/no/such/program",
        "--peers",
        "engine-cuda-bf16",
        "--shapes",
        "G1",
    ];
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/bench-peers"))
        .args(arguments)
        .arg("--out")
        .arg(bench.out())
        .output()
        .unwrap();
    let (table, errors) = text(&output);
    assert!(output.status.success(), "{errors}");
    assert!(table.contains("engine-cuda-bf16: does not start"), "{table}");
    assert!(table.ends_with("geomean cuda train n/a infer n/a worst n/a\n"), "{table}");
}

#[test]
fn a_wrong_command_line_is_refused_with_what_there_is() {
    let bench = Bench::new();
    let output = bench.run(&[("engine-cuda-bf16", "answers", 1.0)], &["--shapes", "S1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).1.contains("S1: not one of G1, G2"), "{}", text(&output).1);
}
