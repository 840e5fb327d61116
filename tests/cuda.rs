//! The kernels and launches of the backend `cuda`, run on the host (`cuda_on_host`), against the reference.

mod chains;
mod driver;
mod graphs;
pub mod intrinsics;

use crate::support::conformance::{alone_as_in, conforms, dropout_is_exact, others, together_and_alone};
use crate::support::cuda_on_host::{Host, Sanitizer, sanitizer, under};
use crate::support::curves::{curve, curve_within, optimizer};
use crate::support::training;
use engine::ErrorKind;
use engine::backend::Algorithm;
use engine::backend::Timeline;
use engine::backend::cuda::{Cuda, Executor, Failure, Gemm, Launch, Recorded, Recorder, Tuning, fits};
use engine::check::cases::{ConvCase, ConvSize, GatherCase, PoolCase, RnnCase, conv, rnn};
use engine::check::{self, AnyCase, Case};
use engine::model::{Extent, Trainer, Training};
use engine::ops::{
    Cell, Device, Dropout, DropoutOperands, Gather, LayerSpec, Network, Optimizer, OptimizerKind, Pool,
    PoolForward, PoolForwardOperands, PoolKind, Pooling, Precision, Rnn, RnnSize,
};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
    for precision in Precision::ALL {
        for cell in Cell::ALL {
            let size = RnnSize { batch: 33, steps: 3, input: 2, hidden: 130 };
            let alone = RnnCase { ragged: true, initial: true, ..RnnCase::new(cell, 2, size) };
            let blocks = |case: &RnnCase| {
                let s = case.rnn;
                s.hidden.div_ceil(16) * s.batch.div_ceil(32) * s.dirs * s.models
            };
            let (cuda, together) = (host(precision, 0), alone.clone().models(4));
            let multiprocessors = Host { order: 0, exact: false }.multiprocessors();
            assert!(blocks(&alone) <= multiprocessors && blocks(&together) > multiprocessors);
            alone_as_in(&cuda, &together, &alone, 4);
        }
    }
}

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

/// As for persistent kernels, below.
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

