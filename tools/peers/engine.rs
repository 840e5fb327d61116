//! Our side of `tools/bench-peers`: answers the requests described in `tools/peers/README.md`, one JSON line each.

use engine::backend::Backend;
use clap::ValueEnum;
use engine::backend::cpu::{Cpu, Isa, Layer};
use engine::cases::Case;
use engine::model::{Batch, Extent, Model, Training, Turn};
use engine::spec::{
    Cell, LayerSpec, Network, Optimizer, OptimizerKind, PoolKind, Purpose, Rnn, RnnBackward, RnnForward,
    StepScalars,
};
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
    },
    Memory {
        #[serde(flatten)]
        case: Work,
    },
}

/// What is timed, and on which sizes.
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

impl Work {
    fn cell(&self) -> (Cell, usize) {
        match self.cell.as_str() {
            "lstm" => (Cell::Lstm, 1),
            "gru" => (Cell::Gru, 1),
            "bilstm" => (Cell::Lstm, 2),
            other => panic!("no cell is called {other}"),
        }
    }

    /// Everything that is made once; the closure is one run.
    fn prepare<'a>(&self, cpu: &'a Cpu) -> Box<dyn FnMut() + 'a> {
        match self.mode {
            Mode::Train | Mode::Infer => {
                let mut pass = Pass::new(self, cpu);
                let train = self.mode == Mode::Train;
                Box::new(move || pass.run(cpu, train))
            }
            Mode::Step => self.step(cpu),
        }
    }

    /// A whole training step of `folds` models at once.
    fn step<'a>(&self, cpu: &'a Cpu) -> Box<dyn FnMut() + 'a> {
        let Work { batch, steps, input, hidden, folds: models, .. } = *self;
        let (cell, dirs) = self.cell();
        let network = Network {
            features: input,
            layers: vec![LayerSpec { cell, hidden, dirs }],
            pool: PoolKind::Last,
            dense: None,
            dropout: 0.0,
            classes: 2,
        };
        let optimizer = Optimizer {
            kind: OptimizerKind::Adamw,
            models,
            params: network.params(),
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 1e-2,
            clip: 1.0,
        };
        let training = Training { optimizer, smoothing: 0.0, class_weights: vec![1.0; models * 2], seed: 0 };
        let extent = Extent { models, batch, steps, stat_steps: 1 };
        let mut model = Model::new(cpu, &network, extent, Some(training)).expect("fits in memory");
        let weights: Vec<f32> = Case::new(cell, dirs, [1, 1, input, hidden])
            .tensors()
            .weights
            .iter()
            .map(|&w| w as f32)
            .collect();
        let fold = [weights, vec![0.1; network.linears(1, 1)[0].params()]].concat();
        model.set_weights(&fold.repeat(models)).expect("as many as there are");
        // One sequence per fold and row, one after the other.
        let rows = models * batch;
        let frames =
            Case::new(cell, 1, [rows, steps, input, 1]).tensors().x.iter().map(|&x| x as f32).collect();
        let frames =
            ndarray::ArcArray2::from_shape_vec((rows * steps, input), frames).expect("as many as there are");
        let frames = cpu.frames(&[frames]).expect("fits in memory");
        let batch = Batch {
            first: (0..rows).map(|row| (row * steps) as u32).collect(),
            lengths: vec![steps as u32; rows],
            labels: (0..rows).map(|row| (row % 2) as u32).collect(),
        };
        let mut update = 0;
        Box::new(move || {
            update += 1;
            let scalars = StepScalars { learning_rate: 1e-3, update };
            let turns: Vec<Turn> = (0..models).map(|fold| Turn { fold: fold as u32, scalars }).collect();
            let report = model.train(&frames, &batch, &turns).expect("a step");
            assert!(report.losses.iter().all(|loss| loss.is_finite()));
        })
    }
}

/// One recurrent layer and its buffers.
struct Pass {
    rnn: Rnn,
    layer: Layer,
    weights: Vec<f32>,
    x: Vec<f32>,
    lengths: Vec<u32>,
    y: Vec<f32>,
    last: Vec<f32>,
    d_last: Vec<f32>,
    d_weights: Vec<f32>,
}

