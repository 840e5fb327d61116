//! x86-64 with 16-lane vectors: thirty-two registers. What takes `bf16` is of AVX512-BF16, which not every
//! processor with such vectors has.

use super::Simd;
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub struct Avx512;

// SAFETY: `__m512` is 16 `f32`, no more than `MAX_LANES`; `load` and `store` touch these 16 alone.
unsafe impl Simd for Avx512 {
    type V = __m512;
    type Pairs = __m512bh;
    const LANES: usize = 16;
    const REGISTERS: usize = 32;
    const WIDENS_PAIRS: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F, and `from` is the first of 16 numbers; the
        // instruction asks for no alignment.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: __m512) {
        // SAFETY: the caller's processor has AVX-512F, and `to` has room for 16 numbers; the
        // instruction asks for no alignment.
        unsafe { _mm512_storeu_ps(to, v) }
    }
    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sqrt(a: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe { _mm512_sqrt_ps(a) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn neg_mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }
    /// The second operand is what `min` gives if one is NaN.
    #[inline(always)]
    unsafe fn at_most(x: __m512, limit: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe { _mm512_min_ps(limit, x) }
    }
    #[inline(always)]
    unsafe fn at_least(x: __m512, limit: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe { _mm512_max_ps(limit, x) }
    }
    #[inline(always)]
    unsafe fn select_less(a: __m512, b: __m512, yes: __m512, no: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), no, yes) }
    }
    #[inline(always)]
    unsafe fn select_nan(x: __m512, yes: __m512, no: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x), no, yes) }
    }
    #[inline(always)]
    unsafe fn scale(x: __m512, shifted: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F; registers alone are touched.
        unsafe {
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), exponent))
        }
    }
    #[inline(always)]
    unsafe fn splat_pair(pair: u32) -> __m512bh {
        // SAFETY: the caller's processor has AVX-512F; both types are 64 bytes of any value.
        unsafe { std::mem::transmute(_mm512_set1_epi32(pair as i32)) }
    }
    #[inline(always)]
    unsafe fn load_pairs(from: *const u16) -> __m512bh {
        // SAFETY: the caller's processor has AVX-512F, and `from` is the first of 32 numbers, 64 bytes; the
        // instruction asks for no alignment. Both types are 64 bytes of any value.
        unsafe { std::mem::transmute(_mm512_loadu_si512(from.cast())) }
    }
    #[inline(always)]
    unsafe fn mul_add_pairs(a: __m512bh, b: __m512bh, c: __m512) -> __m512 {
        // SAFETY: the caller's processor has AVX512-BF16; registers alone are touched.
        unsafe { _mm512_dpbf16_ps(c, a, b) }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> __m512 {
        // SAFETY: the caller's processor has AVX-512F, and `from` is the first of 16 numbers, 32 bytes; the
        // instruction asks for no alignment.
        unsafe {
            let numbers = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(numbers))
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, v: __m512) {
        // SAFETY: the caller's processor has AVX512-BF16, and `to` has room for 16 numbers, 32 bytes; the
        // instruction asks for no alignment.
        unsafe { _mm256_storeu_si256(to.cast(), rounded(v)) }
    }
    #[inline(always)]
    unsafe fn store_pairs(to: *mut u16, a: __m512, b: __m512) {
        // SAFETY: the caller's processor has AVX512-BF16, and `to` has room for 32 numbers, 64 bytes; the
        // instruction asks for no alignment.
        unsafe {
            let (a, b) = (_mm512_cvtepu16_epi32(rounded(a)), _mm512_cvtepu16_epi32(rounded(b)));
            _mm512_storeu_si512(to.cast(), _mm512_or_si512(a, _mm512_slli_epi32::<16>(b)));
        }
    }
    #[inline(always)]
    fn prefetch(at: *const f32) {
        // SAFETY: a hint, which faults at no address; its instruction, of SSE, is in every x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }
}

/// Sixteen `bf16`.
///
/// # Safety
/// The processor has AVX512-BF16.
#[inline(always)]
unsafe fn rounded(v: __m512) -> __m256i {
    // SAFETY: the caller's processor has AVX512-BF16; both types are 32 bytes of any value.
    unsafe { std::mem::transmute(_mm512_cvtneps_pbh(v)) }
}
