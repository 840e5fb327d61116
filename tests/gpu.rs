//! WGSL on every adapter there is, against the reference; `tools/test` brings two software drivers.

mod activation;

use crate::support::conformance::{conforms, dropout_is_exact, others, together_and_alone};
use crate::support::curves::{CURVES, curve_within};
use crate::support::training;
use engine::backend::Algorithm;
use engine::backend::wgpu::{Format, Tuning, Wgpu, adapters, fits};
use engine::backend::{Backend, Reference};
use engine::check::cases::{ConvCase, ConvSize, RnnCase, conv, rnn};
use engine::check::{self, AnyCase, Case};
use engine::ops::{
    Cell, Device, Precision, Purpose, RnnBackward, RnnBackwardOperands, RnnForward, RnnForwardOperands,
    RnnLoad, RnnLoadOperands, RnnSize,
};
use std::sync::LazyLock;

/// Every adapter, opened once: kernels are compiled once per device.
static DEVICES: LazyLock<Vec<Wgpu>> = LazyLock::new(|| open(|device| device));

/// The same with recurrent layers in `f16`.
static DEVICES_F16: LazyLock<Vec<Wgpu>> = LazyLock::new(|| open(|device| device.storing(Format::F16)));

/// Every adapter, opened anew.
fn open(tuned: impl Fn(Wgpu) -> Wgpu) -> Vec<Wgpu> {
    let devices: Vec<Wgpu> = adapters().into_iter().map(|adapter| tuned(adapter.open().unwrap())).collect();
    assert!(!devices.is_empty(), "no adapter: set VK_DRIVER_FILES, or use tools/test");
    devices
}

/// Every adapter with recurrent layers of each format.
fn open_in_each_format() -> Vec<Wgpu> {
    Format::ALL.into_iter().flat_map(|format| open(|device| device.storing(format))).collect()
}

/// Recurrent layers for a device: in `f16` a fifth of them, and all of a few units. Its kernels differ by how
/// they store vectors alone.
fn some_of_the_table(device: &Wgpu) -> Vec<RnnCase> {
    let is_f16 = device.precision() == Precision::F16;
    let cases = rnn::table().into_iter().enumerate();
    cases.filter(|(i, case)| !is_f16 || i % 5 == 0 || case.rnn.hidden <= 17).map(|(_, case)| case).collect()
}

fn assert_conforms(device: &Wgpu, cases: &[RnnCase]) {
    let cases: Vec<AnyCase> = cases.iter().cloned().map(AnyCase::Rnn).collect();
    conforms(device, &cases);
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn every_adapter_keeps_the_bounds_of_the_table() {
    let devices = DEVICES.iter().chain(DEVICES_F16.iter());
    devices.for_each(|device| assert_conforms(device, &rnn::table()));
}

/// Software devices never choose the registers themselves.
#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn persistent_layers_keep_their_bounds_up_to_the_widest() {
    for mut device in open_in_each_format() {
        // One driver takes seconds to compile a wide one, and is not asked to.
        let widest = if device.describe().contains("llvmpipe") { 24 } else { 80 };
        let mut cases = some_of_the_table(&device);
        for (cell, hidden) in [(Cell::Lstm, 64), (Cell::Gru, 80)] {
            cases.push(RnnCase {
                ragged: true,
                initial: true,
                ..RnnCase::new(cell, 2, RnnSize { batch: 9, steps: 5, input: 6, hidden }).models(2)
            });
        }
        cases.retain(|case| case.rnn.hidden <= widest);
        let mut some = cases.clone();
        some.retain(|case| case.rnn.hidden <= 9 || case.rnn.hidden >= 64);
        // Large tiles and most rows, two rows, small tiles and one row.
        for (workgroups, cases) in [(0, &cases), (24, &some), (usize::MAX, &some)] {
            device = device.tuned(persistent(workgroups));
            assert_conforms(&device, cases);
        }
    }
}

/// As halves they are half as large. SwiftShader has too few invocations for them.
#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn weights_of_128_units_stay_in_registers_as_halves() {
    let mut found = 0;
    for device in open(|device| device.storing(Format::F16).tuned(persistent(usize::MAX))) {
        let size = |hidden| RnnSize { batch: 3, steps: 5, input: 6, hidden };
        let case =
            |cell, hidden| RnnCase { ragged: true, initial: true, ..RnnCase::new(cell, 1, size(hidden)) };
        let mut cases = vec![case(Cell::Lstm, 128), case(Cell::Gru, 121)];
        cases.retain(|case| fits(Algorithm::Persistent, &case.rnn, &device.target()));
        assert_conforms(&device, &cases);
        found += cases.len();
    }
    assert!(found >= 2, "no adapter has 512 invocations a workgroup: tools/test brings one");
}

