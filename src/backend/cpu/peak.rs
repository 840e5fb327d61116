//! Measures the peak arithmetic throughput and memory bandwidth of this CPU.

use super::format::{Format, with_format};
use super::isa::{self, Isa, Task};
use super::simd::Simd;
use crate::backend::peak::{Peak, fastest_rate};
use crate::error::Result;
use crate::ops::Precision;
use std::hint::black_box;
use std::marker::PhantomData;

/// About ten milliseconds.
const ROUNDS: usize = 1_000_000;
/// Numbers that a thread copies: 32 MiB.
const COPIED: usize = 8 << 20;

/// Of all threads of the current Rayon pool together.
///
/// # Errors
/// None: a CPU's work does not fail.
pub fn measure(isa: Isa, precision: Precision) -> Result<Peak> {
    let threads = rayon::current_num_threads();
    let run = || with_format!(precision, E => isa::run(isa, Chains::<E>(PhantomData)));
    let gflops = fastest_rate(2 * threads * run(), |count| {
        (0..count).for_each(|_| {
            rayon::broadcast(|_| run());
        });
        Ok(())
    })?;
    let mut buffers = vec![(vec![1.0f32; COPIED], vec![0.0f32; COPIED]); threads];
    let gbytes = fastest_rate(2 * size_of::<f32>() * COPIED * threads, |count| {
        (0..count).for_each(|_| {
            rayon::scope(|scope| {
                for (from, to) in &mut buffers {
                    scope.spawn(|_| black_box(to).copy_from_slice(black_box(from)));
                }
            });
        });
        Ok(())
    })?;
    Ok(Peak { gflops, gbytes })
}

/// `ROUNDS` times as many multiply-adds of whole vectors as three quarters of the registers hold: more than
/// any processor's latency times its units. Gives the number of multiply-adds.
struct Chains<E>(PhantomData<E>);

impl<E: Format> Task for Chains<E> {
    type Format = E;
    type Output = usize;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> usize {
        // SAFETY: `run`'s caller has `S`'s instructions.
        unsafe { if S::REGISTERS < 32 { chains::<S, E, 12>() } else { chains::<S, E, 24>() } }
    }
}

/// `SUMS` chains of multiply-adds.
///
/// # Safety
/// The processor has `S`'s instructions.
#[inline(always)]
unsafe fn chains<S: Simd, E: Format, const SUMS: usize>() -> usize {
    let word = [E::round(black_box(0.5)); 2];
    // SAFETY: the caller's processor has `S`'s instructions, and a word has no more than two numbers; no
    // other memory but the array of sums is touched.
    unsafe {
        let (half, factor) = (S::splat(black_box(0.5)), E::splat::<S>(word.as_ptr()));
        let mut sums = [S::splat(0.0); SUMS];
        for sum in &mut sums {
            *sum = S::splat(black_box(0.25));
        }
        let mut factor = factor;
        for _ in 0..ROUNDS {
            // No product can be computed ahead: in `f32` the sum itself is a factor, and a pair nobody knows.
            if E::PAIR == 2 {
                factor = black_box(factor);
            }
            for sum in &mut sums {
                *sum = match E::PAIR {
                    1 => S::mul_add(*sum, half, half),
                    _ => E::mul_add::<S>(factor, factor, *sum),
                };
            }
        }
        for sum in sums {
            black_box(sum);
        }
    }
    ROUNDS * SUMS * S::LANES * E::PAIR
}
