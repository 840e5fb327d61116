//! Our side of `tools/bench-peers`: answers the requests described in `tools/peers/README.md`, one JSON line
//! each.

use clap::ValueEnum;
use engine::backend::cpu::{Cpu, Isa};
use engine::backend::{AnyDevice, Backend, DeviceChoice, Kind};
use engine::check::cases::RnnCase;
use engine::check::{Case, RnnPass};
use engine::model::TrainingStep;
use engine::ops::{Cell, LayerSpec, Network, Pooling, Precision, RnnSize};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::BufRead;
use std::time::{Duration, Instant};

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Request {
    Version,
    Time {
        #[serde(flatten)]
        case: Work,
        seconds: f64,
        /// Whether passes are timed one behind the other, too.
        #[serde(default)]
        queue: bool,
    },
    Memory {
        #[serde(flatten)]
        case: Work,
    },
}

/// The work that is timed, and its sizes.
#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Work {
    mode: Mode,
    cell: String,
    #[serde(rename = "B")]
    batch: usize,
    #[serde(rename = "T")]
    steps: usize,
    #[serde(rename = "D")]
    input: usize,
    #[serde(rename = "H")]
    hidden: usize,
    #[serde(default = "one")]
    folds: usize,
}

fn one() -> usize {
    1
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Train,
    Infer,
    Step,
}

/// As many runs as it is told, over when the results of all are there.
type Runs<'a> = Box<dyn FnMut(usize) + 'a>;

impl Work {
    fn cell(&self) -> (Cell, usize) {
        match self.cell.as_str() {
            "lstm" => (Cell::Lstm, 1),
            "gru" => (Cell::Gru, 1),
            "bilstm" => (Cell::Lstm, 2),
            other => panic!("no cell is called {other}"),
        }
    }

    /// Everything that is made once.
    fn prepare<'a, B: Backend>(&self, backend: &'a B) -> Runs<'a> {
        let Work { batch, steps, input, hidden, folds, mode, .. } = *self;
        let (cell, dirs) = self.cell();
        if mode == Mode::Step {
            let network = Network {
                features: input,
                convs: Vec::new(),
                layers: vec![LayerSpec::new(cell, hidden, dirs)],
                pool: Pooling::Last,
                dense: None,
                dropout: 0.0,
                classes: 2,
            };
            let mut step = TrainingStep::new(backend, &network, folds, batch, steps).expect("fits in memory");
            return Box::new(move |runs| {
                for _ in 0..runs {
                    let reports = step.run().expect("a step");
                    assert!(reports.iter().flat_map(|report| &report.losses).all(|loss| loss.is_finite()));
                }
            });
        }
        let case = RnnCase::new(cell, dirs, RnnSize { batch, steps, input, hidden });
        let mut tensors = case.tensors();
        // The gradient of 0.01 * sum(h_n), by `h` alone.
        let of_h = tensors["d_last"].len() / cell.states();
        tensors["d_last"].fill(0.0);
        tensors["d_last"][..of_h].fill(0.01);
        let mut pass = RnnPass::new(backend, &case, &tensors, mode == Mode::Train).expect("fits in memory");
        Box::new(move |runs| {
            // As the trainer issues a step: on CUDA a pass is one graph after its second time.
            (0..runs).for_each(|_| backend.as_one(|| pass.queue(backend)).expect("the case runs"));
            backend.wait().expect("the case runs");
        })
    }
}

/// On a thread of the pool, as a program that has a latency to keep would do it: from outside, every parallel
/// region begins by waking one.
fn main() {
    // `peer THREADS [DEVICE]`; the driver sets the threads by the environment too, which is what Rayon reads.
    rayon::scope(|_| match std::env::args().nth(2).as_deref() {
        None => serve_cpu(Cpu::new()),
        Some("wgpu") => serve_gpu(Kind::Wgpu, &DeviceChoice::default()),
        Some(precision) if precision.starts_with("cuda-") => {
            let precision = Precision::from_str(&precision["cuda-".len()..], false).expect("a precision");
            serve_gpu(Kind::Cuda, &DeviceChoice { precision: Some(precision), ..DeviceChoice::default() });
        }
        Some("bf16") => serve_cpu(Cpu::open(None, Precision::Bf16).expect("a processor with AVX512-BF16")),
        Some(isa) => serve_cpu(Cpu::with_isa(Isa::from_str(isa, false).expect("a path of the CPU"))),
    });
}

