//! x86-64 with 8-lane vectors and fused multiply-add: sixteen registers. It has no instruction for `bf16`:
//! pairs are widened to `f32`.

use super::Simd;
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub struct Avx2;

// SAFETY: `__m256` is 8 `f32`, no more than `MAX_LANES`; `load` and `store` touch these 8 alone.
unsafe impl Simd for Avx2 {
    type V = __m256;
    type Pairs = __m256i;
    const LANES: usize = 8;
    const REGISTERS: usize = 16;
    const WIDENS_PAIRS: bool = true;

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
    unsafe fn select_less(a: __m256, b: __m256, yes: __m256, no: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) }
    }
    #[inline(always)]
    unsafe fn select_nan(x: __m256, yes: __m256, no: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x)) }
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
    unsafe fn splat_pair(pair: u32) -> __m256i {
        // SAFETY: the caller's processor has AVX2; registers alone are touched.
        unsafe { _mm256_set1_epi32(pair as i32) }
    }
    #[inline(always)]
    unsafe fn load_pairs(from: *const u16) -> __m256i {
        // SAFETY: the caller's processor has AVX2, and `from` is the first of 16 numbers, 32 bytes; the
        // instruction asks for no alignment.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }
    #[inline(always)]
    unsafe fn mul_add_pairs(a: __m256i, b: __m256i, c: __m256) -> __m256 {
        // SAFETY: the caller's processor has AVX2 and FMA; registers alone are touched.
        unsafe { _mm256_fmadd_ps(second(a), second(b), _mm256_fmadd_ps(first(a), first(b), c)) }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> __m256 {
        // SAFETY: the caller's processor has AVX2, and `from` is the first of 8 numbers, 16 bytes; the
        // instruction asks for no alignment.
        unsafe { first(_mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, v: __m256) {
        // SAFETY: the caller's processor has AVX2, and `to` has room for 8 numbers, 16 bytes; the instruction
        // asks for no alignment.
        unsafe {
            let numbers = _mm256_srli_epi32::<16>(rounded(v));
            // Packs within halves of the register: numbers 0 to 3 are in its first quarter, 4 to 7 in its
            // third.
            let packed = _mm256_permute4x64_epi64::<0b1000>(_mm256_packus_epi32(numbers, numbers));
            _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(packed));
        }
    }
    #[inline(always)]
    unsafe fn store_pairs(to: *mut u16, a: __m256, b: __m256) {
        // SAFETY: the caller's processor has AVX2, and `to` has room for 16 numbers, 32 bytes; the
        // instruction asks for no alignment.
        unsafe {
            let (a, b) = (_mm256_srli_epi32::<16>(rounded(a)), high_half(rounded(b)));
            _mm256_storeu_si256(to.cast(), _mm256_or_si256(a, b));
        }
    }
    #[inline(always)]
    fn prefetch(at: *const f32) {
        // SAFETY: a hint, which faults at no address; its instruction, of SSE, is in every x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }
}

/// The first number of each pair.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn first(pairs: __m256i) -> __m256 {
    // SAFETY: the caller's processor has AVX2; registers alone are touched.
    unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs)) }
}

/// The second number of each pair.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn second(pairs: __m256i) -> __m256 {
    // SAFETY: the caller's processor has AVX2; registers alone are touched.
    unsafe { _mm256_castsi256_ps(high_half(pairs)) }
}

/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn high_half(bits: __m256i) -> __m256i {
    // SAFETY: the caller's processor has AVX2; registers alone are touched.
    unsafe { _mm256_and_si256(bits, _mm256_set1_epi32(0xffff_0000_u32 as i32)) }
}

/// `bf16` in the high halves; what is in the low ones does not count.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn rounded(v: __m256) -> __m256i {
    // SAFETY: the caller's processor has AVX2; registers alone are touched.
    unsafe {
        let bits = _mm256_castps_si256(v);
        let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        let nearest = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
        // The sum could turn NaN into infinity.
        let is_nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(v, v);
        _mm256_blendv_epi8(nearest, _mm256_set1_epi32(0x7fc0_0000), _mm256_castps_si256(is_nan))
    }
}
