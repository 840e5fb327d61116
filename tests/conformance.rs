//! The CPU against the reference, with derived bounds; and the bounds against faults that were put in on
//! purpose.

use crate::support::conformance::{conforms, dropout_is_exact, together_and_alone, within};
use crate::support::curves::{CURVES, curve};
use engine::Result;
use engine::backend::cpu::{Cpu, Isa};
use engine::backend::{Backend, Reference};
use engine::check::cases::{ConvCase, ConvSize, OptimizerCase, RnnCase, optimizer};
use engine::check::{self, AnyCase, Case, Outputs, Tensors};
use engine::ops::{Approximate, Cell, Precision, RnnSize};

#[test]
fn reference_gradients_equal_finite_differences() {
    // Differences of a wide layer take minutes, and show what those of a narrow one do.
    let narrow = |case: &AnyCase| match case {
        AnyCase::Rnn(case) => case.rnn.hidden <= 33 && case.scale == 1.0,
        AnyCase::Conv(case) => case.conv.y_len() <= 20_000,
        _ => true,
    };
    let outcomes: Vec<_> = AnyCase::all()
        .iter()
        .filter(|case| narrow(case))
        .filter_map(|case| case.gradients().unwrap())
        .collect();
    assert!(outcomes.len() > 60, "only {} cases have gradients", outcomes.len());
    check::verdict("reference", &outcomes).unwrap();
}

/// Every path of this machine in every precision that it has.
fn cpus() -> impl Iterator<Item = Cpu> {
    [Precision::Fp32, Precision::Bf16].into_iter().flat_map(|precision| {
        Isa::available_in(precision).into_iter().map(move |isa| Cpu::with(isa, precision))
    })
}

#[test]
fn every_cpu_path_keeps_the_bounds_of_the_whole_table() {
    cpus().for_each(|cpu| conforms(&cpu, &AnyCase::all()));
}

/// The reference in `f32` itself is within the roundings that are counted of an update.
#[test]
fn optimizers_of_the_reference_are_within_counted_roundings() {
    let table: Vec<_> = optimizer::table().into_iter().map(AnyCase::Optimizer).collect();
    conforms(&Reference::<f32>::default(), &table);
}

#[test]
fn the_cpu_gives_the_same_bits_again_and_on_any_number_of_threads() {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    // One row of so many units that threads share them, the last of a pair alone.
    let wide = RnnSize { batch: 1, steps: 5, input: 5, hidden: 161 };
    let wide = Cell::ALL.map(|cell| AnyCase::Rnn(RnnCase::new(cell, 1, wide)));
    for case in AnyCase::all().into_iter().chain(wide) {
        let tensors = case.tensors();
        for cpu in cpus() {
            let run = |threads| pool(threads).install(|| case.run(&cpu, &tensors).unwrap());
            let one = run(1);
            for threads in [1, 2, 5] {
                assert!(one == run(threads), "{} on {}: {threads} threads", case.name(), cpu.describe());
            }
        }
    }
}

#[test]
fn what_keeps_the_reference_s_order_has_its_bits() {
    let exact = |case: &AnyCase| matches!(case, AnyCase::Gather(_) | AnyCase::Pool(_));
    for case in AnyCase::all().into_iter().filter(exact) {
        let tensors = case.tensors();
        let truth = case.run(&Reference::<f32>::default(), &tensors).unwrap();
        for isa in Isa::available() {
            let found = case.run(&Cpu::with_isa(isa), &tensors).unwrap();
            assert!(found == truth, "{} on {}", case.name(), isa.name());
        }
    }
    Isa::available().into_iter().for_each(|isa| dropout_is_exact(&Cpu::with_isa(isa), usize::MAX));
}

#[test]
fn a_model_in_a_stack_equals_the_model_alone() {
    cpus().for_each(|cpu| together_and_alone(&cpu));
}

#[test]
fn ten_training_steps_stay_within_the_bound_of_the_cpu() {
    for name in CURVES {
        let (truth, weights) = curve(&Reference::<f64>::default(), name);
        let fp32 = curve(&Reference::<Approximate<23>>::default(), name);
        let bf16 = curve(&Reference::<Approximate<7>>::default(), name);
        for cpu in cpus() {
            let (own_losses, own_weights) = if cpu.precision() == Precision::Bf16 { &bf16 } else { &fp32 };
            let (losses, found) = curve(&cpu, name);
            within(&losses, &truth, own_losses);
            within(&found, &weights, own_weights);
        }
    }
}

