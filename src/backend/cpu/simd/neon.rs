//! 64-bit ARM with 4-lane vectors: thirty-two registers. What multiplies `bf16` is of FEAT_BF16, which not
//! every such processor has.

use super::Simd;
use std::arch::aarch64::*;
use std::arch::asm;

#[derive(Clone, Copy)]
pub struct Neon;

// SAFETY: `float32x4_t` is 4 `f32`, no more than `MAX_LANES`; `load` and `store` touch these 4 alone.
unsafe impl Simd for Neon {
    type V = float32x4_t;
    type Pairs = uint32x4_t;
    const LANES: usize = 4;
    const REGISTERS: usize = 32;
    const WIDENS_PAIRS: bool = false;

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
    unsafe fn select_less(a: float32x4_t, b: float32x4_t, yes: float32x4_t, no: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vbslq_f32(vcltq_f32(a, b), yes, no) }
    }
    #[inline(always)]
    unsafe fn select_nan(x: float32x4_t, yes: float32x4_t, no: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vbslq_f32(vceqq_f32(x, x), no, yes) }
    }
    #[inline(always)]
    unsafe fn scale(x: float32x4_t, shifted: float32x4_t) -> float32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe {
            let exponent = vshlq_n_s32::<23>(vreinterpretq_s32_f32(shifted));
            vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), exponent))
        }
    }
    #[inline(always)]
    unsafe fn splat_pair(pair: u32) -> uint32x4_t {
        // SAFETY: the caller's processor has NEON; registers alone are touched.
        unsafe { vdupq_n_u32(pair) }
    }
    #[inline(always)]
    unsafe fn load_pairs(from: *const u16) -> uint32x4_t {
        // SAFETY: the caller's processor has NEON, and `from` is the first of 8 numbers, 16 bytes; the
        // instruction asks for no alignment.
        unsafe { vreinterpretq_u32_u16(vld1q_u16(from.cast())) }
    }
    #[inline(always)]
    unsafe fn mul_add_pairs(a: uint32x4_t, b: uint32x4_t, c: float32x4_t) -> float32x4_t {
        let mut sum = c;
        // SAFETY: the caller's processor has FEAT_BF16; registers alone are touched.
        unsafe {
            // The intrinsic is not yet in stable Rust.
            asm!(
                ".arch_extension bf16",
                "bfdot {sum:v}.4s, {a:v}.8h, {b:v}.8h",
                sum = inout(vreg) sum,
                a = in(vreg) a,
                b = in(vreg) b,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        sum
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> float32x4_t {
        // SAFETY: the caller's processor has NEON, and `from` is the first of 4 numbers, 8 bytes; the
        // instruction asks for no alignment.
        unsafe { vreinterpretq_f32_u32(vshlq_n_u32::<16>(vmovl_u16(vld1_u16(from.cast())))) }
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, v: float32x4_t) {
        // SAFETY: the caller's processor has NEON, and `to` has room for 4 numbers, 8 bytes; the instruction
        // asks for no alignment.
        unsafe { vst1_u16(to.cast(), vshrn_n_u32::<16>(rounded(v))) }
    }
    #[inline(always)]
    unsafe fn store_pairs(to: *mut u16, a: float32x4_t, b: float32x4_t) {
        // SAFETY: the caller's processor has NEON, and `to` has room for 8 numbers, 16 bytes; the instruction
        // asks for no alignment.
        unsafe { vst1q_u32(to.cast(), vsriq_n_u32::<16>(rounded(b), rounded(a))) }
    }
}

/// `bf16` in the high halves; what is in the low ones does not count.
///
/// # Safety
/// The processor has NEON.
#[inline(always)]
unsafe fn rounded(v: float32x4_t) -> uint32x4_t {
    // SAFETY: the caller's processor has NEON; registers alone are touched.
    unsafe {
        let bits = vreinterpretq_u32_f32(v);
        let odd = vandq_u32(vshrq_n_u32::<16>(bits), vdupq_n_u32(1));
        let nearest = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
        // The sum could turn NaN into infinity.
        vbslq_u32(vceqq_f32(v, v), nearest, vdupq_n_u32(0x7fc0_0000))
    }
}