fn serve_cpu(cpu: Cpu) {
    serve(&cpu, &cpu.describe(), peaks);
}

/// The first that is there.
fn serve_gpu(kind: Kind, choice: &DeviceChoice) {
    let device = AnyDevice::open(kind, choice).unwrap_or_else(|error| panic!("a GPU: {error}"));
    engine::on_device!(&device, backend => serve(backend, &backend.describe(), |_| Vec::new()));
}

/// `peaks` measures the GFLOP/s with one thread, two, ...; none for a device whose speed is not that of the
/// threads.
fn serve<B: Backend>(backend: &B, device: &str, peaks: impl Fn(&B) -> Vec<f64>) {
    let mut prepared: Option<(Work, Runs)> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let request: Request = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let answer = match request {
            Request::Version => json!({
                "peer": "engine",
                "version": env!("CARGO_PKG_VERSION"),
                "device": device,
                "peak_gflops": peaks(backend),
            }),
            Request::Time { case, seconds, queue } => {
                if prepared.as_ref().is_none_or(|(ready, _)| *ready != case) {
                    // The old case first: its memory must not be there beside the new one's.
                    drop(prepared.take());
                    let mut run = case.prepare(backend);
                    warm_up(&mut run);
                    prepared = Some((case, run));
                }
                let (_, run) = prepared.as_mut().expect("prepared above");
                let times = time(run, Duration::from_secs_f64(seconds));
                match queue {
                    false => json!({ "ms": times }),
                    true => json!({ "queued_ms": queued(run, &times), "ms": times }),
                }
            }
            Request::Memory { case } => {
                drop(prepared.take());
                memory(&case, backend)
            }
        };
        println!("{answer}");
    }
}

/// With one thread, two, ... up to as many as there are.
fn peaks(cpu: &Cpu) -> Vec<f64> {
    let peak = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("starts threads");
        pool.install(|| cpu.peak().expect("measured").gflops)
    };
    (1..=rayon::current_num_threads()).map(peak).collect()
}

fn warm_up(run: &mut impl FnMut(usize)) {
    let start = Instant::now();
    run(2);
    while start.elapsed() < Duration::from_millis(200) {
        run(1);
    }
}

/// Milliseconds of each run, at least three.
fn time(run: &mut impl FnMut(usize), budget: Duration) -> Vec<f64> {
    // The peer that had its turn before took the caches.
    run(1);
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || start.elapsed() < budget {
        let run_start = Instant::now();
        run(1);
        times.push(run_start.elapsed().as_secs_f64() * 1e3);
    }
    times
}

/// Milliseconds of a run among many that are queued with one wait at their end, five times. `times` are those
/// of single runs.
fn queued(run: &mut impl FnMut(usize), times: &[f64]) -> Vec<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let runs = ((20.0 / sorted[sorted.len() / 2]).ceil() as usize).clamp(10, 500);
    let sample = |_| {
        let start = Instant::now();
        run(runs);
        start.elapsed().as_secs_f64() * 1e3 / runs as f64
    };
    (0..5).map(sample).collect()
}

/// Resident memory before the first run, and the peak over three.
fn memory(case: &Work, backend: &impl Backend) -> Value {
    let mut run = case.prepare(backend);
    let status = |field: &str| -> f64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
        let line = status.lines().find(|line| line.starts_with(field)).expect("a field of it");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("KiB") / 1024.0
    };
    let baseline = status("VmRSS:");
    std::fs::write("/proc/self/clear_refs", "5").expect("resets the peak");
    (0..3).for_each(|_| run(1));
    json!({ "baseline_mib": baseline, "peak_mib": status("VmHWM:") })
}
