//! The time of a launch. A model: what it leaves out, it says.
//!
//! ```text
//! time   = start + max(issue, bytes from memory, bytes through the L2 cache)
//! issue  = sum over the waves of blocks: (cycles outside of the loop + trips x cycles of a trip) / clock
//! ```
//!
//! It takes the largest bound, as if the others were hidden behind it. It knows nothing of memory that
//! answers late under load, nor of results that the next kernel still finds in the L2 cache. One constant is
//! fitted to measured times of a kernel: the exchange of a cluster, in tools/sass/machine.py.

use super::super::kernel::Kernel;
use super::figures::Figures;
use super::recorder::{MULTIPROCESSORS, Recorded};
use super::trips::trips;
use crate::backend::Rule;

// Measured on an H100: benches/runs/2026-11-26-h100, README.md and latencies.json.

/// Microseconds from one launch of an empty kernel to the next in a full queue.
const START: f64 = 2.0;
/// Bytes a microsecond from memory.
const MEMORY: f64 = 3.06e6;
/// Bytes a microsecond from the L2 cache, when all multiprocessors read.
const L2: f64 = 11.8e6;
/// The multiprocessors that clusters of four blocks find at a time, by cuOccupancyMaxActiveClusters on an
/// H200: a cluster takes them from one of the parts of the chip, of which some have no multiple of four.
const IN_CLUSTERS: usize = 120;
/// Cycles a microsecond in the time loops, by Nsight Compute.
const CLOCK: f64 = 1800.0;

// NVIDIA H100 Tensor Core GPU Architecture, and CUDA C++ Programming Guide, compute capability 9.0.

/// Bytes of the L2 cache.
const L2_SIZE: usize = 50 << 20;
/// Registers of a multiprocessor; a warp takes a multiple of [`REGISTERS_OF_WARP`].
const REGISTERS: usize = 65536;
const REGISTERS_OF_WARP: usize = 256;
/// Threads and blocks that a multiprocessor holds at most.
const THREADS: usize = 2048;
const BLOCKS: usize = 32;
/// Bytes of shared memory of a multiprocessor, of which each block takes [`SHARED_OF_BLOCK`] for the system.
const SHARED: usize = 228 << 10;
const SHARED_OF_BLOCK: usize = 1 << 10;

/// By how much the predicted times of the record's time loops and training steps differed at most from the
/// measured ones, as a share of the measured: benches/runs/2026-11-27-h200. tests/predictions.rs compares the
/// time loops again.
pub(super) const ERROR: f64 = 0.25;

/// Whether the record has measured times of the kernel, so that [`ERROR`] is its error, too.
pub(super) fn has_record(kernel: &Kernel) -> bool {
    let is_measured = !["conv", "attention"].iter().any(|operation| kernel.entry.starts_with(operation));
    is_measured && kernel.constant("PRECISION") != Some(32)
}

/// The microseconds of a launch in a full queue, and what sets them.
pub(super) fn time(launch: &Recorded, figures: &Figures) -> (f64, Rule) {
    let known = trips(launch, figures);
    let trips = known.unwrap_or(usize::from(figures.instructions > 0));
    let moved = launch.blocks() * trips * figures.bytes;
    let bytes = bytes(launch, moved);
    let issue = issue(launch, figures, trips, bytes > L2_SIZE);
    let code = if known.is_some() { Rule::Loop } else { Rule::Once };
    let bounds = [(issue, code), (bytes as f64 / MEMORY, Rule::Memory), (moved as f64 / L2, Rule::L2)];
    let (us, rule) = bounds.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).expect("there are bounds");
    (START + us, rule)
}

/// The bytes that a launch moves from and to memory, of which its blocks move `moved` in their loops.
fn bytes(launch: &Recorded, moved: usize) -> usize {
    match launch.kernel.entry {
        // No two blocks share data, and `Work` counts the saved gates as `f32`.
        "rnn_persistent_forward"
        | "rnn_persistent_backward"
        | "rnn_cluster_forward"
        | "rnn_cluster_backward" => moved,
        // `Work` counts the sum with the gradient itself.
        "rnn_weight_gradient_sum" => {
            let columns = launch.argument("x_row") + launch.argument("h_row");
            let row = 4 * launch.argument("hidden") * columns;
            size_of::<f32>() * launch.argument("splits") * row * launch.grid[2] as usize
        }
        _ => launch.work.bytes as usize,
    }
}

/// The microseconds in which the multiprocessors issue the instructions of all blocks.
fn issue(launch: &Recorded, figures: &Figures, trips: usize, from_memory: bool) -> f64 {
    let trip = if from_memory { &figures.dram_cycles } else { &figures.cycles };
    let cycles = |on_one: usize| at(&figures.outside, on_one) + trips as f64 * at(trip, on_one);
    let most = resident(figures, launch.kernel.threads() as usize);
    let multiprocessors = match launch.kernel.constant("CLUSTER") {
        Some(_) => IN_CLUSTERS,
        None => MULTIPROCESSORS,
    };
    let (waves, rest) =
        (launch.blocks() / (multiprocessors * most), launch.blocks() % (multiprocessors * most));
    let of_rest = if rest > 0 { cycles(rest.div_ceil(multiprocessors)) } else { 0.0 };
    (waves as f64 * cycles(most) + of_rest) / CLOCK
}

