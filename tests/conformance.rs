//! Backends against the reference, with derived bounds.

use crate::pytorch::{CURVES, curve};
use engine::Result;
use engine::backend::cpu::{Cpu, Isa};
use engine::backend::{Backend, Reference};
use engine::cases::{self, Case, ConvCase, ConvTensors, OptimizerCase, Outputs, Tensors};
use engine::check;
use engine::ops::{
    Approximate, Cell, EpsPlacement, Gather, GatherOperands, Optimizer, OptimizerKind, OptimizerOperands,
    Precision, Real,
};

#[test]
fn reference_gradients_equal_finite_differences() {
    for case in cases::table().into_iter().filter(|case| case.rnn.hidden <= 33 && case.scale == 1.0) {
        let outcome = check::gradients(&case).unwrap();
        assert!(outcome.holds(), "{outcome:?}");
    }
}

#[test]
fn every_cpu_path_keeps_its_bounds() {
    for isa in Isa::available() {
        let outcomes: Vec<_> = cases::table()
            .iter()
            .map(|case| check::conformance(&Cpu::with_isa(isa), case).unwrap())
            .collect();
        check::verdict(isa.name(), &outcomes).unwrap();
    }
}

#[test]
fn the_cpu_gives_the_same_bits_again_and_on_any_number_of_threads() {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for case in cases::table() {
        let tensors = case.tensors();
        for isa in Isa::available() {
            let cpu = Cpu::with_isa(isa);
            let run = |threads| pool(threads).install(|| case.run(&cpu, &tensors).unwrap());
            let one = run(1);
            for threads in [1, 2, 5] {
                assert_eq!(one, run(threads), "{} on {}: {threads} threads", case.name(), isa.name());
            }
        }
    }
}

#[test]
fn gradients_of_convolution_blocks_equal_finite_differences() {
    for case in cases::conv_table().into_iter().filter(|case| case.conv.y_len() <= 20_000) {
        let outcome = check::conv_gradients(&case).unwrap();
        assert!(outcome.holds(), "{outcome:?}");
    }
}

#[test]
fn convolution_blocks_keep_their_bounds_on_every_cpu_path_and_their_bits_on_any_number_of_threads() {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for isa in Isa::available() {
        let cpu = Cpu::with_isa(isa);
        let outcomes: Vec<_> =
            cases::conv_table().iter().map(|case| check::conv_conformance(&cpu, case).unwrap()).collect();
        check::verdict(isa.name(), &outcomes).unwrap();
        for case in cases::conv_table() {
            let tensors = case.tensors();
            let run = |threads: usize| pool(threads).install(|| case.run(&cpu, &tensors, None).unwrap());
            let one = run(1);
            for threads in [2, 5] {
                assert_eq!(one, run(threads), "{} on {}: {threads} threads", case.name(), isa.name());
            }
        }
    }
}

/// A wrong winner and a wrong sign are both seen.
#[test]
fn a_wrong_winner_is_caught() {
    let case = ConvCase::new([4, 9, 5], 7, 3);
    let outcome = |damage: fn(&mut cases::ConvOutputs)| {
        check::conv_conformance_of(&case, Precision::Fp32, |tensors, winners| {
            let mut outputs = case.run(&Cpu::new(), tensors, Some(winners))?;
            damage(&mut outputs);
            Ok(outputs)
        })
        .unwrap()
    };
    assert!(outcome(|_| {}).holds());
    let wrong = outcome(|outputs| outputs.winners.iter_mut().for_each(|winner| *winner = -*winner));
    assert!(!wrong.holds() && wrong.worst().buffer == "winners", "{wrong:?}");
    assert!(!outcome(|outputs| outputs.winners[0] += 1.0).holds());
}

/// Runs three models together, then each by itself.
pub fn conv_in_stack_and_alone<B: Backend>(backend: &B) {
    let stacked = ConvCase { ragged: true, ..ConvCase::new([6, 11, 5], 9, 3).models(3) };
    let alone = ConvCase { ragged: true, ..ConvCase::new([6, 11, 5], 9, 3) };
    let all = stacked.tensors();
    let outputs = stacked.run(backend, &all, None).unwrap();
    let part = |values: &[f64], m: usize| values[m * values.len() / 3..(m + 1) * values.len() / 3].to_vec();
    for m in 0..3 {
        let tensors = ConvTensors {
            weights: part(&all.weights, m),
            x: part(&all.x, m),
            lengths: all.lengths[m * 6..(m + 1) * 6].to_vec(),
            dy: part(&all.dy, m),
        };
        let single = alone.run(backend, &tensors, None).unwrap();
        for (stacked, single) in [
            (&outputs.y, single.y),
            (&outputs.winners, single.winners),
            (&outputs.dx, single.dx),
            (&outputs.d_weights, single.d_weights),
        ] {
            assert_eq!(part(stacked, m), single, "{} model {m}", alone.name());
        }
    }
}