fn persistent(workgroups: usize) -> Tuning {
    let algorithm = Some(Algorithm::Persistent);
    Tuning { algorithm, workgroups: Some(workgroups), ..Tuning::default() }
}

/// So that it may follow from how many models are trained together.
#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn the_number_of_workgroups_changes_no_bit() {
    // At the floor, 72 units have three parts of the depth, where others have four.
    let floor = adapters().into_iter().map(|adapter| (adapter.open_at_floor().unwrap(), 72));
    for (mut device, hidden) in open_in_each_format().into_iter().map(|device| (device, 9)).chain(floor) {
        for cell in Cell::ALL {
            let size = RnnSize { batch: 9, steps: 5, input: 6, hidden };
            let case = RnnCase { ragged: true, initial: true, ..RnnCase::new(cell, 2, size).models(2) };
            let mut runs = Vec::new();
            for workgroups in [0, 24, usize::MAX] {
                device = device.tuned(persistent(workgroups));
                runs.push(case.run(&device, &case.tensors()).unwrap());
            }
            assert!(runs.windows(2).all(|two| two[0] == two[1]), "{} on {}", case.name(), device.describe());
        }
    }
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn layers_of_any_width_run_step_by_step() {
    let per_step = Tuning { algorithm: Some(Algorithm::PerStep), ..Tuning::default() };
    for device in open_in_each_format().into_iter().map(|device| device.tuned(per_step)) {
        let mut cases = some_of_the_table(&device);
        cases.extend(Cell::ALL.map(|cell| RnnCase {
            ragged: true,
            initial: true,
            ..RnnCase::new(cell, 2, RnnSize { batch: 9, steps: 4, input: 3, hidden: 300 })
        }));
        assert_conforms(&device, &cases);
    }
}

