//! The `f64` reference against PyTorch in double precision: the same operations, another implementation.

use crate::golden::{Golden, assert_close};
use engine::backend::{Backend, Reference};
use engine::model::{Batch, Extent, Model, Training, Turn};
use engine::ops::{
    Cell, Conv, ConvBackward, ConvForward, ConvSpec, EpsPlacement, LayerSpec, Loss, LossOperands, Network,
    Optimizer, OptimizerKind, OptimizerOperands, PoolKind, Rnn, RnnBackward, RnnForward, Slab, StepScalars,
};
use engine::reference;

const TOLERANCE: f64 = 1e-10;
/// Sizes of the recurrent goldens.
const B: usize = 3;
const T: usize = 5;
const D: usize = 4;
const H: usize = 3;

/// `(B, T, F)`, PyTorch's batch-first order, to `(T, B, F)` or back.
fn swap_axes(values: &[f64], [a, b, f]: [usize; 3]) -> Vec<f64> {
    assert_eq!(values.len(), a * b * f);
    (0..b).flat_map(|j| (0..a).flat_map(move |i| values[(i * b + j) * f..][..f].iter().copied())).collect()
}

/// One layer of a golden file and what it keeps between forward and backward.
struct Layer {
    rnn: Rnn,
    initial: Vec<f64>,
    x: Vec<f64>,
    y: Vec<f64>,
    last: Vec<f64>,
    device: reference::Layer<f64>,
}

/// The names of a layer's weights, in the order of the flat buffer.
fn weight_names(layer: usize, dirs: usize) -> Vec<String> {
    let suffixes = ["", "_reverse"].into_iter().take(dirs);
    let kinds = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"];
    suffixes.flat_map(|suffix| kinds.map(|kind| format!("{kind}_l{layer}{suffix}"))).collect()
}

/// Layer `layer` of a state `(layers*dirs, B, H)`, the vectors `h` and `c` one after the other.
fn state(golden: &Golden, [h, c]: [&str; 2], layer: usize, rnn: &Rnn) -> Vec<f64> {
    let each = rnn.dirs * B * H;
    let names = [h, c].into_iter().take(rnn.cell.states());
    names.flat_map(|name| golden.get(name)[layer * each..][..each].to_vec()).collect()
}

fn recurrent(name: &str, cell: Cell, dirs: usize, layers: usize) {
    let golden = Golden::read(name);
    let lengths: Vec<u32> =
        golden.find("lengths").map_or(vec![T as u32; B], |l| l.iter().map(|&l| l as u32).collect());
    let mut stack: Vec<Layer> = Vec::new();
    for layer in 0..layers {
        let input = if layer == 0 { D } else { dirs * H };
        let mut rnn = Rnn {
            cell,
            models: 1,
            batch: B,
            steps: T,
            input,
            hidden: H,
            dirs,
            biases: 2,
            weights: Slab { offset: 0, stride: 0 },
        };
        rnn.weights.stride = rnn.params();
        let weights: Vec<f64> =
            weight_names(layer, dirs).iter().flat_map(|name| golden.get(name).to_vec()).collect();
        let x = match stack.last() {
            None => swap_axes(golden.get("x"), [B, T, D]),
            Some(below) => below.y.clone(),
        };
        let initial = state(&golden, ["h0", "c0"], layer, &rnn);
        let [mut y, mut last] = [rnn.y_len(), rnn.state_len()].map(|len| vec![f64::NAN; len]);
        let mut device = reference::Layer::new(&rnn);
        device.weights = weights;
        let operands = RnnForward {
            layer: &mut device,
            keep: true,
            x: &x,
            lengths: &lengths,
            initial: Some(&initial),
            y: &mut y,
            last: &mut last,
        };
        reference::rnn_forward(&rnn, operands);
        assert_close("last", &last, &state(&golden, ["h_n", "c_n"], layer, &rnn), TOLERANCE);
        stack.push(Layer { rnn, device, initial, x, y, last });
    }
    let top = stack.last().unwrap();
    assert_close("y", &swap_axes(&top.y, [T, B, dirs * H]), golden.get("y"), TOLERANCE);

    let mut dy = swap_axes(golden.get("dy"), [B, T, dirs * H]);
    for (layer, l) in stack.iter_mut().enumerate().rev() {
        let d_last = state(&golden, ["dh_n", "dc_n"], layer, &l.rnn);
        let (mut dx, mut d_initial) = (vec![f64::NAN; l.rnn.x_len()], vec![f64::NAN; l.last.len()]);
        let mut d_weights = vec![f64::NAN; l.rnn.params()];
        let operands = RnnBackward {
            layer: &mut l.device,
            x: &l.x,
            lengths: &lengths,
            initial: Some(&l.initial),
            y: &l.y,
            dy: Some(&dy),
            d_last: Some(&d_last),
            dx: Some(&mut dx),
            d_initial: Some(&mut d_initial),
            d_weights: &mut d_weights,
        };
        reference::rnn_backward(&l.rnn, operands);
        let expected: Vec<f64> = weight_names(layer, dirs)
            .iter()
            .flat_map(|name| golden.get(&format!("grad.{name}")).to_vec())
            .collect();
        assert_close("weight gradients", &d_weights, &expected, TOLERANCE);
        let expected = state(&golden, ["grad.h0", "grad.c0"], layer, &l.rnn);
        assert_close("initial state gradients", &d_initial, &expected, TOLERANCE);
        dy = dx;
    }
    assert_close("input gradient", &swap_axes(&dy, [T, B, D]), golden.get("grad.x"), TOLERANCE);
}