impl Pass {
    fn new(work: &Work, cpu: &Cpu) -> Self {
        let (cell, dirs) = work.cell();
        let case = Case::new(cell, dirs, [work.batch, work.steps, work.input, work.hidden]);
        let (rnn, tensors) = (case.rnn, case.tensors());
        let single = |values: &[f64]| values.iter().map(|&v| v as f32).collect::<Vec<f32>>();
        let purpose = match work.mode {
            Mode::Infer => Purpose::Inference,
            _ => Purpose::Training { input_gradient: false },
        };
        // The gradient of 0.01 * sum(h_n), by `h` alone.
        let mut d_last = vec![0.0; rnn.state_len()];
        d_last[..rnn.state_len() / cell.states()].fill(0.01);
        let weights = single(&tensors.weights);
        let mut layer = cpu.rnn(&rnn, purpose).expect("fits in memory");
        cpu.rnn_load(&rnn, &weights, &mut layer).expect("its own weights");
        Pass {
            layer,
            x: single(&tensors.x),
            lengths: tensors.lengths,
            y: vec![0.0; rnn.y_len()],
            last: vec![0.0; rnn.state_len()],
            d_last,
            d_weights: vec![0.0; if work.mode == Mode::Train { weights.len() } else { 0 }],
            weights,
            rnn,
        }
    }

    /// Forward; for training with the weights taken anew, as after an optimiser's step, and backward.
    fn run(&mut self, cpu: &Cpu, train: bool) {
        let Pass { rnn, layer, weights, x, lengths, y, last, d_last, d_weights } = self;
        if train {
            cpu.rnn_load(rnn, weights, layer).expect("its own weights");
        }
        let forward = RnnForward { layer, keep: train, x, lengths, initial: None, y, last };
        cpu.rnn_forward(rnn, forward).expect("forward");
        if train {
            let backward = RnnBackward {
                layer,
                x,
                lengths,
                initial: None,
                y,
                dy: None,
                d_last: Some(d_last),
                dx: None,
                d_initial: None,
                d_weights,
            };
            cpu.rnn_backward(rnn, backward).expect("backward");
        }
    }
}

fn main() {
    // `peer THREADS [ISA]`: the driver sets the threads by the environment too, which is what Rayon reads.
    let cpu = std::env::args().nth(2).map_or_else(Cpu::new, |isa| {
        Cpu::with_isa(Isa::from_str(&isa, false).unwrap_or_else(|error| panic!("{error}")))
    });
    let mut prepared: Option<(Work, Box<dyn FnMut() + '_>)> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let request: Request = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let answer = match request {
            Request::Version => json!({
                "peer": "engine",
                "version": env!("CARGO_PKG_VERSION"),
                "device": cpu.describe(),
            }),
            Request::Time { case, seconds } => {
                if prepared.as_ref().is_none_or(|(ready, _)| *ready != case) {
                    // The old case first: its memory must not be there beside the new one's.
                    drop(prepared.take());
                    let mut run = case.prepare(&cpu);
                    warm_up(&mut run);
                    prepared = Some((case, run));
                }
                let (_, run) = prepared.as_mut().expect("prepared above");
                json!({ "ms": time(run, Duration::from_secs_f64(seconds)) })
            }
            Request::Memory { case } => {
                drop(prepared.take());
                memory(&case, &cpu)
            }
        };
        println!("{answer}");
    }
}

fn warm_up(run: &mut impl FnMut()) {
    let start = Instant::now();
    for _ in 0..2 {
        run();
    }
    while start.elapsed() < Duration::from_millis(100) {
        run();
    }
}

/// Milliseconds of each run, at least three.
fn time(run: &mut impl FnMut(), budget: Duration) -> Vec<f64> {
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || start.elapsed() < budget {
        let run_start = Instant::now();
        run();
        times.push(run_start.elapsed().as_secs_f64() * 1e3);
    }
    times
}

/// Resident memory before the first run, and the peak over three.
fn memory(case: &Work, cpu: &Cpu) -> Value {
    let mut run = case.prepare(cpu);
    let status = |field: &str| -> f64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
        let line = status.lines().find(|line| line.starts_with(field)).expect("a field of it");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("KiB") / 1024.0
    };
    let baseline = status("VmRSS:");
    std::fs::write("/proc/self/clear_refs", "5").expect("resets the peak");
    for _ in 0..3 {
        run();
    }
    json!({ "baseline_mib": baseline, "peak_mib": status("VmHWM:") })
}
