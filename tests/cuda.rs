//! The kernels and launches of the backend `cuda`, run on the host (`cuda_on_host`), against the reference.

mod chains;
mod cluster;
mod conv;
mod driver;
mod graphs;
pub mod intrinsics;
mod limits;
mod lost;
mod sanitizers;

use crate::support::conformance::{alone_as_in, conforms, dropout_is_exact, others, together_and_alone};
use crate::support::cuda_on_host::Host;
use crate::support::curves::curve_within;
use engine::backend::cuda::{Cuda, Executor, Tuning, fits};
use engine::backend::{Algorithm, Kind};
use engine::check::cases::{RnnCase, rnn};
use engine::check::{self, AnyCase, Case};
use engine::ops::{Cell, Precision, RnnSize};
use rayon::prelude::*;

fn host(precision: Precision, order: u32) -> Cuda<Host> {
    Cuda::new(Host { order, exact: false }, precision)
}

/// The table of cases, and for each algorithm the largest width that it supports or the next.
fn table() -> Vec<RnnCase> {
    let mut cases = rnn::table();
    for cell in Cell::ALL {
        let case = |size| RnnCase { ragged: true, initial: true, ..RnnCase::new(cell, 2, size) };
        cases.extend([
            case(RnnSize { batch: 9, steps: 5, input: 6, hidden: 64 }).models(2),
            case(RnnSize { batch: 3, steps: 4, input: 5, hidden: 130 }),
        ]);
    }
    cases
}

/// Every case stays within its bound. If `reordered`, it also has the same bits in three orders of threads
/// and blocks, and with every number of rows in a block of the persistent kernels.
fn assert_conforms(precision: Precision, algorithm: Option<Algorithm>, reordered: bool) {
    let runs =
        |case: &RnnCase| algorithm.is_none_or(|algorithm| fits(algorithm, case.rnn.hidden, precision, true));
    let cases: Vec<RnnCase> = table().into_iter().filter(runs).collect();
    let tuning = Tuning { algorithm, ..Tuning::default() };
    let outcomes: Vec<_> = cases
        .par_iter()
        .map(|case| {
            let tensors = case.tensors();
            let in_order = |order, rows| {
                let tuning = Tuning { rows, ..tuning };
                case.run(&host(precision, order).tuned(tuning), &tensors).unwrap()
            };
            let forward = in_order(0, None);
            // A long case would take minutes, and uses no further kernels.
            let orders: &[_] =
                if reordered && case.rnn.steps <= 33 { &[(1, 8), (7, 4), (0, 2)] } else { &[] };
            for &(order, rows) in orders {
                let differs = forward != in_order(order, Some(rows));
                assert!(!differs, "{}: other bits in order {order} and blocks of {rows} rows", case.name());
            }
            check::conformance_of(case, precision, |_| Ok(forward.clone())).unwrap()
        })
        .collect();
    let orders = if reordered { ", equal bits in three orders of threads and blocks" } else { "" };
    let algorithm = algorithm.map_or("as-chosen", Algorithm::name);
    record_table(&format!("{}-{algorithm}", precision.name()), orders, &outcomes);
    check::verdict(precision.name(), &outcomes).unwrap();
}

/// Writes the table that `tools/test` prints.
fn record_table(title: &str, orders: &str, outcomes: &[check::Outcome]) {
    let mut text = format!("{title}: {} cases{orders}\n", outcomes.len());
    for outcome in outcomes {
        let worst = outcome.worst();
        let (error, bound) = (worst.error, worst.bound);
        text.push_str(&format!(
            "  {:<52} {:<10} {error:>9.2e} of {bound:>9.2e}\n",
            outcome.case, worst.buffer
        ));
    }
    let file = format!("cuda-on-host-{title}.txt");
    std::fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(file), text).unwrap();
}

#[test]
fn fp32_keeps_the_bounds_of_the_whole_table() {
    assert_conforms(Precision::Fp32, None, true);
}

#[test]
fn tf32_keeps_the_bounds_of_the_whole_table() {
    assert_conforms(Precision::Tf32, None, true);
}

#[test]
fn bf16_keeps_the_bounds_of_the_whole_table() {
    assert_conforms(Precision::Bf16, None, true);
}

