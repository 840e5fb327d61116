//! Plain Rust, for every CPU: arrays that the compiler may turn into vectors. Products are rounded before
//! they are added, because a fused multiply-add without an instruction for it is a slow library call.

use super::Simd;
use half::bf16;

#[derive(Clone, Copy)]
pub struct Portable;

type V = [f32; 4];

#[inline(always)]
fn each(a: V, b: V, f: impl Fn(f32, f32) -> f32) -> V {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

// SAFETY: `V` is 4 `f32`, no more than `MAX_LANES`; `load` and `store` touch these 4 alone. No function needs
// an instruction that the target lacks.
unsafe impl Simd for Portable {
    type V = V;
    type Pairs = [u32; 4];
    const LANES: usize = 4;
    const REGISTERS: usize = 16;
    const WIDENS_PAIRS: bool = true;

    #[inline(always)]
    unsafe fn splat(value: f32) -> V {
        [value; 4]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> V {
        // SAFETY: the caller has 4 initialized numbers at `from`, of any alignment.
        unsafe { from.cast::<V>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: V) {
        // SAFETY: the caller has room for 4 numbers at `to`, of any alignment.
        unsafe { to.cast::<V>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn add(a: V, b: V) -> V {
        each(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: V, b: V) -> V {
        each(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: V, b: V) -> V {
        each(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(a: V, b: V) -> V {
        each(a, b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn sqrt(a: V) -> V {
        a.map(f32::sqrt)
    }
    #[inline(always)]
    unsafe fn mul_add(a: V, b: V, c: V) -> V {
        each(each(a, b, |a, b| a * b), c, |ab, c| ab + c)
    }
    #[inline(always)]
    unsafe fn neg_mul_add(a: V, b: V, c: V) -> V {
        each(c, each(a, b, |a, b| a * b), |c, ab| c - ab)
    }
    #[inline(always)]
    unsafe fn at_most(x: V, limit: V) -> V {
        each(x, limit, |x, limit| if x > limit { limit } else { x })
    }
    #[inline(always)]
    unsafe fn at_least(x: V, limit: V) -> V {
        each(x, limit, |x, limit| if x < limit { limit } else { x })
    }
    #[inline(always)]
    unsafe fn scale(x: V, shifted: V) -> V {
        each(x, shifted, |x, shifted| f32::from_bits(x.to_bits().wrapping_add(shifted.to_bits() << 23)))
    }

    #[inline(always)]
    unsafe fn splat_pair(pair: u32) -> [u32; 4] {
        [pair; 4]
    }
    #[inline(always)]
    unsafe fn load_pairs(from: *const u16) -> [u32; 4] {
        // SAFETY: the caller has 8 initialized numbers at `from`, of any alignment.
        let pairs = unsafe { from.cast::<[[u16; 2]; 4]>().read_unaligned() };
        pairs.map(|[first, second]| u32::from(first) | u32::from(second) << 16)
    }
    #[inline(always)]
    unsafe fn mul_add_pairs(a: [u32; 4], b: [u32; 4], c: V) -> V {
        let first = |pairs: [u32; 4]| pairs.map(|pair| f32::from_bits(pair << 16));
        let second = |pairs: [u32; 4]| pairs.map(|pair| f32::from_bits(pair & 0xffff_0000));
        // SAFETY: this path needs no instructions.
        unsafe { Self::mul_add(second(a), second(b), Self::mul_add(first(a), first(b), c)) }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> V {
        // SAFETY: the caller has 4 initialized numbers at `from`.
        unsafe { from.cast::<[u16; 4]>().read_unaligned() }.map(|bits| bf16::from_bits(bits).to_f32())
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, v: V) {
        // SAFETY: the caller has room for 4 numbers at `to`.
        unsafe { to.cast::<[u16; 4]>().write_unaligned(v.map(|x| bf16::from_f32(x).to_bits())) }
    }
    #[inline(always)]
    unsafe fn store_pairs(to: *mut u16, a: V, b: V) {
        let rounded = |x: f32| bf16::from_f32(x).to_bits();
        let pairs: [[u16; 2]; 4] = std::array::from_fn(|lane| [a[lane], b[lane]].map(rounded));
        // SAFETY: the caller has room for 8 numbers at `to`.
        unsafe { to.cast::<[[u16; 2]; 4]>().write_unaligned(pairs) }
    }
}
