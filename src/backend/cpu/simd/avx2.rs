//! x86-64 with 8-lane vectors and fused multiply-add: sixteen registers.

use super::Simd;
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub struct Avx2;

// SAFETY: `__m256` is 8 `f32`, no more than `MAX_LANES`; `load` and `store` touch these 8 alone.
unsafe impl Simd for Avx2 {
    type V = __m256;
    const LANES: usize = 8;
    const REGISTERS: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA, and `from` is the first of 8 numbers; the
        // instruction asks for no alignment.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: __m256) {
        // SAFETY: the caller's processor has AVX2 and FMA, and `to` has room for 8 numbers; the
        // instruction asks for no alignment.
        unsafe { _mm256_storeu_ps(to, v) }
    }
    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sqrt(a: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_sqrt_ps(a) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn neg_mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }
    /// The second operand is what `min` gives if one is NaN.
    #[inline(always)]
    unsafe fn at_most(x: __m256, limit: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_min_ps(limit, x) }
    }
    #[inline(always)]
    unsafe fn at_least(x: __m256, limit: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_max_ps(limit, x) }
    }
    #[inline(always)]
    unsafe fn scale(x: __m256, shifted: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe {
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), exponent))
        }
    }
    #[inline(always)]
    fn prefetch(at: *const f32) {
        // SAFETY: a hint, which faults at no address; its instruction, of SSE, is in every x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }
}
