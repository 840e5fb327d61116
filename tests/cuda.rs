//! CUDA's kernels and launches on the host (`cuda_on_host`), against the reference.

use crate::conformance::{gathered, in_stack_and_alone, optimized, within};
use crate::cuda_on_host::{Host, Sanitizer, sanitizer, under};
use crate::head::{dropped, linear, pooled};
use crate::pytorch::curve;
use engine::backend::Reference;
use engine::backend::cuda::{Cuda, Regime, Tuning};
use engine::cases::{self, Case};
use engine::check;
use engine::spec::{Cell, OptimizerKind, Pool, PoolKind, Precision};
use rayon::prelude::*;

fn host(precision: Precision, order: u32) -> Cuda<Host> {
    Cuda::new(Host { order, exact: false }, precision)
}

/// The table, and for each regime a width at its end.
fn table() -> Vec<Case> {
    let mut cases = cases::table();
    for cell in Cell::ALL {
        let case = |sizes| Case { ragged: true, initial: true, ..Case::new(cell, 2, sizes) };
        cases.extend([case([9, 5, 6, 64]).models(2), case([3, 4, 5, 130])]);
    }
    cases
}

/// Every case within its bound, in three orders of threads and blocks with the same bits.
fn assert_conforms(precision: Precision, regime: Option<Regime>) {
    let runs = |case: &Case| regime.is_none_or(|regime| regime.runs(case.rnn.hidden, precision));
    let cases: Vec<Case> = table().into_iter().filter(runs).collect();
    let tuning = Tuning { regime, ..Tuning::default() };
    let outcomes: Vec<_> = cases
        .par_iter()
        .map(|case| {
            let tensors = case.tensors();
            let in_order = |order| case.run(&host(precision, order).tuned(tuning), &tensors).unwrap();
            let forward = in_order(0);
            for order in [1, 7] {
                let differs = forward != in_order(order);
                assert!(!differs, "{}: other bits in order {order}", case.name());
            }
            check::conformance_of(case, precision, |_| Ok(forward.clone())).unwrap()
        })
        .collect();
    print_table(precision, regime, &outcomes);
    check::verdict(precision.name(), &outcomes).unwrap();
}

/// Shown by `cargo test cuda:: -- --nocapture`.
fn print_table(precision: Precision, regime: Option<Regime>, outcomes: &[check::Outcome]) {
    let regime = regime.map_or("as chosen", Regime::name);
    let mut text = format!("{}, {regime}: {} cases in three orders, equal bits\n", precision.name(), outcomes.len());
    for outcome in outcomes {
        let worst = outcome.worst();
        let (error, bound) = (worst.error, worst.bound);
        text.push_str(&format!("  {:<52} {:<10} {error:>9.2e} of {bound:>9.2e}\n", outcome.case, worst.buffer));
    }
    println!("{text}");
}

#[test]
fn fp32_keeps_the_bounds_of_the_whole_table() {
    assert_conforms(Precision::Fp32, None);
}

#[test]
fn tf32_keeps_the_bounds_of_the_whole_table() {
    assert_conforms(Precision::Tf32, None);
}

#[test]
fn bf16_keeps_the_bounds_of_the_whole_table() {
    assert_conforms(Precision::Bf16, None);
}

#[test]
fn layers_that_could_stay_in_registers_also_run_step_by_step() {
    for precision in [Precision::Tf32, Precision::Bf16] {
        assert_conforms(precision, Some(Regime::PerStep));
    }
}

/// Without the rounding of operands and activations, the kernels of tf32 compute in `f32`, and keep its bounds: an error of index
/// arithmetic cannot hide behind the larger ones.
#[test]
fn solo_kernels_with_exact_operands_keep_the_bounds_of_f32() {
    let cuda = Cuda::new(Host { order: 0, exact: true }, Precision::Tf32);
    let cases = table().into_iter().filter(|case| Regime::Solo.runs(case.rnn.hidden, Precision::Tf32));
    let outcomes: Vec<_> = cases
        .par_bridge()
        .map(|case| check::conformance_of(&case, Precision::Fp32, |tensors| case.run(&cuda, tensors)).unwrap())
        .collect();
    check::verdict("tf32 with exact operands", &outcomes).unwrap();
}

#[test]
fn a_model_has_the_same_bits_in_a_stack() {
    for precision in Precision::ALL {
        for cell in Cell::ALL {
            in_stack_and_alone(&host(precision, 0), cell);
        }
    }
}

#[test]
fn the_rest_of_a_training_step_keeps_its_bounds_on_cuda() {
    for order in [0, 1, 7] {
        let cuda = host(Precision::Fp32, order);
        for len in [1, 3, 64, 1000, 1024, 5001] {
            assert_eq!(dropped(&cuda, len), dropped(&Reference::<f32>::default(), len), "dropout of {len}");
        }
        for kind in [PoolKind::Last, PoolKind::Mean] {
            for (batch, steps, hidden, dirs) in [(1, 1, 1, 1), (5, 7, 9, 2), (3, 70, 8, 2)] {
                let s = Pool { kind, models: 3, batch, steps, hidden, dirs, states: 2 };
                let own_precision = pooled(&Reference::<f32>::default(), &s);
                within(&pooled(&cuda, &s), &pooled(&Reference::<f64>::default(), &s), &own_precision);
            }
        }
        let own_precision = gathered(&Reference::<f32>::default());
        within(&gathered(&cuda), &gathered(&Reference::<f64>::default()), &own_precision);
        for sizes in [[1, 1, 1], [3, 7, 2], [5, 33, 9], [32, 130, 65]] {
            for relu in [false, true] {
                let own_precision = linear(&Reference::<f32>::default(), sizes, relu);
                let truth = linear(&Reference::<f64>::default(), sizes, relu);
                within(&linear(&cuda, sizes, relu), &truth, &own_precision);
            }
        }
        for kind in [OptimizerKind::Adam, OptimizerKind::Adamw] {
            let own_precision = optimized(&Reference::<f32>::default(), kind);
            within(&optimized(&cuda, kind), &optimized(&Reference::<f64>::default(), kind), &own_precision);
        }
    }
}
