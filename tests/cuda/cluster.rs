//! The kernels of a thread-block cluster, on the host.

use super::host;
use crate::support::conformance::together_and_alone;
use crate::support::cuda_on_host::Host;
use engine::backend::Algorithm;
use engine::backend::cuda::{Cuda, Tuning};
use engine::check::cases::RnnCase;
use engine::check::{self, Case};
use engine::ops::{Cell, Precision, RnnSize};
use rayon::prelude::*;

/// Layers of one and of several warps in each block of a cluster, with units and rows that fill it and that
/// do not.
fn cases_of_a_cluster(precision: Precision) -> Vec<RnnCase> {
    let case = |cell, size| RnnCase { ragged: true, initial: true, ..RnnCase::new(cell, 2, size) };
    let mut cases = Vec::new();
    for cell in Cell::ALL {
        cases.push(case(cell, RnnSize { batch: 9, steps: 5, input: 6, hidden: 64 }).models(2));
        cases.push(case(cell, RnnSize { batch: 3, steps: 1, input: 5, hidden: 67 }));
        let widest = if precision == Precision::Bf16 { 256 } else { 128 };
        cases.push(RnnCase::new(cell, 1, RnnSize { batch: 8, steps: 4, input: 3, hidden: widest }));
        cases.push(case(cell, RnnSize { batch: 9, steps: 5, input: 3, hidden: widest - 3 }));
        if precision == Precision::Bf16 {
            cases.push(case(cell, RnnSize { batch: 9, steps: 5, input: 3, hidden: 150 }));
        }
    }
    cases
}

/// The same bits in three orders of the threads and blocks of a cluster.
#[test]
fn the_kernels_of_a_cluster_keep_their_bounds() {
    for precision in [Precision::Tf32, Precision::Bf16] {
        let tuning = Tuning { algorithm: Some(Algorithm::Cluster), ..Tuning::default() };
        let outcomes: Vec<_> = cases_of_a_cluster(precision)
            .par_iter()
            .map(|case| {
                let tensors = case.tensors();
                let in_order = |order| case.run(&host(precision, order).tuned(tuning), &tensors).unwrap();
                let forward = in_order(0);
                for order in [1, 7] {
                    assert!(forward == in_order(order), "{}: other bits in order {order}", case.name());
                }
                check::conformance_of(case, precision, |_| Ok(forward.clone())).unwrap()
            })
            .collect();
        check::verdict(precision.name(), &outcomes).unwrap();
    }
}

/// Without rounding the tf32 kernels compute in `f32`, so that an error of index arithmetic cannot hide
/// within the larger bounds of tf32.
#[test]
fn the_kernels_of_a_cluster_with_exact_operands_keep_the_bounds_of_f32() {
    let tuning = Tuning { algorithm: Some(Algorithm::Cluster), ..Tuning::default() };
    let cuda = Cuda::new(Host { order: 0, exact: true }, Precision::Tf32).tuned(tuning);
    let outcomes: Vec<_> = cases_of_a_cluster(Precision::Tf32)
        .par_iter()
        .map(|case| check::conformance_of(case, Precision::Fp32, |tensors| case.run(&cuda, tensors)).unwrap())
        .collect();
    check::verdict("tf32 with exact operands", &outcomes).unwrap();
}

/// Three models together have the bits that each has by itself.
#[test]
fn a_model_in_a_cluster_has_the_same_bits_in_a_fold_group() {
    let tuning = Tuning { algorithm: Some(Algorithm::Cluster), ..Tuning::default() };
    for precision in [Precision::Tf32, Precision::Bf16] {
        together_and_alone(&host(precision, 0).tuned(tuning));
    }
}