#[test]
fn a_layer_in_a_stack_equals_the_layer_alone() {
    conv_in_stack_and_alone(&Cpu::new());
    for cell in Cell::ALL {
        in_stack_and_alone(&Cpu::new(), cell);
    }
}

/// Runs three models together, then each by itself.
pub fn in_stack_and_alone<B: Backend>(backend: &B, cell: Cell) {
    let stacked = Case { ragged: true, initial: true, ..Case::new(cell, 2, [5, 6, 4, 9]).models(3) };
    let alone = Case { ragged: true, initial: true, ..Case::new(cell, 2, [5, 6, 4, 9]) };
    let all = stacked.tensors();
    let outputs = stacked.run(backend, &all).unwrap();
    let part = |values: &[f64], m: usize| values[m * values.len() / 3..(m + 1) * values.len() / 3].to_vec();
    for m in 0..3 {
        let tensors = Tensors {
            weights: part(&all.weights, m),
            x: part(&all.x, m),
            lengths: all.lengths[m * 5..(m + 1) * 5].to_vec(),
            initial: all.initial.as_deref().map(|initial| part(initial, m)),
            dy: part(&all.dy, m),
            d_last: part(&all.d_last, m),
        };
        let single = alone.run(backend, &tensors).unwrap();
        for (stacked, single) in outputs.0.iter().zip(&single.0) {
            assert_eq!(&part(stacked, m), single, "{} model {m}", alone.name());
        }
    }
}

#[test]
fn ten_training_steps_stay_within_the_bound_of_the_cpu() {
    for name in CURVES {
        let (truth, weights) = curve(&Reference::<f64>::default(), name);
        let (own_losses, own_weights) = curve(&Reference::<Approximate<23>>::default(), name);
        for isa in Isa::available() {
            let (losses, found) = curve(&Cpu::with_isa(isa), name);
            within(&losses, &truth, &own_losses);
            within(&found, &weights, &own_weights);
        }
    }
}

/// The bound of `check::conformance`, for plain vectors.
pub fn within(found: &[f64], truth: &[f64], own_precision: &[f64]) {
    let distance = |a: &[f64]| a.iter().zip(truth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let scale = truth.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    let bound = 4.0 * distance(own_precision) + 1e-7 * scale;
    assert!(distance(found) <= bound, "off by {:e}, allowed {bound:e}", distance(found));
}

/// A batch out of two chunks of frames, ragged, with statistics per step.
pub fn gathered<B: Backend>(backend: &B) -> Vec<f64> {
    let gather = Gather { models: 2, batch: 3, steps: 4, features: 5, stat_steps: 4 };
    let chunk = |rows: usize, start: usize| {
        ndarray::ArcArray2::from_shape_fn((rows, 5), |(r, d)| ((start + r) as f32 * 0.37 + d as f32).sin())
    };
    let frames = backend.frames(&[chunk(6, 0), chunk(9, 6)]).unwrap();
    let words = |values: &[u32]| {
        let mut buffer = backend.zeros(values.len()).unwrap();
        backend.write(&mut buffer, values).unwrap();
        buffer
    };
    let real = |values: Vec<f64>| {
        let values: Vec<B::Real> = values.into_iter().map(B::Real::of).collect();
        let mut buffer = backend.zeros(values.len()).unwrap();
        backend.write(&mut buffer, &values).unwrap();
        buffer
    };
    let stats = real((0..2 * 2 * 4 * 5).map(|i| f64::from((f64::from(i) * 0.7).cos() as f32)).collect());
    let mut x = real(vec![f64::NAN; 2 * 3 * 4 * 5]);
    let (first, lengths) = (words(&[0, 2, 6, 11, 0, 3]), words(&[4, 4, 4, 4, 0, 2]));
    let operands = GatherOperands { first: &first, lengths: &lengths, stats: &stats, x: &mut x };
    backend.gather(&gather, &frames, operands).unwrap();
    let mut host = vec![B::Real::zero(); 120];
    backend.read(&x, &mut host).unwrap();
    host.into_iter().map(Real::get).collect()
}

#[test]
fn gather_keeps_its_bound() {
    let (truth, own_precision) =
        (gathered(&Reference::<f64>::default()), gathered(&Reference::<f32>::default()));
    for isa in Isa::available() {
        within(&gathered(&Cpu::with_isa(isa)), &truth, &own_precision);
    }
}

/// More than one chunk of a thread's, and no whole number of vectors.
const PARAMS: usize = 30_003;

/// Three updates of three models: one clipped, one inactive, one with a gradient that is not finite.
pub fn optimized<B: Backend>(backend: &B, kind: OptimizerKind) -> Vec<f64> {
    let (models, params) = (3, PARAMS);
    let optimizer = Optimizer {
        kind,
        models,
        params,
        beta1: 0.9,
        beta2: 0.99,
        eps: 1e-8,
        eps_placement: EpsPlacement::AfterCorrection,
        weight_decay: 0.1,
        clip: 2.0,
    };
    let real = |values: Vec<f64>| {
        let values: Vec<B::Real> = values.into_iter().map(B::Real::of).collect();
        let mut buffer = backend.zeros(values.len()).unwrap();
        backend.write(&mut buffer, &values).unwrap();
        buffer
    };
    let wave =
        |f: f64| (0..models * params).map(|i| f64::from((i as f64 * f).sin() as f32)).collect::<Vec<f64>>();
    let mut weights = real(wave(0.3));
    let (mut first, mut second) = (real(vec![0.0; models * params]), real(vec![0.0; models * params]));
    let mut norms = real(vec![0.0; models]);
    for update in 1..=3u64 {
        let mut gradients = wave(update as f64 * 0.77);
        gradients[2 * params + 5] = f64::NAN;
        let scalars = (0..models)
            .flat_map(|m| {
                let update = if m == 1 { 0 } else { update };
                engine::ops::StepScalars { learning_rate: 0.05, update }.pack(&optimizer)
            })
            .collect();
        let operands = OptimizerOperands {
            weights: &mut weights,
            gradients: &real(gradients),
            first_moment: &mut first,
            second_moment: &mut second,
            scalars: &real(scalars),
            norms: &mut norms,
            row: 0,
        };
        backend.optimize(&optimizer, operands).unwrap();
    }
    let mut host = vec![B::Real::zero(); models * params];
    backend.read(&weights, &mut host).unwrap();
    host.into_iter().map(Real::get).collect()
}

#[test]
fn optimisers_keep_their_bounds_and_leave_inactive_and_broken_models_alone() {
    for kind in [OptimizerKind::Adam, OptimizerKind::Adamw] {
        let truth = optimized(&Reference::<f64>::default(), kind);
        let own_precision = optimized(&Reference::<f32>::default(), kind);
        for isa in Isa::available() {
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| optimized(&Cpu::with_isa(isa), kind))
            };
            let found = on(1);
            within(&found, &truth, &own_precision);
            assert_eq!(found, on(3), "{}: three threads", isa.name());
            for weights in [&truth, &found] {
                let start: Vec<f64> =
                    (PARAMS..3 * PARAMS).map(|i| f64::from((i as f64 * 0.3).sin() as f32)).collect();
                assert_eq!(weights[PARAMS..], start[..], "inactive and broken models must not move");
            }
        }
    }
}