/// Dispatches that stop after a few steps, bindings of a few kilobytes, and no more than WebGPU promises.
#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn bounds_hold_however_the_work_is_cut() {
    let case = |cell, dirs, size| RnnCase { ragged: true, initial: true, ..RnnCase::new(cell, dirs, size) };
    for (adapter, format) in
        adapters().into_iter().flat_map(|adapter| Format::ALL.map(|f| (adapter.clone(), f)))
    {
        let mut device = adapter.open_at_floor().unwrap().storing(format);
        for algorithm in [None, Some(Algorithm::Persistent), Some(Algorithm::PerStep)] {
            for (dispatch_work, binding) in [(20_000, usize::MAX), (usize::MAX, 16 << 10), (30_000, 20 << 10)]
            {
                device = device.tuned(Tuning { algorithm, dispatch_work, binding, workgroups: None });
                for (cell, dirs) in [(Cell::Lstm, 2), (Cell::Gru, 2), (Cell::Gru, 1)] {
                    let cases = [
                        case(cell, dirs, RnnSize { batch: 5, steps: 23, input: 4, hidden: 9 }),
                        case(cell, dirs, RnnSize { batch: 3, steps: 11, input: 5, hidden: 9 }).models(3),
                    ];
                    assert_conforms(&device, &cases);
                }
            }
        }
    }
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_model_has_the_same_bits_again_and_in_a_stack() {
    for device in open_in_each_format() {
        for case in some_of_the_table(&device).into_iter().filter(|case| case.rnn.hidden <= 33) {
            let tensors = case.tensors();
            let once = case.run(&device, &tensors).unwrap();
            assert_eq!(
                once,
                case.run(&device, &tensors).unwrap(),
                "{} on {}",
                case.name(),
                device.describe()
            );
        }
        together_and_alone(&device);
        // However few of the stack's models a dispatch takes.
        let small = device.tuned(Tuning { dispatch_work: 3_000, ..Tuning::default() });
        together_and_alone(&small);
    }
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn convolution_blocks_keep_their_bounds_and_give_the_same_bits_again() {
    for device in DEVICES.iter() {
        let cases: Vec<AnyCase> = conv::table().into_iter().map(AnyCase::Conv).collect();
        conforms(device, &cases);
        for case in cases {
            let run = || case.run(device, &case.tensors()).unwrap();
            assert_eq!(run(), run(), "{} on {}", case.name(), device.describe());
        }
    }
}

/// Some models, some steps, and one step of one model at a time; sums in one share and in several.
#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn convolution_blocks_have_the_same_bits_however_the_work_is_cut() {
    let case = |size| ConvCase { ragged: true, ..ConvCase::new(size) };
    // With bindings that hold the packed weights, but not all steps of the longer ones.
    let cases = [
        (case(ConvSize { batch: 5, steps: 23, input: 4, filters: 9, kernel: 3 }).models(3), 16 << 10),
        (case(ConvSize { batch: 3, steps: 9, input: 2, filters: 40, kernel: 4 }).models(2), 24 << 10),
        (case(ConvSize { batch: 20, steps: 64, input: 12, filters: 6, kernel: 3 }).models(2), 16 << 10),
        (case(ConvSize { batch: 13, steps: 70, input: 40, filters: 33, kernel: 4 }), 96 << 10),
        (case(ConvSize { batch: 1, steps: 19, input: 1, filters: 3, kernel: 8 }), 16 << 10),
    ];
    for adapter in adapters() {
        let mut device = adapter.open_at_floor().unwrap();
        for (case, binding) in &cases {
            let tensors = case.tensors();
            device = device.tuned(Tuning::default());
            let outcome = check::conformance(&device, case).unwrap();
            check::verdict(&device.describe(), &[outcome]).unwrap();
            let whole = case.run(&device, &tensors).unwrap();
            for (dispatch_work, binding) in [
                (1, usize::MAX),
                (20_000, usize::MAX),
                (200_000, usize::MAX),
                (usize::MAX, *binding),
                (10_000, *binding),
            ] {
                device = device.tuned(Tuning { dispatch_work, binding, ..Tuning::default() });
                let cut = case.run(&device, &tensors).unwrap();
                assert!(whole == cut, "{}: {dispatch_work}, {binding}", case.name());
            }
        }
        together_and_alone(&device);
    }
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_convolution_hides_no_nan() {
    let case = ConvCase::new(ConvSize { batch: 3, steps: 12, input: 5, filters: 33, kernel: 3 });
    let mut tensors = case.tensors();
    // Of one row the first and of another the second of two steps, and an infinity.
    for (t, b, number) in [(4, 0, f64::NAN), (9, 1, f64::NAN), (6, 2, f64::INFINITY)] {
        tensors["x"][case.conv.x_at(0, t, b)] = number;
    }
    let nan = |numbers: &[f64]| numbers.iter().map(|number| number.is_nan()).collect::<Vec<_>>();
    let truth = case.run(&Reference::<f32>::default(), &tensors).unwrap();
    assert!(nan(&truth["y"]).contains(&true));
    for device in DEVICES.iter() {
        let found = case.run(device, &tensors).unwrap();
        for name in ["y", "argmax", "dx"] {
            assert_eq!(nan(&found[name]), nan(&truth[name]), "{}", device.describe());
        }
    }
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_layer_takes_two_dispatches_forward_and_four_backward_whatever_its_steps() {
    for mut device in open(|device| device) {
        for (algorithm, steps, chunk) in [
            (None, 1, 1),
            (None, 200, 200),
            (Some(Algorithm::Persistent), 16, 16),
            (Some(Algorithm::Persistent), 200, 200),
            (None, 200, 10),
        ] {
            let case = RnnCase {
                ragged: true,
                ..RnnCase::new(Cell::Lstm, 2, RnnSize { batch: 4, steps, input: 9, hidden: 8 })
            };
            // Operations of a step: two per weight, for four rows and two directions.
            let dispatch_work = 2 * 4 * 8 * (8 + 9) * 4 * 2 * chunk;
            device = device.tuned(Tuning { algorithm, dispatch_work, ..Tuning::default() });
            let [forward, backward] = dispatches(&device, &case);
            let chunks = steps.div_ceil(chunk) as u64;
            assert!(forward <= 2 * chunks, "{forward} dispatches forward, {chunks} chunks");
            assert!(backward <= 4 * chunks, "{backward} dispatches backward, {chunks} chunks");
        }
    }
}

/// Dispatches of a forward pass, and of a backward pass with all gradients.
fn dispatches(device: &Wgpu, case: &RnnCase) -> [u64; 2] {
    let (s, tensors) = (&case.rnn, case.tensors());
    let upload = |values: &[f64]| {
        let mut buffer = device.zeros(values.len()).unwrap();
        device.write(&mut buffer, &values.iter().map(|&v| v as f32).collect::<Vec<_>>()).unwrap();
        buffer
    };
    let (weights, x, dy) = (upload(&tensors["weights"]), upload(&tensors["x"]), upload(&tensors["dy"]));
    let mut lengths = device.zeros(tensors.words("lengths").len()).unwrap();
    device.write(&mut lengths, tensors.words("lengths")).unwrap();
    let zeros = |len| device.zeros::<f32>(len).unwrap();
    let (mut y, mut last) = (zeros(s.y_len()), zeros(s.state_len()));
    let (mut dx, mut d_weights) = (zeros(s.x_len()), zeros(s.models * s.params()));
    let mut layer = device.layer(s, Purpose::Training { input_gradient: true }).unwrap();
    device.run::<RnnLoad>(s, RnnLoadOperands { weights: &weights, layer: &mut layer }).unwrap();
    let start = device.dispatches();
    let (layer, lengths) = (&mut layer, &lengths);
    let forward =
        RnnForwardOperands { layer, save: true, x: &x, lengths, initial: None, y: &mut y, last: &mut last };
    device.run::<RnnForward>(s, forward).unwrap();
    let middle = device.dispatches();
    let backward = RnnBackwardOperands {
        layer,
        x: &x,
        lengths,
        initial: None,
        y: &y,
        dy: Some(&dy),
        d_last: None,
        dx: Some(&mut dx),
        d_initial: None,
        d_weights: &mut d_weights,
    };
    device.run::<RnnBackward>(s, backward).unwrap();
    device.wait().unwrap();
    [middle - start, device.dispatches() - middle]
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn the_rest_of_a_training_step_keeps_its_bounds() {
    // Bindings as large as they come; so small that everything is cut; or with room for the parameters of one
    // model only.
    let all: fn(&AnyCase) -> bool = |_| true;
    let sequences: fn(&AnyCase) -> bool = |case| {
        matches!(case, AnyCase::Gather(_) | AnyCase::Dropout(_) | AnyCase::Pool(_) | AnyCase::Attention(_))
    };
    let linear: fn(&AnyCase) -> bool = |case| matches!(case, AnyCase::Linear(_));
    let optimizer: fn(&AnyCase) -> bool = |case| matches!(case, AnyCase::Optimizer(_));
    for (binding, wanted) in
        [(usize::MAX, all), (1 << 10, sequences), (36 << 10, linear), (121 << 10, optimizer)]
    {
        let cases: Vec<AnyCase> = others().into_iter().filter(wanted).collect();
        for device in open(|device| device.tuned(Tuning { binding, ..Tuning::default() })) {
            conforms(&device, &cases);
            if wanted(&cases[0]) && binding <= 1 << 10 || binding == usize::MAX {
                dropout_is_exact(&device, usize::MAX);
            }
        }
    }
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn ten_training_steps_on_a_gpu_stay_within_their_bound() {
    for name in CURVES {
        DEVICES.iter().chain(DEVICES_F16.iter()).for_each(|device| curve_within(device, name));
    }
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn numbers_that_no_half_holds_are_saturated_or_end_the_run() {
    let size = RnnSize { batch: 3, steps: 4, input: 5, hidden: 9 };
    for (cell, algorithm) in Cell::ALL.into_iter().flat_map(|cell| Algorithm::ALL.map(|a| (cell, a))) {
        let case = RnnCase::new(cell, 1, size);
        let mut large = case.tensors();
        // Features so large that the input part of a gate is beyond 65,504: it is as saturated as in f32.
        large["x"].iter_mut().for_each(|x| *x *= 1e7);
        let mut absurd = case.tensors();
        absurd["weights"][7] = 1e6;
        let mut unknown = case.tensors();
        unknown["x"][2] = f64::NAN;
        for device in open(|device| device.storing(Format::F16)) {
            if !fits(algorithm, &case.rnn, &device.target()) {
                continue;
            }
            let device = device.tuned(Tuning { algorithm: Some(algorithm), ..Tuning::default() });
            let found = case.run(&device, &large).unwrap();
            let truth = case.run(&Reference::<f64>::default(), &large).unwrap();
            let error = check::distance(&found["y"], &truth["y"]);
            assert!(error < 1e-3, "{} on {}: {error:e}", case.name(), device.describe());
            for tensors in [&absurd, &unknown] {
                let found = case.run(&device, tensors).unwrap();
                assert!(found["y"].iter().any(|y| y.is_nan()), "{} on {}", case.name(), device.describe());
            }
        }
    }
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn a_lost_device_saves_nothing_and_the_run_goes_on_from_before() {
    for adapter in adapters() {
        let opened = || adapter.clone().open().unwrap();
        let lost = opened();
        let error = training::loses_its_device(&lost, &opened(), &|| lost.destroy());
        assert!(error.to_string().contains("lost") && error.to_string().contains("--resume"), "{error}");
    }
}
