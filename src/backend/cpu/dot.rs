//! Dot products.

use super::simd::{MAX_LANES, Simd};

/// The dot product of two rows of one length.
///
/// # Safety
/// The processor has `S`'s instructions.
#[inline(always)]
pub unsafe fn dot<S: Simd>(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; MAX_LANES];
    let len = a.len();
    assert_eq!(len, b.len());
    // SAFETY: the caller's processor has `S`'s instructions; from `i` on both rows have `len - i` numbers
    // left, and `lanes` has room for the vector of any path.
    unsafe {
        let mut sum = S::splat(0.0);
        for i in (0..len).step_by(S::LANES) {
            let load = |row: &[f32]| S::load_first(row.as_ptr().add(i), len - i);
            sum = S::mul_add(load(a), load(b), sum);
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