/// The whole table of optimisers.
pub fn optimised_within_roundings<B: Backend>(backend: &B) {
    let table = cases::optimizer_table();
    let outcomes: Vec<_> =
        table.iter().map(|case| check::optimizer_conformance(backend, case).unwrap()).collect();
    check::verdict(&backend.describe(), &outcomes).unwrap();
}

#[test]
fn optimisers_are_within_counted_roundings_of_f64_on_every_cpu_path() {
    optimised_within_roundings(&Reference::<f32>::default());
    Isa::available().into_iter().for_each(|isa| optimised_within_roundings(&Cpu::with_isa(isa)));
}

/// What the reference and every backend may have in common is seen: `1 - beta2` of a rounded `beta2`.
#[test]
fn an_optimiser_with_a_rounded_constant_is_caught() {
    let unclipped = |case: &OptimizerCase| case.optimizer.clip.is_infinite();
    for case in cases::optimizer_table().into_iter().filter(unclipped) {
        let mut mutant = case.clone();
        mutant.optimizer.beta2 = f64::from(case.optimizer.beta2 as f32);
        let run = |tensors: &_| mutant.run(&Reference::<f64>::default(), tensors);
        let outcome = check::optimizer_conformance_of(&case, run).unwrap();
        assert!(!outcome.holds(), "{outcome:?}");
    }
}

/// The reference, but with the weight gradients of gate `gate` off by one in a hundred.
fn mutant(case: &Case, gate: usize, tensors: &Tensors) -> Result<Outputs> {
    let mut outputs = case.run(&Reference::<f64>::default(), tensors)?;
    let rows = case.rnn.hidden * case.rnn.input;
    outputs.0[4][gate * rows..(gate + 1) * rows].iter_mut().for_each(|gradient| *gradient *= 1.01);
    Ok(outputs)
}

#[test]
fn a_wrong_gradient_is_caught() {
    for cell in Cell::ALL {
        let case = Case { initial: true, ..Case::new(cell, 1, [2, 3, 3, 4]) };
        for gate in 0..cell.gates() {
            let outcome = check::gradients_of(&case, |tensors| mutant(&case, gate, tensors)).unwrap();
            assert!(!outcome.holds(), "{} gate {gate} against differences", case.name());
            let outcome =
                check::conformance_of(&case, Precision::Fp32, |tensors| mutant(&case, gate, tensors))
                    .unwrap();
            assert!(!outcome.holds(), "{} gate {gate} against the reference", case.name());
            assert!(check::verdict("mutant", &[outcome]).is_err());
        }
    }
}