/// Every case stays within its bound and has the same bits in three orders of threads and blocks. Without
/// rounding, the tf32 kernels keep the bounds of `f32`.
#[test]
fn convolution_blocks_keep_their_bounds_in_every_precision() {
    let exact = Cuda::new(Host { order: 0, exact: true }, Precision::Tf32);
    for precision in Precision::ALL {
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
    for precision in Precision::ALL {
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
    for precision in Precision::ALL {
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

#[test]
fn a_model_has_the_same_bits_in_a_fold_group() {
    for precision in Precision::ALL {
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
        for precision in Precision::ALL {
            curve_within(&host(precision, 0), name);
        }
    }
}

/// Runs every kernel of a layer under a sanitizer in a child process, with two blocks of rows, two models,
/// and a width that is no multiple of a warp's. Does nothing in the parent process.
#[test]
#[ignore = "run again under a sanitizer by the tests below"]
fn small_cases() {
    if sanitizer() == Sanitizer::None {
        return;
    }
    // The thread sanitizer is slow, and models share no threads.
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
            (Precision::Tf32, Algorithm::Cluster),
            (Precision::Bf16, Algorithm::Cluster),
        ] {
            let cuda = host(precision, 7).tuned(Tuning { algorithm: Some(algorithm), ..Tuning::default() });
            case.run(&cuda, &case.tensors()).unwrap();
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
    for precision in Precision::ALL {
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
    let output = under(kind, "cuda::small_cases");
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

/// The host with a memory limit, and with a switch that makes it fail as after an illegal address.
struct Failing {
    host: Host,
    limit: u64,
    is_broken: AtomicBool,
    /// Calls after it had reported that it was lost.
    late_calls: AtomicU64,
    has_reported: AtomicBool,
}

impl Failing {
    fn new(limit: u64) -> Cuda<Failing> {
        let failing = Failing {
            host: Host::default(),
            limit,
            is_broken: AtomicBool::new(false),
            late_calls: AtomicU64::new(0),
            has_reported: AtomicBool::new(false),
        };
        Cuda::new(failing, Precision::Fp32)
    }

    /// The result of any call: once broken, the error that the driver returns after an illegal address.
    fn call(&self) -> Result<(), Failure> {
        if self.has_reported.load(Ordering::Relaxed) {
            self.late_calls.fetch_add(1, Ordering::Relaxed);
        }
        match self.is_broken.load(Ordering::Relaxed) {
            false => Ok(()),
            true => {
                self.has_reported.store(true, Ordering::Relaxed);
                Err(Failure::Lost(
                    "an illegal memory access was encountered (CUDA_ERROR_ILLEGAL_ADDRESS)".into(),
                ))
            }
        }
    }
}

impl Executor for Failing {
    type Memory = <Host as Executor>::Memory;
    type Graph = <Host as Executor>::Graph;

    fn describe(&self) -> String {
        "cuda that fails".into()
    }
    fn multiprocessors(&self) -> usize {
        1
    }

    fn has_clusters(&self) -> bool {
        true
    }
    fn timeline(&self) -> Option<&Timeline> {
        None
    }
    fn zeros(&self, bytes: usize) -> Result<Self::Memory, Failure> {
        self.call()?;
        if bytes as u64 > self.limit {
            return Err(Failure::OutOfMemory { free: self.limit, total: 2 * self.limit });
        }
        self.host.zeros(bytes)
    }
    fn address(&self, memory: &Self::Memory) -> u64 {
        self.host.address(memory)
    }
    fn write(&self, memory: &Self::Memory, offset: usize, bytes: &[u8]) -> Result<(), Failure> {
        self.call()?;
        self.host.write(memory, offset, bytes)
    }
    fn read(&self, memory: &Self::Memory, offset: usize, bytes: &mut [u8]) -> Result<(), Failure> {
        self.call()?;
        self.host.read(memory, offset, bytes)
    }
    /// As on a GPU, the next call reports the failure.
    fn launch(&self, launch: &Launch) -> Result<(), Failure> {
        self.call()?;
        self.host.launch(launch)
    }
    fn graph(&self, launches: &[Launch]) -> Result<Self::Graph, Failure> {
        self.call()?;
        self.host.graph(launches)
    }
    fn set_arguments(&self, graph: &mut Self::Graph, i: usize, launch: &Launch) -> Result<(), Failure> {
        self.call()?;
        self.host.set_arguments(graph, i, launch)
    }
    fn launch_graph(&self, graph: &mut Self::Graph) -> Result<(), Failure> {
        self.call()?;
        self.host.launch_graph(graph)
    }
    fn cublaslt_gemm(&self, gemm: &Gemm) -> Result<(), Failure> {
        self.host.cublaslt_gemm(gemm)
    }
    fn wait(&self) -> Result<(), Failure> {
        self.call()
    }
}

#[test]
fn an_allocation_that_does_not_fit_is_an_error_and_the_device_stays_usable() {
    let cuda = Failing::new(3 << 20);
    let small = cuda.zeros::<f32>(1 << 18).unwrap();
    let error = cuda.zeros::<f32>(1 << 20).err().expect("more than there is");
    assert_eq!(error.kind, ErrorKind::Device);
    for part in ["no memory for 4.0 MiB beside 1.0 MiB in use: 3.0 MiB of 6.0 MiB are free", "`batch`"] {
        assert!(error.to_string().contains(part), "no {part} in {error}");
    }
    drop(small);
    cuda.zeros::<f32>(1 << 18).unwrap();
}

#[test]
fn a_lost_device_saves_nothing_gets_no_calls_and_the_run_resumes_from_its_checkpoint() {
    let (broken, other) = (Failing::new(u64::MAX), Failing::new(u64::MAX));
    let lose = || broken.executor().is_broken.store(true, Ordering::Relaxed);
    let error = training::loses_its_device(&broken, &other, &lose);
    for part in ["CUDA_ERROR_ILLEGAL_ADDRESS", "last launched: ", ".cu", "blocks of 128 threads", "--resume"]
    {
        assert!(error.to_string().contains(part), "no {part} in {error}");
    }
    assert_eq!(broken.zeros::<f32>(1).err(), Some(error), "the same error from then on");
    assert_eq!(broken.executor().late_calls.load(Ordering::Relaxed), 0, "calls to a lost device");
}

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
        for precision in Precision::ALL {
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
