//! The recurrent layer, a group per cell, pass and shape, and the convolution block, a group per shape.
//! Members are all devices and paths of this build, each checked against the reference before it is timed.
//! After each group, how much of its device's peak each member reaches.
//!
//! `cargo bench -- rnn`, `cargo bench -- conv`; elements are `M * B * T`, one step of one row.

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use engine::backend::Backend;
use engine::backend::cpu::{Cpu, Isa};
#[cfg(feature = "cuda")]
use engine::backend::cuda;
#[cfg(feature = "wgpu")]
use engine::backend::wgpu::{Format, adapters};
use engine::check::cases::{ConvCase, ConvSize, RnnCase};
use engine::check::{self, Case, ConvPass, RnnPass};
use engine::ops::{Cell, RnnSize};
use std::cell::OnceCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

const SHAPES: [(&str, RnnSize); 7] = [
    ("S1", RnnSize { batch: 32, steps: 60, input: 160, hidden: 64 }),
    ("S2", RnnSize { batch: 64, steps: 128, input: 32, hidden: 128 }),
    ("S3", RnnSize { batch: 256, steps: 128, input: 40, hidden: 64 }),
    ("S4", RnnSize { batch: 128, steps: 128, input: 160, hidden: 256 }),
    ("S5", RnnSize { batch: 32, steps: 512, input: 40, hidden: 128 }),
    ("S6", RnnSize { batch: 1, steps: 128, input: 40, hidden: 128 }),
    ("S7", RnnSize { batch: 1024, steps: 16, input: 70, hidden: 128 }),
];
const CELLS: [(&str, Cell, usize); 3] =
    [("lstm", Cell::Lstm, 1), ("gru", Cell::Gru, 1), ("bilstm", Cell::Lstm, 2)];
/// Those of the original study's networks.
const BLOCKS: [(&str, ConvSize); 2] = [
    ("C1", ConvSize { batch: 32, steps: 256, input: 37, filters: 128, kernel: 3 }),
    ("C2", ConvSize { batch: 32, steps: 127, input: 128, filters: 128, kernel: 3 }),
];
const SAMPLES: usize = 10;

/// A device of this build.
struct Member {
    name: String,
    /// Checks the device on the small case, then makes everything that a run of the other needs.
    prepare: Box<dyn Fn(&Job) -> Prepared>,
}

/// The work that is timed.
enum Job {
    Layer { small: RnnCase, case: RnnCase, training: bool },
    Block { small: ConvCase, case: ConvCase },
}

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
            engine::backend::Kind::Cuda.precisions().iter().map(move |&precision| {
                let gpu = gpu.clone();
                member(move || {
                    cuda::Cuda::new(
                        gpu.open(cuda::default_folder().as_deref()).expect("the GPU opens"),
                        precision,
                    )
                })
            })
        })
        .collect();
    #[cfg(not(feature = "cuda"))]
    Vec::new()
}

/// Adapters that open. A software adapter shares the processor with the CPU's paths: its times are no GPU's
/// time.
fn gpus() -> Vec<Member> {
    #[cfg(feature = "wgpu")]
    return adapters()
        .into_iter()
        .filter(|adapter| adapter.clone().open().is_ok())
        .flat_map(|adapter| {
            Format::ALL.map(|format| {
                let adapter = adapter.clone();
                member(move || adapter.open().expect("it opened before").storing(format))
            })
        })
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
        prepare: Box::new(move |job| {
            let backend = backend.clone();
            let peak = *peak.get_or_init(|| 1e9 * backend.peak().expect("the device can be measured").gflops);
            let outcome = match job {
                Job::Layer { small, .. } => check::conformance(&*backend, small),
                Job::Block { small, .. } => check::conformance(&*backend, small),
            };
            let outcome = outcome.expect("the case runs");
            assert!(outcome.holds(), "not timed, wrong: {outcome:?}");
            match job {
                Job::Layer { case, training, .. } => {
                    let pass = RnnPass::new(&*backend, case, &case.tensors(), *training);
                    let mut pass = pass.expect("fits in memory");
                    Prepared {
                        flops: pass.work().flops as f64,
                        peak,
                        run: Box::new(move || pass.run(&backend).expect("the case runs")),
                    }
                }
                Job::Block { case, .. } => {
                    let pass = ConvPass::new(&*backend, case, &case.tensors());
                    let mut pass = pass.expect("fits in memory");
                    Prepared {
                        flops: pass.work().flops as f64,
                        peak,
                        run: Box::new(move || pass.run(&backend).expect("the case runs")),
                    }
                }
            }
        }),
    }
}

/// Fewer rows and steps of the same widths, for the check: the reference in `f64` would take minutes on large
/// shapes.
fn small(size: RnnSize) -> RnnSize {
    RnnSize { batch: size.batch.min(9), steps: size.steps.min(7), ..size }
}

/// Times one member; its operations per second by the median, and its device's peak, if it was not filtered
/// out.
fn time(group: &mut BenchmarkGroup<WallTime>, member: &Member, job: &Job) -> Option<(f64, f64)> {
    let mut prepared = None;
    let mut seconds = Vec::new();
    // Criterion calls this for every sample, and not at all for what is filtered out.
    group.bench_function(&member.name, |bencher| {
        let Prepared { run, .. } = prepared.get_or_insert_with(|| (member.prepare)(job));
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

/// Times all members on a job of so many elements.
fn group(c: &mut Criterion, members: &[Member], name: &str, elements: usize, job: &Job) {
    let mut group = c.benchmark_group(name);
    group.sample_size(SAMPLES).throughput(Throughput::Elements(elements as u64));
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    let found: Vec<(&str, (f64, f64))> = members
        .iter()
        .filter_map(|member| Some((member.name.as_str(), time(&mut group, member, job)?)))
        .collect();
    group.finish();
    for (member, (flops, peak)) in found.iter().filter(|_| !is_test()) {
        println!(
            "  {member}: {:.1} GFLOP/s, {:.0} % of the multiply-add peak",
            flops / 1e9,
            100.0 * flops / peak
        );
    }
}

/// Whether everything is only tried out.
fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

fn layers_and_blocks(c: &mut Criterion) {
    let members = members();
    for (shape, size) in SHAPES {
        for (name, cell, dirs) in CELLS {
            let small = RnnCase::new(cell, dirs, small(size));
            let case = if is_test() { small.clone() } else { RnnCase::new(cell, dirs, size) };
            for (pass, training) in [("forward", false), ("train", true)] {
                let job = Job::Layer { small: small.clone(), case: case.clone(), training };
                let elements = case.rnn.batch * case.rnn.steps;
                group(c, &members, &format!("rnn/{name} {pass} {shape}"), elements, &job);
            }
        }
    }
    for (shape, size) in BLOCKS {
        let small = ConvCase::new(ConvSize { batch: 2, steps: 9, ..size });
        let case = if is_test() { small.clone() } else { ConvCase::new(size) };
        let elements = case.conv.batch * case.conv.steps;
        group(c, &members, &format!("conv/train {shape}"), elements, &Job::Block { small, case });
    }
}

criterion_group!(benches, layers_and_blocks);
criterion_main!(benches);
