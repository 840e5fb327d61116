//! The presets against Keras, where the study's networks come from: the training loss from the same weights.

use engine::backend::Backend;
use engine::backend::cpu::Cpu;
use engine::config::Preset;
use engine::model::{Batch, Extent, StepInput, Trainer, Training};
use engine::ops::{EpsPlacement, Network, Optimizer, StepScalars};

/// `hash32` of tools/golden_keras.py.
fn hash32(i: usize, k: usize) -> u32 {
    let u =
        (i as u32 + 1).wrapping_mul(2_654_435_761).wrapping_add((k as u32 + 1).wrapping_mul(2_246_822_519));
    let u = (u ^ (u >> 15)).wrapping_mul(2_246_822_519);
    u ^ (u >> 13)
}

/// `numbers` of tools/golden_keras.py.
fn numbers(len: usize, k: usize, fan: usize) -> impl Iterator<Item = f32> {
    let number = move |i| (2.0 * (f64::from(hash32(i, k)) / 4_294_967_296.0) - 1.0) / (fan as f64).sqrt();
    (0..len).map(move |i| number(i) as f32)
}

const WINDOWS: usize = 8;
const STEPS: usize = 256;
const CHANNELS: usize = 37;

/// The losses of eight full-batch steps, each before its update.
fn losses<B: Backend>(backend: &B, preset: Preset, eps_placement: EpsPlacement) -> Vec<f64> {
    let config = preset.config();
    let network = Network { dropout: 0.0, ..config.network.network(CHANNELS, 4) };
    let spec = config.train_spec();
    let optimizer = Optimizer {
        kind: spec.optimizer,
        models: 1,
        params: network.params(),
        beta1: 0.9,
        beta2: 0.999,
        eps: spec.eps,
        eps_placement,
        weight_decay: spec.weight_decay,
        clip: spec.clip,
    };
    let training = Training {
        optimizer,
        smoothing: spec.smoothing,
        class_weights: vec![1.0; 4],
        seeds: vec![spec.seed],
    };
    let extent = Extent { models: 1, batch: WINDOWS, steps: STEPS, stat_steps: 1 };
    let mut trainer = Trainer::new(backend, &network, extent, training).unwrap();
    let weights = network.parameters().into_iter().enumerate().flat_map(|(k, parameter)| {
        let fan = match parameter.shape[1..] {
            [] => parameter.shape[0],
            ref row => row.iter().product(),
        };
        numbers(parameter.count(), k, fan)
    });
    trainer.model_mut().set_weights(&weights.collect::<Vec<_>>()).unwrap();
    let x = numbers(WINDOWS * STEPS * CHANNELS, 1000, 1).collect();
    let frames = ndarray::ArcArray2::from_shape_vec((WINDOWS * STEPS, CHANNELS), x).unwrap();
    let frames = backend.frames(&[frames]).unwrap();
    let batch = Batch {
        first: (0..WINDOWS).map(|n| (n * STEPS) as u32).collect(),
        lengths: vec![STEPS as u32; WINDOWS],
        labels: (0..WINDOWS).map(|n| (n % 4) as u32).collect(),
    };
    let step = |update| {
        let turn = StepInput { fold: 0, scalars: StepScalars { learning_rate: spec.learning_rate, update } };
        let due = trainer.train(&frames, &batch, &[turn]).unwrap();
        [due, trainer.reports().unwrap()].concat()[0].losses[0]
    };
    (1..=8).map(step).collect()
}

#[test]
fn the_presets_follow_keras_training_loss() {
    // From the root of the repository, where tests run.
    let golden: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string("tests/golden/keras.json").unwrap()).unwrap();
    for preset in Preset::ALL {
        let theirs: Vec<f64> = serde_json::from_value(golden["losses"][preset.name()].clone()).unwrap();
        assert_eq!(theirs.len(), 8);
        let placement = preset.config().train_spec().eps_placement;
        let ours = losses(&Cpu::new(), preset, placement);
        for (step, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert!((ours - theirs).abs() <= 1e-5, "{} step {step}: {ours}, Keras {theirs}", preset.name());
        }
        assert!(theirs[7] < theirs[0] - 0.01, "{} learns", preset.name());
        let others = losses(&Cpu::new(), preset, EpsPlacement::AfterCorrection);
        let farthest = others.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(farthest > 1e-4, "{}: PyTorch's place of eps is {farthest:e} off", preset.name());
    }
}
