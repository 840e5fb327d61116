//! What the Rust peers share: the loop that answers requests (../README.md, "Protocol") and timing.

#[cfg(any(feature = "burn", feature = "burn-wgpu"))]
pub mod burn_layers;

use std::io::{BufRead, Write, stdin, stdout};
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Cell {
    Lstm,
    Gru,
    BiLstm,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Train,
    Infer,
    Step,
}

#[derive(Deserialize, Clone, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
pub struct Case {
    #[serde(rename = "mode")]
    pub mode: Mode,
    #[serde(rename = "cell")]
    pub cell: Cell,
    pub b: usize,
    pub t: usize,
    pub d: usize,
    pub h: usize,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Request {
    Version,
    Memory,
    Time {
        seconds: f64,
        #[serde(flatten)]
        case: Case,
    },
}

/// One run of a case: model and input are in it.
pub type Run = Box<dyn FnMut()>;

/// The answer to `version`: Cargo.lock's version of `package`.
pub fn about(peer: &str, package: &str) -> Value {
    json!({"peer": peer, "version": locked(package)})
}

/// Answers every request on stdin, `version` with `about`. `build` makes a case ready, for training if it is told so,
/// outside the timed part.
pub fn serve(about: &Value, build: impl Fn(&Case, bool) -> Run) {
    let mut cached: Option<(Case, Run)> = None;
    for line in stdin().lock().lines() {
        let answer = match serde_json::from_str(&line.expect("a request")).expect("a request as documented") {
            Request::Version => about.clone(),
            Request::Memory => json!({"unsupported": "only PyTorch's memory is compared"}),
            Request::Time { case: Case { mode: Mode::Step, .. }, .. } => {
                json!({"unsupported": "only PyTorch's whole training step is compared"})
            }
            Request::Time { seconds, case } => {
                if !matches!(&cached, Some((last, _)) if *last == case) {
                    cached = None; // the last model goes before the next one comes
                }
                let (_, run) = cached.get_or_insert_with(|| {
                    let mut run = build(&case, case.mode == Mode::Train);
                    warm_up(&mut run);
                    (case, run)
                });
                json!({"ms": timed(run, seconds)})
            }
        };
        answer_with(&answer);
    }
}

fn answer_with(answer: &Value) {
    println!("{answer}");
    stdout().flush().expect("the driver listens");
}

/// Twice and for 0.2 s; a run of a second or more has warmed up everything by itself.
fn warm_up(run: &mut Run) {
    let start = Instant::now();
    for runs in 1.. {
        run();
        let spent = start.elapsed().as_secs_f64();
        if spent > 1.0 || (runs >= 2 && spent > 0.2) {
            return;
        }
    }
}

fn timed(run: &mut Run, seconds: f64) -> Vec<f64> {
    run(); // the peer that had its turn before this one took the caches
    let mut times = vec![];
    let start = Instant::now();
    while times.len() < 3 || start.elapsed().as_secs_f64() < seconds {
        let before = Instant::now();
        run();
        times.push(before.elapsed().as_secs_f64() * 1e3);
    }
    times
}

/// A package's version as Cargo.lock holds it, since few libraries tell their own.
fn locked(package: &str) -> &'static str {
    let entry = format!("name = \"{package}\"\nversion = \"");
    let (_, rest) = include_str!("../Cargo.lock").split_once(&entry).expect("a dependency");
    rest.split('"').next().expect("a version")
}
