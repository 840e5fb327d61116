//! Predicted training steps: for every shape of the record the time loops, within the stated error; and by
//! the program, on a machine without CUDA.

use crate::support::program::{Call, command, engine, folder};
use engine::backend::Prediction;
use engine::backend::cuda::{Cuda, Recorder, predict};
use engine::model::TrainingStep;
use engine::ops::{Cell, LayerSpec, Network, Pooling, Precision};
use serde_json::Value;
use std::path::Path;

/// The profiles of an H200, which has the multiprocessors of an H100.
const RECORD: &str = "benches/runs/2026-11-27-h200/profiles";

/// Microseconds that a pair of events adds to a launch in a queue, 3.168 to 2.004: latencies.json of the
/// first record.
const EVENTS: f64 = 3.168 - 2.004;

/// A training step of a network of one layer, with 160 features and two classes.
fn predicted(cell: Cell, hidden: usize, precision: Precision, sizes: [usize; 3]) -> Prediction {
    let [models, batch, steps] = sizes;
    let network = Network {
        features: 160,
        convs: Vec::new(),
        layers: vec![LayerSpec::new(cell, hidden, 1)],
        pool: Pooling::Last,
        dense: None,
        dropout: 0.2,
        classes: 2,
    };
    let cuda = Cuda::new(Recorder::default(), precision).without_graphs();
    let mut step = TrainingStep::new(&cuda, &network, models, batch, steps).unwrap();
    cuda.executor().take();
    step.run().unwrap();
    predict(&cuda.executor().take()).unwrap()
}

/// Whether a launch belongs to a time loop.
fn is_of_time_loop(label: &str) -> bool {
    label.starts_with("rnn forward") || label.starts_with("rnn backward")
}

/// The measured microseconds of the time loops of a training step, without what the events add.
fn measured(name: &str) -> f64 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORD).join(format!("{name}.json"));
    let profile: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let of = |kernel: &Value| {
        1e3 * kernel["total_ms"].as_f64().unwrap() - EVENTS * kernel["launches"].as_f64().unwrap()
    };
    let kernels = profile["kernels"].as_array().unwrap().iter();
    let time_loops = kernels.filter(|kernel| is_of_time_loop(kernel["name"].as_str().unwrap()));
    time_loops.map(of).sum::<f64>() / profile["iterations"].as_f64().unwrap()
}

#[test]
fn the_time_loops_of_the_record_are_within_the_stated_error_and_the_error_is_not_much_larger() {
    let mut shapes = Vec::new();
    for cell in [Cell::Lstm, Cell::Gru] {
        for hidden in [64, 128, 256] {
            for precision in [Precision::Bf16, Precision::Tf32] {
                let name = format!("{}-{hidden}-{}", cell.name(), precision.name());
                shapes.push((name, predicted(cell, hidden, precision, [1, 256, 128])));
            }
        }
    }
    for folds in [1, 8, 32] {
        let prediction = predicted(Cell::Lstm, 64, Precision::Bf16, [folds, 32, 60]);
        shapes.push((format!("folds-{folds}-bf16"), prediction));
    }
    let (mut text, mut largest, stated) = (String::new(), 0f64, shapes[0].1.error);
    for (name, prediction) in &shapes {
        assert!(prediction.launches.iter().all(|launch| launch.has_record), "{name}");
        let time_loops = prediction.launches.iter().filter(|launch| is_of_time_loop(launch.kernel));
        let us: f64 = time_loops.map(|launch| launch.us).sum();
        let ratio = us / measured(name);
        largest = largest.max((ratio - 1.0).abs());
        text.push_str(&format!("{name:<14} {us:>7.1} us predicted, {ratio:.2} of the measured time\n"));
    }
    println!("{text}");
    assert!(largest <= stated && stated <= largest + 0.1, "{largest} off, {stated} stated:\n{text}");
}

#[test]
fn the_program_predicts_without_a_driver() {
    let folder = folder();
    let without_cuda = |arguments: &str| {
        let mut command = command(folder.path(), &format!("profile --backend cuda --predict {arguments}"));
        Call::of(command.env_remove("LD_LIBRARY_PATH").output().unwrap())
    };
    let study = without_cuda("--preset study-gru").ends(0, &[]).out;
    for part in [
        "convolution",
        "rnn forward, persistent",
        "total",
        "not a measurement; off by up to",
        "its error is unknown",
    ] {
        assert!(study.contains(part), "no {part} in {study}");
    }
    let inference = without_cuda("--precision bf16 --hidden 300 --inference --json").ends(0, &[]).out;
    let answer: Value = serde_json::from_str(&inference).unwrap();
    assert_eq!(answer["is_prediction"], true);
    let kernels = answer["kernels"].as_array().unwrap();
    let of = |name: &str| kernels.iter().find(|kernel| kernel["name"] == name);
    assert_eq!(of("rnn forward, step").unwrap()["launches"], 60);
    assert!(of("weight gradient").is_none());
    let sum: f64 = kernels.iter().map(|kernel| kernel["total_us"].as_f64().unwrap()).sum();
    assert!((sum - answer["total_us"].as_f64().unwrap()).abs() < 1e-6);
}

#[test]
fn what_cannot_be_predicted_is_refused_with_a_way_out() {
    let folder = folder();
    let refused = |arguments: &str, code, parts: &[&str]| {
        engine(folder.path(), &format!("profile --predict {arguments}")).ends(code, parts);
    };
    refused(
        "",
        2,
        &["--predict is for the backend `cuda`, but the backend is `cpu`", "use `--backend cuda`"],
    );
    refused("--backend cuda --trace trace.json", 2, &["--predict", "--trace"]);
    refused("--backend cuda --preset study-gru --hidden 8", 2, &["--preset", "--hidden"]);
    refused("--backend cuda --gemm cublaslt", 2, &["cuBLASLt", "use `--gemm own`"]);
}
