//! What the processor could do at most: fused multiply-adds that wait for nothing, on all threads.

use engine::backend::cpu::Isa;
use std::hint::black_box;
use std::time::Instant;

/// Sums side by side: more than any processor's latency times its units.
const SUMS: usize = 12;
/// About a hundredth of a second.
const ROUNDS: usize = 2_000_000;
const REPEATS: usize = 5;

/// Operations per second of the widest vectors, two per multiply-add: the best of a few tries.
pub fn fma_flops() -> f64 {
    let isa = Isa::detect();
    let flops = (2 * SUMS * isa.lanes() * ROUNDS * rayon::current_num_threads()) as f64;
    let seconds = (0..REPEATS).map(|_| {
        let start = Instant::now();
        rayon::broadcast(|_| multiply_add(isa));
        start.elapsed().as_secs_f64()
    });
    flops / seconds.fold(f64::INFINITY, f64::min)
}

/// `ROUNDS` times `SUMS` multiply-adds of whole vectors.
macro_rules! chains {
    ($splat:expr, $multiply_add:expr) => {{
        let factor = black_box($splat(0.5));
        let mut sums = [factor; SUMS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = $multiply_add(*sum, factor, factor);
            }
        }
        black_box(sums);
    }};
}

#[cfg(target_arch = "x86_64")]
fn multiply_add(isa: Isa) {
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx512f")]
    fn avx512() {
        chains!(_mm512_set1_ps, _mm512_fmadd_ps)
    }
    #[target_feature(enable = "avx2,fma")]
    fn avx2() {
        chains!(_mm256_set1_ps, _mm256_fmadd_ps)
    }
    // SAFETY: this machine has the path.
    unsafe {
        match isa {
            Isa::Avx512 => avx512(),
            Isa::Avx2 => avx2(),
            _ => chains!(_mm_set1_ps, |a, b, c| _mm_add_ps(_mm_mul_ps(a, b), c)),
        }
    }
}

#[cfg(target_arch = "aarch64")]
fn multiply_add(_: Isa) {
    use std::arch::aarch64::*;
    // SAFETY: every processor of this architecture has them.
    unsafe { chains!(vdupq_n_f32, |a, b, c| vfmaq_f32(c, a, b)) }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn multiply_add(_: Isa) {
    chains!(|value| [value; 4], |a: [f32; 4], b: [f32; 4], c: [f32; 4]| {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    })
}
