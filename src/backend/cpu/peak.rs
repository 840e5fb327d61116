//! What this processor could do at most, measured: the peak over every kernel.

use super::isa::{self, Isa, Task};
use super::simd::Simd;
use crate::backend::Peak;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// About ten milliseconds.
const ROUNDS: usize = 1_000_000;
/// Numbers that a thread copies: 32 MiB.
const COPIED: usize = 8 << 20;
/// The best try of this time counts: threads that have just begun may share a core for a while.
const PATIENCE: Duration = Duration::from_millis(300);

/// Of all threads of the current Rayon pool together.
pub fn measure(isa: Isa) -> Peak {
    let threads = rayon::current_num_threads();
    let gflops = best(2 * threads * isa::run(isa, Chains), || {
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
    Peak { gflops, gbytes }
}

/// 10^9 a second of the fastest try.
fn best(count: usize, mut work: impl FnMut()) -> f64 {
    let (begin, mut fastest) = (Instant::now(), Duration::MAX);
    while begin.elapsed() < PATIENCE {
        let start = Instant::now();
        work();
        fastest = fastest.min(start.elapsed());
    }
    count as f64 / fastest.as_secs_f64() / 1e9
}

/// `ROUNDS` times as many multiply-adds of whole vectors as three quarters of the registers hold: more than
/// any processor's latency times its units. Gives the number of multiply-adds.
struct Chains;

impl Task for Chains {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> usize {
        // SAFETY: `run`'s caller has `S`'s instructions.
        unsafe { if S::REGISTERS < 32 { chains::<S, 12>() } else { chains::<S, 24>() } }
    }
}

/// `SUMS` chains of multiply-adds.
///
/// # Safety
/// The processor has `S`'s instructions.
#[inline(always)]
unsafe fn chains<S: Simd, const SUMS: usize>() -> usize {
    // SAFETY: the caller's processor has `S`'s instructions; no memory but the array of sums is touched.
    unsafe {
        let factor = S::splat(black_box(0.5));
        let mut sums = [factor; SUMS];
        for sum in &mut sums {
            *sum = S::splat(black_box(0.25));
        }
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = S::mul_add(*sum, factor, factor);
            }
        }
        for sum in sums {
            black_box(sum);
        }
    }
    ROUNDS * SUMS * S::LANES
}
