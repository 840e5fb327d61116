//! The `f64` reference against PyTorch in double precision: the same operations, another implementation.

use crate::support::curves::{self, CURVES, curve};
use crate::support::golden::{Golden, assert_close};
use engine::backend::Reference;
use engine::check::cases::{ConvCase, ConvSize, LossCase, RnnCase};
use engine::check::{AnyCase, Case, Tensors};
use engine::ops::{
    Cell, Device, Loss, Optimizer, OptimizerKind, OptimizerOperands, Rnn, RnnSize, StepScalars,
};

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

/// One layer of a golden file, between two runs of it.
struct Layer {
    case: RnnCase,
    tensors: Tensors,
    y: Vec<f64>,
}

fn recurrent(name: &str, cell: Cell, dirs: usize, layers: usize) {
    let golden = Golden::read(name);
    let lengths: Vec<u32> =
        golden.find("lengths").map_or(vec![T as u32; B], |l| l.iter().map(|&l| l as u32).collect());
    let mut stack: Vec<Layer> = Vec::new();
    for layer in 0..layers {
        let input = if layer == 0 { D } else { dirs * H };
        let case = RnnCase {
            initial: true,
            ..RnnCase::new(cell, dirs, RnnSize { batch: B, steps: T, input, hidden: H })
        };
        let weights = weight_names(layer, dirs).iter().flat_map(|name| golden.get(name).to_vec()).collect();
        let x = stack.last().map_or_else(|| swap_axes(golden.get("x"), [B, T, D]), |below| below.y.clone());
        let tensors = Tensors::default()
            .with("weights", weights)
            .with("x", x)
            .with("initial", state(&golden, ["h0", "c0"], layer, &case.rnn))
            .with("dy", vec![0.0; case.rnn.y_len()])
            .with("d_last", state(&golden, ["dh_n", "dc_n"], layer, &case.rnn))
            .with_words("lengths", lengths.clone());
        let outputs = case.run(&Reference::<f64>::default(), &tensors).unwrap();
        assert_close("last", &outputs["last"], &state(&golden, ["h_n", "c_n"], layer, &case.rnn), TOLERANCE);
        stack.push(Layer { case, tensors, y: outputs["y"].clone() });
    }
    let top = stack.last().unwrap();
    assert_close("y", &swap_axes(&top.y, [T, B, dirs * H]), golden.get("y"), TOLERANCE);

    // Again from the top down, with the gradient that comes from above.
    let mut dy = swap_axes(golden.get("dy"), [B, T, dirs * H]);
    for (layer, l) in stack.iter_mut().enumerate().rev() {
        l.tensors["dy"] = dy;
        let outputs = l.case.run(&Reference::<f64>::default(), &l.tensors).unwrap();
        let expected: Vec<f64> = weight_names(layer, dirs)
            .iter()
            .flat_map(|name| golden.get(&format!("grad.{name}")).to_vec())
            .collect();
        assert_close("weight gradients", &outputs["d_weights"], &expected, TOLERANCE);
        let expected = state(&golden, ["grad.h0", "grad.c0"], layer, &l.case.rnn);
        assert_close("initial state gradients", &outputs["d_initial"], &expected, TOLERANCE);
        dy = outputs["dx"].clone();
    }
    assert_close("input gradient", &swap_axes(&dy, [T, B, D]), golden.get("grad.x"), TOLERANCE);
}

/// Every golden file that is called after a cell: `bi` before its name for two directions, `2` behind it for
/// two layers.
#[test]
fn recurrent_layers_equal_pytorch() {
    let files = Golden::all();
    for cell in Cell::ALL {
        let mut found = 0;
        for file in &files {
            let (dirs, name) = file.strip_prefix("bi").map_or((1, file.as_str()), |name| (2, name));
            let Some(rest) = name.strip_prefix(cell.name()) else { continue };
            if let Some((_, layers)) =
                [("", 1), ("2", 2), ("_lengths", 1)].iter().find(|(kind, _)| *kind == rest)
            {
                recurrent(file, cell, dirs, *layers);
                found += 1;
            }
        }
        assert!(found > 0, "no golden file of {}", cell.name());
    }
}

#[test]
fn operations_equal_pytorch_name_by_name() {
    for (name, case) in AnyCase::goldens() {
        let (golden, mut tensors) = (Golden::read(name), case.tensors());
        tensors.reals.iter_mut().for_each(|(name, values)| *values = golden.get(name).to_vec());
        for (name, words) in &mut tensors.words {
            *words = golden.get(name).iter().map(|&word| word as u32).collect();
        }
        let outputs = case.run(&Reference::<f64>::default(), &tensors).unwrap();
        for output in outputs.names() {
            assert_close(output, &outputs[output], golden.get(output), TOLERANCE);
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
        let loss = Loss { models: 1, batch: 6, classes: 3, smoothing };
        let case = LossCase { loss, weighted, scale: 1.0 };
        let tensors = Tensors::default()
            .with("logits", logits.clone())
            .with("class_weights", class_weights)
            .with_words("labels", labels.clone())
            .with_words("lengths", vec![1; 6]);
        let outputs = case.run(&Reference::<f64>::default(), &tensors).unwrap();
        assert_close(variant, &outputs["losses"], golden.get(&format!("{variant}.loss")), TOLERANCE);
        assert_close(variant, &outputs["d_logits"], golden.get(&format!("{variant}.grad.logits")), TOLERANCE);
    }
}

#[test]
fn optimizers_equal_pytorch() {
    for (name, kind) in [("adam", OptimizerKind::Adam), ("adamw", OptimizerKind::Adamw)] {
        let golden = Golden::read(name);
        let optimizer = curves::optimizer(kind, 7);
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
            Reference::<f64>::default().run::<Optimizer>(&optimizer, operands).unwrap();
            assert_close(name, &weights, &both("params.a", "params.b", step), TOLERANCE);
            assert_close(name, &norms, &golden.get("norms")[step..=step], TOLERANCE);
        }
    }
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
    let case = ConvCase::new(ConvSize { batch: B, steps: 9, input: D, filters: 5, kernel: 3 });
    let s = &case.conv;
    let tensors = Tensors::default()
        .with("weights", [golden.get("weight"), golden.get("bias")].concat())
        .with("x", swap_axes(golden.get("x"), [B, 9, D]))
        .with("dy", swap_axes(golden.get("dy"), [B, s.out_steps(), 5]))
        .with_words("lengths", vec![9; B]);
    let outputs = case.run(&Reference::<f64>::default(), &tensors).unwrap();
    let d_weights = &outputs["d_weights"];
    assert_close("y", &swap_axes(&outputs["y"], [s.out_steps(), B, 5]), golden.get("y"), TOLERANCE);
    assert_close("dx", &swap_axes(&outputs["dx"], [9, B, D]), golden.get("grad.x"), TOLERANCE);
    assert_close("weight", &d_weights[..s.bias(0)], golden.get("grad.weight"), TOLERANCE);
    assert_close("bias", &d_weights[s.bias(0)..], golden.get("grad.bias"), TOLERANCE);
}
