//! Whole training steps: gather, forward, loss, backward, clip, update; of one fold, and of a group of eight.
//!
//! `cargo bench -- step`; elements are `M * B * T`, one step of one row.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::backend::cpu::Cpu;
use engine::model::TrainingStep;
use engine::ops::{Cell, LayerSpec, Network, Pooling};
use std::time::Duration;

const BATCH: usize = 32;
const STEPS: usize = 60;
const FEATURES: usize = 160;
const HIDDEN: usize = 64;

fn network(cell: Cell, dirs: usize, layers: usize, dropout: f64) -> Network {
    Network {
        features: FEATURES,
        convs: Vec::new(),
        layers: vec![LayerSpec::new(cell, HIDDEN, dirs); layers],
        pool: Pooling::Last,
        dense: None,
        dropout,
        classes: 2,
    }
}

fn step(c: &mut Criterion) {
    let networks = [
        ("lstm", network(Cell::Lstm, 1, 1, 0.0)),
        ("gru", network(Cell::Gru, 1, 1, 0.0)),
        ("bilstm", network(Cell::Lstm, 2, 1, 0.0)),
        ("lstm of 2 layers, dropout", network(Cell::Lstm, 1, 2, 0.2)),
    ];
    let cpu = Cpu::new();
    for (name, network) in networks {
        let mut group = c.benchmark_group(format!("step/{name}"));
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2));
        for models in [1, 8] {
            group.throughput(Throughput::Elements((models * BATCH * STEPS) as u64));
            let mut step = None;
            group.bench_function(format!("{models} folds"), |bencher| {
                let step = step.get_or_insert_with(|| {
                    TrainingStep::new(&cpu, &network, models, BATCH, STEPS).expect("fits in memory")
                });
                bencher.iter(|| step.run().expect("a step"));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, step);
criterion_main!(benches);
