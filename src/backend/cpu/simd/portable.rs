//! Plain Rust, for every CPU: arrays that the compiler may turn into vectors. Products are rounded before
//! they are added, because a fused multiply-add without an instruction for it is a slow library call.

use super::Simd;
use half::bf16;

#[derive(Clone, Copy)]
pub struct Portable;

type V = [f32; 4];

// Written out, because nothing makes the compiler inline `map` of an array.
#[inline(always)]
fn map<A: Copy, B>(a: [A; 4], f: impl Fn(A) -> B) -> [B; 4] {
    [f(a[0]), f(a[1]), f(a[2]), f(a[3])]
}

#[inline(always)]
fn zip<A: Copy, B>(a: [A; 4], b: [A; 4], f: impl Fn(A, A) -> B) -> [B; 4] {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
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
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: V, b: V) -> V {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: V, b: V) -> V {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(a: V, b: V) -> V {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn sqrt(a: V) -> V {
        map(a, f32::sqrt)
    }
    #[inline(always)]
    unsafe fn mul_add(a: V, b: V, c: V) -> V {
        zip(zip(a, b, |a, b| a * b), c, |ab, c| ab + c)
    }
    #[inline(always)]
    unsafe fn neg_mul_add(a: V, b: V, c: V) -> V {
        zip(c, zip(a, b, |a, b| a * b), |c, ab| c - ab)
    }
    #[inline(always)]
    unsafe fn at_most(x: V, limit: V) -> V {
        zip(x, limit, |x, limit| if x > limit { limit } else { x })
    }
    #[inline(always)]
    unsafe fn at_least(x: V, limit: V) -> V {
        zip(x, limit, |x, limit| if x < limit { limit } else { x })
    }
    #[inline(always)]
    unsafe fn select_less(a: V, b: V, yes: V, no: V) -> V {
        let less = zip(a, b, |a, b| a < b);
        let pick = |lane: usize| if less[lane] { yes[lane] } else { no[lane] };
        [pick(0), pick(1), pick(2), pick(3)]
    }
    #[inline(always)]
    unsafe fn select_nan(x: V, yes: V, no: V) -> V {
        let nan = map(x, f32::is_nan);
        let pick = |lane: usize| if nan[lane] { yes[lane] } else { no[lane] };
        [pick(0), pick(1), pick(2), pick(3)]
    }
    #[inline(always)]
    unsafe fn scale(x: V, shifted: V) -> V {
        zip(x, shifted, |x, shifted| f32::from_bits(x.to_bits().wrapping_add(shifted.to_bits() << 23)))
    }

    #[inline(always)]
    unsafe fn splat_pair(pair: u32) -> [u32; 4] {
        [pair; 4]
    }
    #[inline(always)]
    unsafe fn load_pairs(from: *const u16) -> [u32; 4] {
        // SAFETY: the caller has 8 initialized numbers at `from`, of any alignment.
        let pairs = unsafe { from.cast::<[[u16; 2]; 4]>().read_unaligned() };
        map(pairs, |[first, second]| u32::from(first) | u32::from(second) << 16)
    }
    #[inline(always)]
    unsafe fn mul_add_pairs(a: [u32; 4], b: [u32; 4], c: V) -> V {
        let first = |pairs: [u32; 4]| map(pairs, |pair| f32::from_bits(pair << 16));
        let second = |pairs: [u32; 4]| map(pairs, |pair| f32::from_bits(pair & 0xffff_0000));
        // SAFETY: this path needs no instructions.
        unsafe { Self::mul_add(second(a), second(b), Self::mul_add(first(a), first(b), c)) }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> V {
        // SAFETY: the caller has 4 initialized numbers at `from`.
        let numbers = unsafe { from.cast::<[u16; 4]>().read_unaligned() };
        map(numbers, |bits| bf16::from_bits(bits).to_f32())
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, v: V) {
        // SAFETY: the caller has room for 4 numbers at `to`.
        unsafe { to.cast::<[u16; 4]>().write_unaligned(map(v, rounded)) }
    }
    #[inline(always)]
    unsafe fn store_pairs(to: *mut u16, a: V, b: V) {
        let pairs = zip(a, b, |a, b| [rounded(a), rounded(b)]);
        // SAFETY: the caller has room for 8 numbers at `to`.
        unsafe { to.cast::<[[u16; 2]; 4]>().write_unaligned(pairs) }
    }
}

#[inline(always)]
fn rounded(x: f32) -> u16 {
    bf16::from_f32(x).to_bits()
}
