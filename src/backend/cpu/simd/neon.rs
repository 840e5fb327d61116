//! 64-bit ARM with 4-lane vectors: thirty-two registers.

use super::Simd;
use std::arch::aarch64::*;

#[derive(Clone, Copy)]
pub struct Neon;

// SAFETY: `float32x4_t` is 4 `f32`, no more than `MAX_LANES`; `load` and `store` touch these 4 alone.
unsafe impl Simd for Neon {
    type V = float32x4_t;
    const LANES: usize = 4;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(value: f32) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vdupq_n_f32(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> float32x4_t {
        // SAFETY: the caller's processor has NEON, and `from` is the first of 4 numbers; the
        // instruction asks for no alignment.
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: float32x4_t) {
        // SAFETY: the caller's processor has NEON, and `to` has room for 4 numbers; the
        // instruction asks for no alignment.
        unsafe { vst1q_f32(to, v) }
    }
    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vdivq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sqrt(a: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vsqrtq_f32(a) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    unsafe fn neg_mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vfmsq_f32(c, a, b) }
    }
    /// The instruction itself keeps NaN.
    #[inline(always)]
    unsafe fn at_most(x: float32x4_t, limit: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vminq_f32(x, limit) }
    }
    #[inline(always)]
    unsafe fn at_least(x: float32x4_t, limit: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vmaxq_f32(x, limit) }
    }
    #[inline(always)]
    unsafe fn scale(x: float32x4_t, shifted: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe {
            let exponent = vshlq_n_s32::<23>(vreinterpretq_s32_f32(shifted));
            vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), exponent))
        }
    }
}
