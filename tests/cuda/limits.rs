//! Sizes beyond 32 bits and beyond CUDA's grids, and the estimate of the memory.

use super::host;
use crate::support::curves::optimizer;
use engine::backend::Kind;
use engine::backend::cuda::{Cuda, Recorded, Recorder};
use engine::model::{Extent, Trainer, Training};
use engine::ops::{
    Cell, Device, Dropout, DropoutOperands, LayerSpec, Network, Optimizer, OptimizerKind, Pool, PoolForward,
    PoolForwardOperands, PoolKind, Pooling, Precision,
};

/// A grid that exceeds CUDA's limits is refused before the launch.
#[test]
fn too_many_models_for_one_launch_are_refused() {
    let cuda = host(Precision::Fp32, 0);
    let s = Pool { kind: PoolKind::Last, models: 70_000, batch: 1, steps: 1, hidden: 1, dirs: 1, states: 1 };
    let (lengths, y) = (cuda.zeros::<u32>(70_000).unwrap(), cuda.zeros::<f32>(70_000).unwrap());
    let mut out = cuda.zeros::<f32>(70_000).unwrap();
    let a = PoolForwardOperands { lengths: &lengths, from: &y, out: &mut out };
    let error = cuda.run::<PoolForward>(&s, a).unwrap_err();
    assert!(error.to_string().contains("more than CUDA launches at once"), "{error}");
}

/// On a GPU of 80 GB the output of a layer may have more than 2^32 elements.
#[test]
fn dropout_reaches_all_elements_beyond_32_bits() {
    let cuda = Cuda::new(Recorder::default(), Precision::Fp32);
    let len = (1 << 32) + 5;
    let s = Dropout { models: 1, len, rate: 0.5, layer: 0 };
    let (counters, x) = (cuda.zeros::<u32>(4).unwrap(), cuda.zeros::<f32>(1).unwrap());
    let mut out = cuda.zeros::<f32>(1).unwrap();
    let a = DropoutOperands { counters: &counters, x: &x, out: &mut out };
    cuda.run::<Dropout>(&s, a).unwrap();
    let launches = cuda.executor().take();
    let Recorded { kernel, arguments, grid: [blocks, ..], .. } = &launches[0];
    assert_eq!(kernel.entry, "dropout");
    assert!(arguments.as_chunks::<8>().0.iter().any(|field| u64::from_ne_bytes(*field) == len as u64));
    assert!(u64::from(*blocks) * 128 * 4 >= len as u64, "{blocks} blocks");
}

/// A kernel that counts in 32 bits is not launched with a larger count.
#[test]
fn arguments_beyond_32_bits_are_refused_by_name() {
    let cuda = Cuda::new(Recorder::default(), Precision::Fp32);
    let s = Pool { kind: PoolKind::Last, models: 1, batch: 1, steps: 1 << 33, hidden: 1, dirs: 1, states: 1 };
    let (lengths, y) = (cuda.zeros::<u32>(1).unwrap(), cuda.zeros::<f32>(1).unwrap());
    let mut out = cuda.zeros::<f32>(1).unwrap();
    let a = PoolForwardOperands { lengths: &lengths, from: &y, out: &mut out };
    let error = cuda.run::<PoolForward>(&s, a).unwrap_err();
    assert!(error.to_string().contains("steps is 8589934592, beyond 32 bits"), "{error}");
    assert!(cuda.executor().take().is_empty());
}

/// The estimate of a training's memory equals the memory that it allocates, except for buffers with a few
/// elements for each row or model.
#[test]
fn the_memory_estimate_equals_what_a_trainer_allocates() {
    let layer = |cell, hidden, dirs| LayerSpec::new(cell, hidden, dirs);
    let networks = [
        (vec![], vec![layer(Cell::Lstm, 64, 1)], Pooling::Last, None, 0.0),
        (
            vec!["16x3"],
            vec![layer(Cell::Gru, 33, 2), layer(Cell::Lstm, 150, 1)],
            Pooling::Mean,
            Some(40),
            0.2,
        ),
        (vec!["16x3", "8x2"], vec![layer(Cell::Lstm, 48, 2)], Pooling::Attention, Some(40), 0.5),
    ];
    for (convs, layers, pool, dense, dropout) in networks {
        let convs = convs.into_iter().map(|conv| conv.parse().unwrap()).collect();
        let network = Network { features: 20, convs, layers, pool, dense, dropout, classes: 3 };
        let extent = Extent { models: 3, batch: 32, steps: 60, stat_steps: 1 };
        for &precision in Kind::Cuda.precisions() {
            let cuda = Cuda::new(Recorder::default(), precision);
            let optimizer = optimizer(OptimizerKind::Adamw, network.params());
            let optimizer = Optimizer { models: 3, ..optimizer };
            let training =
                Training { optimizer, smoothing: 0.0, class_weights: vec![1.0; 9], seeds: vec![0; 3] };
            let _trainer = Trainer::new(&cuda, &network, extent, training).unwrap();
            let allocated = cuda.executor().bytes();
            let estimate = Trainer::bytes(&cuda, &network, extent).unwrap() as u64;
            assert!(
                estimate <= allocated && allocated <= estimate + 16 * 1024,
                "{estimate} estimated, {allocated} allocated: {network:?}"
            );
        }
    }
}
