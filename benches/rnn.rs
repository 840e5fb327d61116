//! Throughput of the recurrent layer: groups by (cell, shape), the backends as members, checked before they are timed.
//!
//! `cargo bench -- rnn`; elements are `M * B * T`, one step of one row.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::backend::cpu::{Cpu, Isa};
use engine::backend::{Backend, Reference};
use engine::cases::Case;
use engine::check;
use engine::spec::Cell;

/// B, T, D, H
const SHAPES: [(&str, [usize; 4]); 3] =
    [("S1", [32, 60, 160, 64]), ("S2", [64, 128, 32, 128]), ("S6", [1, 128, 40, 128])];

fn rnn(c: &mut Criterion) {
    for (shape, sizes) in SHAPES {
        for (cell, dirs) in [(Cell::Lstm, 1), (Cell::Gru, 1), (Cell::Lstm, 2)] {
            let case = Case::new(cell, dirs, sizes);
            let tensors = case.tensors();
            let mut group = c.benchmark_group(format!("rnn/{shape} {}", case.name()));
            group.sample_size(10).throughput(Throughput::Elements((sizes[0] * sizes[1]) as u64));
            for isa in Isa::available() {
                let cpu = Cpu::with_isa(isa);
                let outcome = check::conformance(&cpu, &case).expect("the case runs");
                assert!(outcome.holds(), "not timed, wrong: {outcome:?}");
                group.bench_function(cpu.describe(), |b| {
                    b.iter(|| case.run(&cpu, &tensors).expect("the case runs"))
                });
            }
            if shape == "S1" {
                let reference = Reference::<f32>::default();
                group.bench_function(reference.describe(), |b| b.iter(|| case.run(&reference, &tensors)));
            }
            group.finish();
        }
    }
}

criterion_group!(benches, rnn);
criterion_main!(benches);
