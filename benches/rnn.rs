//! The recurrent layer: a group per cell, pass and shape, its members all devices and paths of this build, each checked
//! against the reference before it is timed. After each group, how much of its device's peak each member reaches.
//!
//! `cargo bench -- rnn`; elements are `M * B * T`, one step of one row.

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use engine::backend::Backend;
use engine::backend::cpu::{Cpu, Isa};
#[cfg(feature = "cuda")]
use engine::backend::cuda;
#[cfg(feature = "wgpu")]
use engine::backend::wgpu::adapters;
use engine::cases::{Case, Pass};
use engine::check;
use engine::spec::Cell;
use std::cell::OnceCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// B, T, D, H
const SHAPES: [(&str, [usize; 4]); 7] = [
    ("S1", [32, 60, 160, 64]),
    ("S2", [64, 128, 32, 128]),
    ("S3", [256, 128, 40, 64]),
    ("S4", [128, 128, 160, 256]),
    ("S5", [32, 512, 40, 128]),
    ("S6", [1, 128, 40, 128]),
    ("S7", [1024, 16, 70, 128]),
];
const CELLS: [(&str, Cell, usize); 3] =
    [("lstm", Cell::Lstm, 1), ("gru", Cell::Gru, 1), ("bilstm", Cell::Lstm, 2)];
const SAMPLES: usize = 10;

/// A device of this build.
struct Member {
    name: String,
    /// Checks the device on the first case, then makes everything that a run of the second, `training` or not, needs.
    prepare: Box<Prepare>,
}

type Prepare = dyn Fn(&Case, &Case, bool) -> Prepared;

struct Prepared {
    /// Of one run.
    flops: f64,
    /// Multiply-adds of the device, operations per second.
    peak: f64,
    run: Box<dyn FnMut()>,
}

/// All devices of this build.
fn members() -> Vec<Member> {
    let cpus = Isa::available().into_iter().map(|isa| member(move || Cpu::with_isa(isa)));
    cpus.chain(cuda_gpus()).chain(gpus()).collect()
}

/// GPUs of CUDA in each precision.
fn cuda_gpus() -> Vec<Member> {
    #[cfg(feature = "cuda")]
    return cuda::gpus()
        .into_iter()
        .flatten()
        .filter(|gpu| gpu.refusal().is_none())
        .flat_map(|gpu| {
            engine::spec::Precision::ALL.map(|precision| {
                let gpu = gpu.clone();
                member(move || cuda::Cuda::new(gpu.open(None).expect("the GPU opens"), precision))
            })
        })
        .collect();
    #[cfg(not(feature = "cuda"))]
    Vec::new()
}

/// Adapters that open. A software one shares the processor with the CPU's paths: what it takes is no GPU's time.
fn gpus() -> Vec<Member> {
    #[cfg(feature = "wgpu")]
    return adapters()
        .into_iter()
        .filter(|adapter| adapter.clone().open().is_ok())
        .map(|adapter| member(move || adapter.clone().open().expect("it opened before")))
        .collect();
    #[cfg(not(feature = "wgpu"))]
    Vec::new()
}

fn member<B: Backend + 'static>(open: impl FnOnce() -> B) -> Member {
    // Opened once: a device compiles its kernels when it first needs them.
    let backend = Rc::new(open());
    let peak = OnceCell::new();
    Member {
        name: backend.describe(),
        prepare: Box::new(move |small, case, training| {
            let backend = backend.clone();
            let peak = *peak.get_or_init(|| 1e9 * backend.roof().expect("the device can be measured").gflops);
            let outcome = check::conformance(&*backend, small).expect("the case runs");
            assert!(outcome.holds(), "not timed, wrong: {outcome:?}");
            let mut pass = Pass::new(&*backend, case, &case.tensors(), training).expect("fits in memory");
            Prepared {
                flops: pass.work().flops as f64,
                peak,
                run: Box::new(move || pass.run(&backend).expect("the case runs")),
            }
        }),
    }
}

/// Fewer rows and steps of the same widths, for the check: the reference in `f64` would take minutes on large shapes.
fn small([batch, steps, input, hidden]: [usize; 4]) -> [usize; 4] {
    [batch.min(9), steps.min(7), input, hidden]
}

/// Times one member; its operations per second by the median, and its device's peak, if it was not filtered out.
fn time(
    group: &mut BenchmarkGroup<WallTime>,
    member: &Member,
    small: &Case,
    case: &Case,
    training: bool,
) -> Option<(f64, f64)> {
    let mut prepared = None;
    let mut seconds = Vec::new();
    // Criterion calls this for every sample, and not at all for what is filtered out.
    group.bench_function(&member.name, |bencher| {
        let Prepared { run, .. } = prepared.get_or_insert_with(|| (member.prepare)(small, case, training));
        bencher.iter_custom(|runs| {
            let start = Instant::now();
            (0..runs).for_each(|_| run());
            let time = start.elapsed();
            seconds.push(time.as_secs_f64() / runs as f64);
            time
        });
    });
    // The last ones are the samples; before them it warmed up.
    let samples = seconds.len().saturating_sub(SAMPLES);
    let samples = &mut seconds[samples..];
    samples.sort_by(f64::total_cmp);
    let Prepared { flops, peak, .. } = prepared?;
    Some((flops / samples[samples.len() / 2], peak))
}

fn rnn(c: &mut Criterion) {
    let members = members();
    let test = std::env::args().any(|argument| argument == "--test");
    for (shape, sizes) in SHAPES {
        for (name, cell, dirs) in CELLS {
            let small = Case::new(cell, dirs, small(sizes));
            let case = if test { small.clone() } else { Case::new(cell, dirs, sizes) };
            for (pass, training) in [("forward", false), ("train", true)] {
                let mut group = c.benchmark_group(format!("rnn/{name} {pass} {shape}"));
                group
                    .sample_size(SAMPLES)
                    .throughput(Throughput::Elements((case.rnn.batch * case.rnn.steps) as u64));
                group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
                let found: Vec<(&str, (f64, f64))> = members
                    .iter()
                    .filter_map(|member| {
                        Some((member.name.as_str(), time(&mut group, member, &small, &case, training)?))
                    })
                    .collect();
                group.finish();
                for (member, (flops, peak)) in found.iter().filter(|_| !test) {
                    println!(
                        "  {member}: {:.1} GFLOP/s, {:.0} % of the multiply-add peak",
                        flops / 1e9,
                        100.0 * flops / peak
                    );
                }
            }
        }
    }
}

criterion_group!(benches, rnn);
criterion_main!(benches);