/// No bound would show a forward pass that computes in `f32` although `bf16` was asked for. Gradients differ
/// with it, whatever they compute in.
#[test]
fn every_output_feels_bf16() {
    let size = RnnSize { batch: 5, steps: 6, input: 7, hidden: 9 };
    let layer = |cell| RnnCase { ragged: true, initial: true, ..RnnCase::new(cell, 2, size) };
    let conv = ConvCase::new(ConvSize { batch: 4, steps: 9, input: 5, filters: 7, kernel: 3 });
    let cases = Cell::ALL.into_iter().map(|cell| AnyCase::Rnn(layer(cell))).chain([AnyCase::Conv(conv)]);
    for case in cases {
        let tensors = case.tensors();
        for isa in Isa::available_in(Precision::Bf16) {
            let run = |precision| case.run(&Cpu::with(isa, precision), &tensors).unwrap();
            let (fp32, bf16) = (run(Precision::Fp32), run(Precision::Bf16));
            for name in bf16.names() {
                assert!(bf16[name] != fp32[name], "{name} of {} on {}", case.name(), isa.name());
            }
        }
    }
}

/// Operands that `bf16` holds lose nothing: then the bounds of `f32` hold, in which no error of index
/// arithmetic can hide.
#[test]
fn one_step_of_operands_that_bf16_holds_has_the_bounds_of_f32() {
    let rounded = |x: &mut f64| *x = f64::from(f32::from_bits((*x as f32).to_bits() & 0xffff_0000));
    for cell in Cell::ALL {
        for (input, hidden) in [(7, 11), (8, 16), (1, 33)] {
            let size = RnnSize { batch: 9, steps: 1, input, hidden };
            let case = RnnCase { initial: true, ..RnnCase::new(cell, 2, size) };
            let mut tensors = case.tensors();
            ["x", "weights", "initial"].iter().for_each(|name| tensors[name].iter_mut().for_each(rounded));
            let truth = case.run(&Reference::<f64>::default(), &tensors).unwrap();
            let own = case.run(&Reference::<Approximate<23>>::default(), &tensors).unwrap();
            for isa in Isa::available_in(Precision::Bf16) {
                let found = case.run(&Cpu::with(isa, Precision::Bf16), &tensors).unwrap();
                ["y", "last"].iter().for_each(|name| within(&found[name], &truth[name], &own[name]));
            }
        }
    }
}

/// The same of a convolution block, forward and backward: its gradients come from `dy` as it is.
#[test]
fn convolutions_of_operands_that_bf16_holds_have_the_bounds_of_f32() {
    let rounded = |x: &mut f64| *x = f64::from(f32::from_bits((*x as f32).to_bits() & 0xffff_0000));
    for (input, filters, kernel) in [(5, 7, 3), (1, 33, 2), (8, 16, 5)] {
        let size = ConvSize { batch: 4, steps: 23, input, filters, kernel };
        let case = ConvCase { ragged: true, ..ConvCase::new(size) };
        let mut tensors = case.tensors();
        tensors.reals.values_mut().for_each(|values| values.iter_mut().for_each(rounded));
        let truth = case.run(&Reference::<f64>::default(), &tensors).unwrap();
        let own = case.run(&Reference::<Approximate<23>>::default(), &tensors).unwrap();
        for isa in Isa::available_in(Precision::Bf16) {
            let found = case.run(&Cpu::with(isa, Precision::Bf16), &tensors).unwrap();
            found.names().for_each(|name| within(&found[name], &truth[name], &own[name]));
        }
    }
}

