//! From a subject's file to samples in memory.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::data::{deap, demo};

/// One subject of 103 MB: from memory, and from a file that the system has cached.
fn read_subject(criterion: &mut Criterion) {
    let mut bytes = Vec::new();
    demo::write_subject(&demo::DemoSpec::default(), 0, &mut bytes).expect("the default knobs are in range");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("s01.dat");
    std::fs::write(&file, &bytes).expect("103 MB in the temporary folder");

    let mut group = criterion.benchmark_group("pipeline/read_subject");
    group.sample_size(20).throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("memory", |bencher| {
        bencher
            .iter(|| deap::read_from(black_box(bytes.as_slice()), Some(bytes.len() as u64), "s01").unwrap());
    });
    group.bench_function("file", |bencher| bencher.iter(|| deap::read(black_box(&file)).unwrap()));
    group.finish();
}

fn generate_subject(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pipeline/generate_subject");
    group.sample_size(10);
    group.bench_function("all_threads", |bencher| {
        bencher.iter(|| demo::write_subject(&demo::DemoSpec::default(), 0, &mut std::io::sink()).unwrap());
    });
    group.finish();
}

criterion_group!(benches, read_subject, generate_subject);
criterion_main!(benches);
