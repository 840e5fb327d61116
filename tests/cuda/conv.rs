//! Convolution blocks, on the host.

use super::{host, record_table};
use crate::support::cuda_on_host::Host;
use engine::backend::Kind;
use engine::backend::cuda::{Cuda, Tuning};
use engine::check::cases::{ConvCase, ConvSize, conv};
use engine::check::{self, Case};
use engine::ops::Precision;
use rayon::prelude::*;

/// Every case stays within its bound and has the same bits in three orders of threads and blocks. Without
/// rounding, the tf32 kernels keep the bounds of `f32`.
#[test]
fn convolution_blocks_keep_their_bounds_in_every_precision() {
    let exact = Cuda::new(Host { order: 0, exact: true }, Precision::Tf32);
    for &precision in Kind::Cuda.precisions() {
        let outcomes: Vec<_> = conv::table()
            .par_iter()
            .map(|case| {
                let run = |tensors: &_| {
                    let in_order = |order| case.run(&host(precision, order), tensors).unwrap();
                    let forward = in_order(0);
                    for order in [1, 7] {
                        assert!(forward == in_order(order), "{}: other bits in order {order}", case.name());
                    }
                    Ok(forward)
                };
                check::conformance_of(case, precision, run).unwrap()
            })
            .collect();
        let title = format!("{}-convolution", precision.name());
        record_table(&title, ", equal bits in three orders of threads and blocks", &outcomes);
        check::verdict(precision.name(), &outcomes).unwrap();
    }
    let in_f32 = |case: &ConvCase| {
        check::conformance_of(case, Precision::Fp32, |tensors| case.run(&exact, tensors)).unwrap()
    };
    let outcomes: Vec<_> = conv::table().par_iter().map(in_f32).collect();
    check::verdict("tf32 with exact operands", &outcomes).unwrap();
}

/// Enough rows and time steps for several splits of the weight gradient, and so little memory for them that
/// the models run one by one.
#[test]
fn weight_gradients_of_convolution_blocks_in_splits_and_model_by_model_keep_their_bounds() {
    for precision in [Precision::Fp32, Precision::Bf16] {
        let case = ConvCase {
            ragged: true,
            ..ConvCase::new(ConvSize { batch: 40, steps: 43, input: 5, filters: 9, kernel: 3 }).models(3)
        };
        let outcome = check::conformance_of(&case, precision, |tensors| {
            let whole = case.run(&host(precision, 0), tensors)?;
            let small = host(precision, 7).tuned(Tuning { partial_bytes: 1, ..Tuning::default() });
            assert_eq!(whole, case.run(&small, tensors)?, "{}", case.name());
            Ok(whole)
        });
        check::verdict(precision.name(), &[outcome.unwrap()]).unwrap();
    }
}

/// Rows that are too short for one time step of the output have gradients of 0.
#[test]
fn a_convolution_block_without_a_time_step_has_gradients_of_zero() {
    for &precision in Kind::Cuda.precisions() {
        let case = ConvCase::new(ConvSize { batch: 2, steps: 3, input: 4, filters: 5, kernel: 3 });
        let outputs = case.run(&host(precision, 0), &case.tensors()).unwrap();
        assert!(outputs["y"].is_empty() && outputs["argmax"].is_empty());
        assert_eq!(outputs["dx"], vec![0.0; case.conv.x_len()]);
        assert_eq!(outputs["d_weights"], vec![0.0; case.conv.params()]);
    }
}

/// A NaN stays NaN in either of the two time steps that are pooled, and spreads to no other row.
#[test]
fn a_convolution_block_keeps_nan_where_it_is() {
    for &precision in Kind::Cuda.precisions() {
        let case = ConvCase::new(ConvSize { batch: 3, steps: 6, input: 2, filters: 4, kernel: 1 });
        for step in [2, 3] {
            let mut tensors = case.tensors();
            tensors["x"][case.conv.x_at(0, step, 1)] = f64::NAN;
            let outputs = case.run(&host(precision, 0), &tensors).unwrap();
            let row = case.conv.y_at(0, 1, 1)..case.conv.y_at(0, 1, 2);
            for (i, y) in outputs["y"].iter().enumerate() {
                assert_eq!(y.is_nan(), row.contains(&i), "element {i} of y with a NaN at time step {step}");
            }
        }
    }
}