/// The blocks of a kernel that a multiprocessor holds at one time.
fn resident(figures: &Figures, threads: usize) -> usize {
    let warps = threads.div_ceil(32);
    let of_warp = (32 * figures.registers).next_multiple_of(REGISTERS_OF_WARP);
    let by_registers = REGISTERS / (warps * of_warp);
    let by_shared = SHARED / (figures.shared + SHARED_OF_BLOCK);
    by_registers.min(by_shared).min(THREADS / threads).clamp(1, BLOCKS)
}

/// The cycles with `blocks` blocks on a multiprocessor, from those with one and with two. Each further block
/// adds as much as the second.
fn at(cycles: &[f64], blocks: usize) -> f64 {
    match *cycles {
        [] => 0.0,
        [one] => one * blocks as f64,
        [one, two, ..] => one + (two - one) * (blocks - 1) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::rnn::Kernels;
    use super::*;
    use crate::ops::{Cell, Precision, Work};

    const LAYER: Kernels =
        Kernels { cell: Cell::Lstm, input: 160, dirs: 1, hidden: 64, precision: Precision::Bf16 };

    /// 96 registers of 128 threads: five blocks on a multiprocessor.
    fn figures() -> Figures {
        Figures {
            registers: 96,
            instructions: 1,
            mma: 16,
            bytes: 1000,
            cycles: vec![400.0, 500.0],
            dram_cycles: vec![600.0, 700.0],
            outside: vec![1000.0, 1400.0],
            ..Figures::default()
        }
    }

    #[track_caller]
    fn assert_time(launch: &Recorded, figures: &Figures, expected: (f64, Rule)) {
        let (us, rule) = time(launch, figures);
        assert!((us - expected.0).abs() < 1e-9 && rule == expected.1, "{us} {rule:?}, not {expected:?}");
    }

    #[test]
    fn a_time_loop_takes_its_trips_and_what_is_outside_of_them() {
        let launch = |blocks| Recorded::of(LAYER.persistent_forward(2), [blocks, 1, 1], &[("steps", 100)]);
        assert_time(&launch(132), &figures(), (2.0 + (1000.0 + 100.0 * 400.0) / 1800.0, Rule::Loop));
        // Two blocks on some multiprocessors; then five on each, and one more.
        assert_time(&launch(133), &figures(), (2.0 + (1400.0 + 100.0 * 500.0) / 1800.0, Rule::Loop));
        let (five, one) = (2600.0 + 100.0 * 800.0, 1000.0 + 100.0 * 400.0);
        // 66 MB: loads from memory.
        let (five_late, one_late) = (five + 100.0 * 200.0, one + 100.0 * 200.0);
        assert_time(&launch(661), &figures(), (2.0 + (five_late + one_late) / 1800.0, Rule::Loop));
    }

    #[test]
    fn the_largest_bound_sets_the_time() {
        let launch = Recorded::of(LAYER.persistent_forward(2), [132, 1, 1], &[("steps", 100)]);
        let heavy = Figures { bytes: 100_000, ..figures() };
        assert_time(&launch, &heavy, (2.0 + 132.0 * 100.0 * 100_000.0 / 3.06e6, Rule::Memory));
        // 32 mma of 64 multiply-adds a lane, for 128 sums: a depth of 16.
        let heavy = Figures { mma: 32, ..heavy };
        let mut gemm = Recorded::of(LAYER.project(), [132, 1, 1], &[("depth", 1600)]);
        assert_time(&gemm, &heavy, (2.0 + 132.0 * 100.0 * 100_000.0 / 11.8e6, Rule::L2));
        gemm.work = Work { flops: 0, bytes: 3_060_000_000 };
        assert_time(&gemm, &heavy, (2.0 + 1000.0, Rule::Memory));
    }

    #[test]
    fn a_kernel_without_known_trips_runs_once() {
        let launch = Recorded::of(LAYER.pack_input(), [4, 1, 1], &[]);
        let without = Figures { instructions: 0, cycles: vec![], dram_cycles: vec![], ..figures() };
        assert_time(&launch, &figures(), (2.0 + 1400.0 / 1800.0, Rule::Once));
        assert_time(&launch, &without, (2.0 + 1000.0 / 1800.0, Rule::Once));
        let splits = [("hidden", 64), ("x_row", 168), ("h_row", 60), ("splits", 64)];
        let sum = Recorded::of(LAYER.weight_gradient_sum(), [225, 1, 3], &splits);
        assert_time(&sum, &without, (2.0 + f64::from(4 * 64 * 256 * 228 * 3) / 3.06e6, Rule::Memory));
    }

    #[test]
    fn a_multiprocessor_holds_as_many_blocks_as_its_registers_shared_memory_and_threads_allow() {
        for (registers, shared, threads, expected) in [
            (116, 0, 128, 4),
            (128, 0, 256, 2),
            (129, 0, 256, 1),
            (194, 0, 256, 1),
            (32, 100 << 10, 128, 2),
            (16, 0, 1024, 2),
            (16, 0, 32, 32),
            (255, 0, 512, 1),
        ] {
            let figures = Figures { registers, shared, ..Figures::default() };
            assert_eq!(resident(&figures, threads), expected, "{registers} {shared} {threads}");
        }
    }
}
