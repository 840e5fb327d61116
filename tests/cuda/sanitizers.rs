//! The kernels under sanitizers, on the host: accesses outside of arrays, and races.

use super::host;
use crate::support::cuda_on_host::{Sanitizer, sanitizer, under};
use crate::support::curves::curve;
use engine::backend::cuda::Tuning;
use engine::backend::{Algorithm, Kind};
use engine::check::cases::{ConvCase, ConvSize, GatherCase, PoolCase, RnnCase};
use engine::check::{AnyCase, Case};
use engine::ops::{Cell, Gather, Pool, PoolKind, Precision, Rnn, RnnSize};

/// Runs every kernel of a layer under a sanitizer in a child process, with two blocks of rows, two models,
/// and a width that is no multiple of a warp's. Does nothing in the parent process.
#[test]
#[ignore = "run again under a sanitizer by the tests below"]
fn small_cases() {
    if sanitizer() == Sanitizer::None {
        return;
    }
    // The thread sanitizer is slow, and models share no threads.
    let in_clusters = Tuning { algorithm: Some(Algorithm::Cluster), ..Tuning::default() };
    if sanitizer() == Sanitizer::Address {
        // All warps of the widest cluster.
        let size = RnnSize { batch: 9, steps: 3, input: 3, hidden: 250 };
        let widest = RnnCase { ragged: true, initial: true, ..RnnCase::new(Cell::Lstm, 1, size) };
        widest.run(&host(Precision::Bf16, 7).tuned(in_clusters), &widest.tensors()).unwrap();
    }
    let models = if sanitizer() == Sanitizer::Thread { 1 } else { 2 };
    for cell in Cell::ALL {
        let case = RnnCase {
            ragged: true,
            initial: true,
            ..RnnCase::new(cell, 2, RnnSize { batch: 9, steps: 2, input: 5, hidden: 17 }).models(models)
        };
        for (precision, algorithm) in [
            (Precision::Fp32, Algorithm::PerStep),
            (Precision::Tf32, Algorithm::Persistent),
            (Precision::Bf16, Algorithm::Persistent),
            (Precision::Bf16, Algorithm::PerStep),
        ] {
            let cuda = host(precision, 7).tuned(Tuning { algorithm: Some(algorithm), ..Tuning::default() });
            case.run(&cuda, &case.tensors()).unwrap();
        }
        // Enough time steps for each buffer of a cluster's exchange to be used again, and for its barrier to
        // have several phases; two warps in each block.
        let several = RnnCase { rnn: Rnn { steps: 5, ..case.rnn }, ..case.clone() };
        for precision in [Precision::Tf32, Precision::Bf16] {
            several.run(&host(precision, 7).tuned(in_clusters), &several.tensors()).unwrap();
        }
        // Two blocks of rows and two of units.
        let mut case = case;
        case.rnn.batch = 33;
        let tuning = Tuning { algorithm: Some(Algorithm::PerStep), ..Tuning::default() };
        case.run(&host(Precision::Tf32, 7).tuned(tuning), &case.tensors()).unwrap();
        // Whole tiles of the GEMMs, three chunks deep, with loads of four elements.
        let size = RnnSize { batch: 9, steps: 8, input: 64, hidden: 32 };
        let aligned = RnnCase { ragged: true, initial: true, ..RnnCase::new(cell, 2, size) };
        for precision in [Precision::Tf32, Precision::Bf16] {
            aligned.run(&host(precision, 7), &aligned.tensors()).unwrap();
        }
        // Each number of rows in a block, and an even width, whose units are loaded in pairs.
        let case = RnnCase { rnn: Rnn { steps: 6, hidden: 18, ..case.rnn }, ..case };
        for rows in [8, 4, 2] {
            let cuda = host(Precision::Bf16, 7).tuned(Tuning { rows: Some(rows), ..Tuning::default() });
            case.run(&cuda, &case.tensors()).unwrap();
        }
    }
    let case = ConvCase {
        ragged: true,
        ..ConvCase::new(ConvSize { batch: 9, steps: 10, input: 5, filters: 17, kernel: 3 }).models(models)
    };
    for &precision in Kind::Cuda.precisions() {
        case.run(&host(precision, 7), &case.tensors()).unwrap();
    }
    let cuda = host(Precision::Fp32, 7);
    // Two cases of each other operation, and both kinds of pooling.
    for cases in AnyCase::by_operation() {
        let light = |case: &&AnyCase| !matches!(case, AnyCase::Rnn(_) | AnyCase::Conv(_));
        for case in cases.iter().filter(light).take(2) {
            case.run(&cuda, &case.tensors()).unwrap();
        }
    }
    let gather = Gather { models: 2, batch: 3, steps: 4, features: 5, stat_steps: 4 };
    let case = GatherCase { gather };
    case.run(&cuda, &case.tensors()).unwrap();
    for kind in [PoolKind::Last, PoolKind::Mean] {
        let pool = Pool { kind, models: 2, batch: 5, steps: 7, hidden: 9, dirs: 2, states: 2 };
        let case = PoolCase { pool };
        case.run(&cuda, &case.tensors()).unwrap();
    }
    // A whole training step.
    curve(&cuda, "curve");
}

fn assert_clean_under(kind: Sanitizer) {
    let output = under(kind, "cuda::sanitizers::small_cases");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success() && text.contains("running 1 test"), "{text}");
}

#[test]
fn kernels_stay_within_their_arrays() {
    assert_clean_under(Sanitizer::Address);
}

#[test]
fn kernels_have_no_races() {
    assert_clean_under(Sanitizer::Thread);
}