/// A wrong argmax and a wrong sign are both seen.
#[test]
fn a_wrong_argmax_is_caught() {
    let case = ConvCase::new(ConvSize { batch: 4, steps: 9, input: 5, filters: 7, kernel: 3 });
    let outcome = |damage: fn(&mut Outputs)| {
        check::conformance_of(&case, Precision::Fp32, |tensors| {
            let mut outputs = case.run(&Cpu::new(), tensors)?;
            damage(&mut outputs);
            Ok(outputs)
        })
        .unwrap()
    };
    assert!(outcome(|_| {}).holds());
    let wrong = outcome(|outputs| outputs["argmax"].iter_mut().for_each(|signed| *signed = -*signed));
    assert!(!wrong.holds() && wrong.worst().buffer == "argmax", "{wrong:?}");
    assert!(!outcome(|outputs| outputs["argmax"][0] += 1.0).holds());
}

/// Detects an error that the reference and every backend might share: `1 - beta2` of a rounded `beta2`.
#[test]
fn an_optimizer_with_a_rounded_constant_is_caught() {
    let unclipped = |case: &OptimizerCase| case.optimizer.clip.is_infinite();
    for case in optimizer::table().into_iter().filter(unclipped) {
        let mut mutant = case.clone();
        mutant.optimizer.beta2 = f64::from(case.optimizer.beta2 as f32);
        let run = |tensors: &_| mutant.run(&Reference::<f64>::default(), tensors);
        let outcome = check::conformance_of(&case, Precision::Fp32, run).unwrap();
        assert!(!outcome.holds(), "{outcome:?}");
    }
}

/// A model that must not move, because it is inactive or its gradient is broken, and does.
#[test]
fn an_optimizer_that_moves_what_must_stay_is_caught() {
    let case = optimizer::table().swap_remove(0);
    let params = case.optimizer.params;
    for moved in [params, 2 * params] {
        let run = |tensors: &Tensors| {
            let mut outputs = case.run(&Reference::<f64>::default(), tensors)?;
            outputs["weights"][moved] += 1e-9;
            Ok(outputs)
        };
        assert!(!check::conformance_of(&case, Precision::Fp32, run).unwrap().holds());
    }
}

/// The reference, but with the weight gradients of gate `gate` off by one in a hundred.
fn mutant(case: &RnnCase, gate: usize, tensors: &Tensors) -> Result<Outputs> {
    let mut outputs = case.run(&Reference::<f64>::default(), tensors)?;
    let rows = case.rnn.hidden * case.rnn.input;
    let own = &mut outputs["d_weights"][gate * rows..(gate + 1) * rows];
    own.iter_mut().for_each(|gradient| *gradient *= 1.01);
    Ok(outputs)
}

#[test]
fn a_wrong_gradient_is_caught() {
    for cell in Cell::ALL {
        let case = RnnCase {
            initial: true,
            ..RnnCase::new(cell, 1, RnnSize { batch: 2, steps: 3, input: 3, hidden: 4 })
        };
        for gate in 0..cell.gates() {
            let outcome = check::gradients_of(&case, |tensors| mutant(&case, gate, tensors)).unwrap();
            assert!(!outcome.unwrap().holds(), "{} gate {gate} against differences", case.name());
            let outcome =
                check::conformance_of(&case, Precision::Fp32, |tensors| mutant(&case, gate, tensors))
                    .unwrap();
            assert!(!outcome.holds(), "{} gate {gate} against the reference", case.name());
            assert!(check::verdict("mutant", &[outcome]).is_err());
        }
    }
}

/// A mistake in any output of any operation is seen: the largest number of it off by one in a thousand.
#[test]
fn every_output_of_every_operation_is_looked_at() {
    for cases in AnyCase::by_operation() {
        let (case, title) = (&cases[0], cases[0].operation());
        let names: Vec<_> =
            case.run(&Reference::<f64>::default(), &case.tensors()).unwrap().names().collect();
        for name in names {
            let seen = cases.iter().any(|case| {
                let outcome = case.conformance_of(Precision::Fp32, |tensors| {
                    let mut outputs = case.run(&Reference::<f64>::default(), tensors)?;
                    let largest = outputs[name].iter_mut().max_by(|a, b| a.abs().total_cmp(&b.abs()));
                    largest.into_iter().for_each(|value| *value *= 1.001);
                    Ok(outputs)
                });
                !outcome.unwrap().holds()
            });
            assert!(seen, "{title}: a wrong {name} is not seen");
        }
    }
}
