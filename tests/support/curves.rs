//! Ten training steps of the networks whose losses are in `golden/`.

#[cfg(any(feature = "cuda", feature = "wgpu"))]
use super::conformance::within;
use super::golden::Golden;
use engine::backend::Backend;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use engine::backend::Reference;
use engine::model::{Batch, Extent, StepInput, Trainer, Training};
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use engine::ops::{Approximate, Precision};
use engine::ops::{
    Cell, ConvSpec, EpsPlacement, LayerSpec, Network, Optimizer, OptimizerKind, Pooling, StepScalars,
};

/// The optimizer of every golden training.
pub fn optimizer(kind: OptimizerKind, params: usize) -> Optimizer {
    Optimizer {
        kind,
        models: 1,
        params,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        eps_placement: EpsPlacement::AfterCorrection,
        weight_decay: 0.01,
        clip: 1.0,
    }
}

/// Goldens of whole trainings.
pub const CURVES: [&str; 4] = ["curve", "curve_last", "curve_conv", "curve_attention"];

/// Ten training steps of a golden `curve` on `backend`: losses, then the final weights.
pub fn curve<B: Backend>(backend: &B, name: &str) -> (Vec<f64>, Vec<f64>) {
    let golden = Golden::read(name);
    let layer = |cell, dirs| LayerSpec::new(cell, 5, dirs);
    let network = match name {
        "curve" => Network {
            features: 4,
            convs: Vec::new(),
            layers: vec![layer(Cell::Lstm, 2)],
            pool: Pooling::Mean,
            dense: None,
            dropout: 0.0,
            classes: 3,
        },
        "curve_attention" => Network {
            features: 4,
            convs: Vec::new(),
            layers: vec![layer(Cell::Gru, 2)],
            pool: Pooling::Attention,
            dense: Some(6),
            dropout: 0.0,
            classes: 3,
        },
        "curve_conv" => Network {
            features: 4,
            convs: vec![ConvSpec { filters: 6, kernel: 3 }, ConvSpec { filters: 5, kernel: 2 }],
            layers: vec![layer(Cell::Lstm, 2)],
            pool: Pooling::Last,
            dense: Some(6),
            dropout: 0.0,
            classes: 3,
        },
        _ => Network {
            features: 4,
            convs: Vec::new(),
            layers: vec![layer(Cell::Gru, 1); 2],
            pool: Pooling::Last,
            dense: Some(6),
            dropout: 0.0,
            classes: 3,
        },
    };
    let training = Training {
        optimizer: optimizer(OptimizerKind::Adamw, network.params()),
        smoothing: 0.0,
        class_weights: vec![1.0; 3],
        seeds: vec![0],
    };
    let steps = golden.get("x").len() / (8 * 4);
    let extent = Extent { models: 1, batch: 8, steps, stat_steps: 1 };
    let mut trainer = Trainer::new(backend, &network, extent, training).unwrap();
    let flat = |prefix: &str| -> Vec<f64> {
        let names = network.parameters().into_iter().map(|p| format!("{prefix}{}", p.name));
        names.flat_map(|name| golden.get(&name).to_vec()).collect()
    };
    trainer.model_mut().set_weights(&flat("").iter().map(|&w| w as f32).collect::<Vec<_>>()).unwrap();
    // The batch as a frame table, row after row.
    let x: Vec<f32> = golden.get("x").iter().map(|&x| x as f32).collect();
    let frames = backend.frames(&[ndarray::ArcArray2::from_shape_vec((8 * steps, 4), x).unwrap()]).unwrap();
    let batch = Batch {
        first: (0..8).map(|b| b * steps as u32).collect(),
        lengths: vec![steps as u32; 8],
        labels: golden.get("labels").iter().map(|&l| l as u32).collect(),
    };
    let losses = (1..=10)
        .map(|update| {
            let turn = StepInput { fold: 0, scalars: StepScalars { learning_rate: 0.01, update } };
            let due = trainer.train(&frames, &batch, &[turn]).unwrap();
            [due, trainer.reports().unwrap()].concat()[0].losses[0]
        })
        .collect();
    (losses, trainer.model().weights().unwrap().into_iter().map(f64::from).collect())
}

/// The losses and weights of ten training steps on `device` stay within four times the error of the reference
/// with the rounding of this precision. The optimizer divides a gradient by its own magnitude. Where the
/// gradient is below the rounding error, a weight moves by a whole step in either direction. So one run of
/// the rounded reference is too few; of several the one with the largest error counts.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub fn curve_within<B: Backend>(device: &B, name: &str) {
    let (truth, weights) = curve(&Reference::<f64>::default(), name);
    let samples = match device.precision() {
        Precision::Fp32 => vec![curve(&Reference::<Approximate<23>>::default(), name)],
        Precision::Tf32 => vec![
            curve(&Reference::<Approximate<10>>::default(), name),
            curve(&Reference::<Approximate<10, 8, 0x85EB_CA6B>>::default(), name),
            curve(&Reference::<Approximate<10, 8, 0xC2B2_AE35>>::default(), name),
        ],
        Precision::Bf16 => vec![
            curve(&Reference::<Approximate<7>>::default(), name),
            curve(&Reference::<Approximate<7, 8, 0x85EB_CA6B>>::default(), name),
            curve(&Reference::<Approximate<7, 8, 0xC2B2_AE35>>::default(), name),
        ],
        Precision::F16 => vec![
            curve(&Reference::<Approximate<10, 5>>::default(), name),
            curve(&Reference::<Approximate<10, 5, 0x85EB_CA6B>>::default(), name),
            curve(&Reference::<Approximate<10, 5, 0xC2B2_AE35>>::default(), name),
        ],
    };
    let farthest = |samples: Vec<Vec<f64>>, truth: &[f64]| {
        let distance = |a: &[f64]| a.iter().zip(truth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        samples.into_iter().max_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap()
    };
    let (own_losses, own_weights) = samples.into_iter().unzip();
    let (losses, found) = curve(device, name);
    within(&losses, &truth, &farthest(own_losses, &truth));
    within(&found, &weights, &farthest(own_weights, &weights));
}
