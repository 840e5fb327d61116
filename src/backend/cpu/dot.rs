//! Dot products.

use super::simd::{MAX_LANES, Simd};

/// The dot product of two rows of one length.
///
/// # Safety
/// The processor has `S`'s instructions.
#[inline(always)]
pub unsafe fn dot<S: Simd>(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; MAX_LANES];
    // SAFETY: the caller's processor has `S`'s instructions; a load is of a chunk, by the chunk's own length,
    // and `lanes` has room for the vector of any path.
    unsafe {
        let mut sum = S::splat(0.0);
        for (a, b) in a.chunks(S::LANES).zip(b.chunks(S::LANES)) {
            sum = S::mul_add(S::load_first(a.as_ptr(), a.len()), S::load_first(b.as_ptr(), b.len()), sum);
        }
        S::store(lanes.as_mut_ptr(), sum);
    }
    let mut half = MAX_LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}