#[test]
fn recurrent_layers_equal_pytorch() {
    for cell in Cell::ALL {
        for (prefix, dirs) in [("", 1), ("bi", 2)] {
            let name = format!("{prefix}{}", cell.name());
            recurrent(&name, cell, dirs, 1);
            recurrent(&format!("{name}2"), cell, dirs, 2);
            recurrent(&format!("{name}_lengths"), cell, dirs, 1);
        }
    }
}

#[test]
fn cross_entropy_equals_pytorch() {
    let golden = Golden::read("loss");
    let logits = golden.get("logits").to_vec();
    let labels: Vec<u32> = golden.get("labels").iter().map(|&l| l as u32).collect();
    let variants = [
        ("plain", 0.0, false),
        ("weighted", 0.0, true),
        ("smoothed", 0.1, false),
        ("weighted_smoothed", 0.1, true),
    ];
    for (variant, smoothing, weighted) in variants {
        let class_weights = if weighted { golden.get("weights").to_vec() } else { vec![1.0; 3] };
        let (mut losses, mut d_logits) = (vec![f64::NAN], vec![f64::NAN; logits.len()]);
        let operands = LossOperands {
            logits: &logits,
            labels: &labels,
            lengths: &vec![1; 6],
            class_weights: &class_weights,
            losses: &mut losses,
            row: 0,
            d_logits: &mut d_logits,
        };
        reference::loss(&Loss { models: 1, batch: 6, classes: 3, smoothing }, operands);
        assert_close(variant, &losses, golden.get(&format!("{variant}.loss")), TOLERANCE);
        assert_close(variant, &d_logits, golden.get(&format!("{variant}.grad.logits")), TOLERANCE);
    }
}