#[test]
fn layers_that_fit_a_persistent_kernel_also_run_per_step() {
    for precision in [Precision::Tf32, Precision::Bf16] {
        assert_conforms(precision, Some(Algorithm::PerStep), false);
    }
}

/// A grid that fills the GPU takes kernels with fewer loads in flight, see `step_blocks`. They give the same
/// bits.
#[test]
fn a_model_has_the_same_bits_in_a_grid_that_fills_the_gpu() {
    let tuning = Tuning { algorithm: Some(Algorithm::PerStep), ..Tuning::default() };
    for &precision in Kind::Cuda.precisions() {
        for cell in Cell::ALL {
            let size = RnnSize { batch: 33, steps: 3, input: 2, hidden: 130 };
            let alone = RnnCase { ragged: true, initial: true, ..RnnCase::new(cell, 2, size) };
            let blocks = |case: &RnnCase| {
                let s = case.rnn;
                s.hidden.div_ceil(16) * s.batch.div_ceil(32) * s.dirs * s.models
            };
            let (cuda, together) = (host(precision, 0).tuned(tuning), alone.clone().models(4));
            let multiprocessors = Host { order: 0, exact: false }.multiprocessors();
            assert!(blocks(&alone) <= multiprocessors && blocks(&together) > multiprocessors);
            alone_as_in(&cuda, &together, &alone, 4);
        }
    }
}

/// Without rounding of operands and activations, the tf32 kernels compute in `f32` and keep its bounds. So an
/// error of index arithmetic cannot hide within the larger bounds of tf32.
#[test]
fn persistent_kernels_with_exact_operands_keep_the_bounds_of_f32() {
    let cuda = Cuda::new(Host { order: 0, exact: true }, Precision::Tf32);
    let cases = table()
        .into_iter()
        .filter(|case| fits(Algorithm::Persistent, case.rnn.hidden, Precision::Tf32, true));
    let outcomes: Vec<_> = cases
        .par_bridge()
        .map(|case| {
            check::conformance_of(&case, Precision::Fp32, |tensors| case.run(&cuda, tensors)).unwrap()
        })
        .collect();
    check::verdict("tf32 with exact operands", &outcomes).unwrap();
}

/// Enough rows and time steps for several splits of the weight gradient, and so little memory for them that
/// the models run one by one.
#[test]
fn weight_gradients_in_splits_and_model_by_model_keep_their_bounds() {
    for precision in [Precision::Fp32, Precision::Bf16] {
        for (cell, dirs) in [(Cell::Lstm, 1), (Cell::Gru, 2)] {
            let case = RnnCase {
                ragged: true,
                initial: true,
                ..RnnCase::new(cell, dirs, RnnSize { batch: 40, steps: 41, input: 3, hidden: 5 }).models(3)
            };
            let tensors = case.tensors();
            let whole = case.run(&host(precision, 0), &tensors).unwrap();
            let small = host(precision, 7).tuned(Tuning { partial_bytes: 1, ..Tuning::default() });
            assert_eq!(whole, case.run(&small, &tensors).unwrap(), "{}", case.name());
            let outcome = check::conformance_of(&case, precision, |_| Ok(whole.clone())).unwrap();
            check::verdict(precision.name(), &[outcome]).unwrap();
        }
    }
}

#[test]
fn a_model_has_the_same_bits_in_a_fold_group() {
    for &precision in Kind::Cuda.precisions() {
        together_and_alone(&host(precision, 0));
    }
}

#[test]
fn the_rest_of_a_training_step_keeps_its_bounds_on_cuda() {
    // A fiber costs a microsecond a thread, and the larger cases use the same kernels.
    let small = |case: &AnyCase| !matches!(case, AnyCase::Dropout(case) if case.dropout.len > 5001);
    let cases: Vec<AnyCase> = others().into_iter().filter(small).collect();
    [0, 1, 7].par_iter().for_each(|&order| {
        let cuda = host(Precision::Fp32, order);
        conforms(&cuda, &cases);
        dropout_is_exact(&cuda, 5001);
    });
}

#[test]
fn ten_training_steps_on_cuda_stay_within_their_bound() {
    for name in ["curve", "curve_last", "curve_attention"] {
        for &precision in Kind::Cuda.precisions() {
            curve_within(&host(precision, 0), name);
        }
    }
}
