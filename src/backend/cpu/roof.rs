//! What this processor could do at most, measured: the roof over every kernel.

use super::isa::{self, Isa, Task};
use super::simd::Simd;
use serde::Serialize;
use std::hint::black_box;
use std::time::Instant;

/// Peaks of all threads of the current Rayon pool together.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Roof {
    /// Fused multiply-adds that wait for nothing, 10^9 operations a second, two per multiply-add.
    pub gflops: f64,
    /// Copying what is larger than the caches, 10^9 bytes a second, read and written.
    pub gbytes: f64,
}

/// Sums side by side: more than any processor's latency times its units.
const SUMS: usize = 12;
/// About ten milliseconds.
const ROUNDS: usize = 2_000_000;
/// Numbers that a thread copies: 32 MiB.
const COPIED: usize = 8 << 20;
/// The best of so many counts: the machine is never idle for long.
const REPEATS: usize = 7;

pub fn measure(isa: Isa) -> Roof {
    let threads = rayon::current_num_threads();
    let flops = 2 * SUMS * isa.lanes() * ROUNDS * threads;
    let gflops = best(flops, || {
        rayon::broadcast(|_| isa::run(isa, Chains));
    });
    let mut buffers = vec![(vec![1.0f32; COPIED], vec![0.0f32; COPIED]); threads];
    let bytes = 2 * size_of::<f32>() * COPIED * threads;
    let gbytes = best(bytes, || {
        rayon::scope(|scope| {
            for (from, to) in &mut buffers {
                scope.spawn(|_| black_box(to).copy_from_slice(black_box(from)));
            }
        });
    });
    Roof { gflops, gbytes }
}

/// 10^9 a second of the fastest try.
fn best(count: usize, mut work: impl FnMut()) -> f64 {
    let seconds = (0..REPEATS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    });
    count as f64 / seconds.fold(f64::INFINITY, f64::min) / 1e9
}

/// `ROUNDS` times `SUMS` multiply-adds of whole vectors.
struct Chains;

impl Task for Chains {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        unsafe {
            let factor = S::splat(black_box(0.5));
            let mut sums = [factor; SUMS];
            for _ in 0..ROUNDS {
                for sum in &mut sums {
                    *sum = S::mul_add(*sum, factor, factor);
                }
            }
            for sum in sums {
                black_box(sum);
            }
        }
    }
}