fn optimizer(kind: OptimizerKind, params: usize) -> Optimizer {
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

#[test]
fn optimisers_equal_pytorch() {
    for (name, kind) in [("adam", OptimizerKind::Adam), ("adamw", OptimizerKind::Adamw)] {
        let golden = Golden::read(name);
        let optimizer = optimizer(kind, 7);
        let both = |a: &str, b: &str, step: usize| -> Vec<f64> {
            [&golden.get(a)[step * 4..][..4], &golden.get(b)[step * 3..][..3]].concat()
        };
        let mut weights = both("initial.a", "initial.b", 0);
        let (mut first_moment, mut second_moment, mut norms) = (vec![0.0; 7], vec![0.0; 7], vec![f64::NAN]);
        for step in 0..5 {
            let scalars =
                StepScalars { learning_rate: 0.01, update: step as u64 + 1 }.pack(&optimizer).to_vec();
            let operands = OptimizerOperands {
                weights: &mut weights,
                gradients: &both("grad.a", "grad.b", step),
                first_moment: &mut first_moment,
                second_moment: &mut second_moment,
                scalars: &scalars,
                norms: &mut norms,
                row: 0,
            };
            reference::optimize(&optimizer, operands);
            assert_close(name, &weights, &both("params.a", "params.b", step), TOLERANCE);
            assert_close(name, &norms, &golden.get("norms")[step..=step], TOLERANCE);
        }
    }
}

/// Goldens of whole trainings.
pub const CURVES: [&str; 3] = ["curve", "curve_last", "curve_conv"];

/// Ten training steps of a golden `curve` on `backend`: losses, then the final weights.
pub fn curve<B: Backend>(backend: &B, name: &str) -> (Vec<f64>, Vec<f64>) {
    let golden = Golden::read(name);
    let layer = |cell, dirs| LayerSpec::new(cell, 5, dirs);
    let network = match name {
        "curve" => Network {
            features: 4,
            convs: Vec::new(),
            layers: vec![layer(Cell::Lstm, 2)],
            pool: PoolKind::Mean,
            dense: None,
            dropout: 0.0,
            classes: 3,
        },
        "curve_conv" => Network {
            features: 4,
            convs: vec![ConvSpec { filters: 6, kernel: 3 }, ConvSpec { filters: 5, kernel: 2 }],
            layers: vec![layer(Cell::Lstm, 2)],
            pool: PoolKind::Last,
            dense: Some(6),
            dropout: 0.0,
            classes: 3,
        },
        _ => Network {
            features: 4,
            convs: Vec::new(),
            layers: vec![layer(Cell::Gru, 1); 2],
            pool: PoolKind::Last,
            dense: Some(6),
            dropout: 0.0,
            classes: 3,
        },
    };
    let training = Training {
        optimizer: optimizer(OptimizerKind::Adamw, network.params()),
        smoothing: 0.0,
        class_weights: vec![1.0; 3],
        seed: 0,
    };
    let steps = golden.get("x").len() / (8 * 4);
    let extent = Extent { models: 1, batch: 8, steps, stat_steps: 1 };
    let mut model = Model::new(backend, &network, extent, Some(training)).unwrap();
    let flat = |prefix: &str| -> Vec<f64> {
        let names = network.parameters().into_iter().map(|p| format!("{prefix}{}", p.name));
        names.flat_map(|name| golden.get(&name).to_vec()).collect()
    };
    model.set_weights(&flat("").iter().map(|&w| w as f32).collect::<Vec<_>>()).unwrap();
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
            let turn = Turn { fold: 0, scalars: StepScalars { learning_rate: 0.01, update } };
            model.train(&frames, &batch, &[turn]).unwrap();
            model.reports().unwrap()[0].losses[0]
        })
        .collect();
    (losses, model.weights().unwrap().into_iter().map(f64::from).collect())
}

#[test]
fn ten_training_steps_equal_pytorch() {
    for name in CURVES {
        let (losses, _) = curve(&Reference::<f64>::default(), name);
        assert_close(name, &losses, Golden::read(name).get("losses"), TOLERANCE);
    }
}

#[test]
fn convolution_blocks_equal_pytorch() {
    let golden = Golden::read("conv");
    let spec = ConvSpec { filters: 5, kernel: 3 };
    let mut s =
        Conv { models: 1, batch: B, steps: 9, input: D, spec, weights: Slab { offset: 0, stride: 0 } };
    s.weights.stride = s.params();
    let weights = [golden.get("weight"), golden.get("bias")].concat();
    let (x, dy) = (swap_axes(golden.get("x"), [B, 9, D]), swap_axes(golden.get("dy"), [B, s.out_steps(), 5]));
    let lengths = vec![9; B];
    let [mut y, mut winners] = [(); 2].map(|()| vec![f64::NAN; s.y_len()]);
    let (mut dx, mut d_weights) = (vec![f64::NAN; s.x_len()], vec![f64::NAN; s.params()]);
    let forward =
        ConvForward { weights: &weights, x: &x, lengths: &lengths, y: &mut y, winners: Some(&mut winners) };
    reference::conv_forward(&s, forward);
    let backward = ConvBackward {
        weights: &weights,
        x: &x,
        lengths: &lengths,
        winners: &winners,
        dy: &dy,
        dx: Some(&mut dx),
        d_weights: &mut d_weights,
    };
    reference::conv_backward(&s, backward);
    assert_close("y", &swap_axes(&y, [s.out_steps(), B, 5]), golden.get("y"), TOLERANCE);
    assert_close("dx", &swap_axes(&dx, [9, B, D]), golden.get("grad.x"), TOLERANCE);
    assert_close("weight", &d_weights[..s.bias(0)], golden.get("grad.weight"), TOLERANCE);
    assert_close("bias", &d_weights[s.bias(0)..], golden.get("grad.bias"), TOLERANCE);
}
