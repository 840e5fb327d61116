//! Vectors of `f32` and of pairs of `bf16`, one implementation per instruction set; the kernels are written
//! once, over [`Simd`].

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
pub use portable::Portable;

/// One instruction set's vectors.
///
/// Functions belong inside one that is compiled for the instructions; pointers need no alignment.
///
/// # Safety
/// `V` holds [`Simd::LANES`] numbers, at most [`MAX_LANES`]; `load` reads and `store` writes exactly as many.
pub unsafe trait Simd: Copy + Send + Sync {
    /// One vector.
    type V: Copy;
    /// `LANES` pairs of `bf16`; of a pair the first number is in the low half of its 32 bits. In memory a
    /// number is its 16 bits.
    type Pairs: Copy;
    /// Numbers in a vector.
    const LANES: usize;
    /// Vector registers. The block of a micro-kernel must fit in them.
    const REGISTERS: usize;
    /// Whether pairs of `bf16` are widened to `f32`, for want of an instruction that multiplies them.
    const WIDENS_PAIRS: bool;

    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn splat(value: f32) -> Self::V;
    /// # Safety
    /// The processor has the instructions of `Self`, and `from` is the first of `LANES` initialized numbers.
    unsafe fn load(from: *const f32) -> Self::V;
    /// # Safety
    /// The processor has the instructions of `Self`, and `to` is the first of `LANES` numbers that nobody
    /// else reads or writes.
    unsafe fn store(to: *mut f32, v: Self::V);
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn sqrt(a: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the instruction set can.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c - a * b`, rounded once where the instruction set can.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn neg_mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `x`, but at most `limit`. NaN stays NaN.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn at_most(x: Self::V, limit: Self::V) -> Self::V;
    /// `x`, but at least `limit`. NaN stays NaN.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn at_least(x: Self::V, limit: Self::V) -> Self::V;
    /// `yes` where `a < b`, which NaN never is, and else `no`.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn select_less(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// `yes` where `x` is NaN, and else `no`.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn select_nan(x: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// `x * 2^n` for a whole number `n` from -126 to 127 that stands in the low bits of `shifted = n + 1.5 *
    /// 2^23`.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn scale(x: Self::V, shifted: Self::V) -> Self::V;

    /// A vector of `pair`s.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn splat_pair(pair: u32) -> Self::Pairs;
    /// # Safety
    /// The processor has the instructions of `Self`, and `from` is the first of `2 * LANES` initialized
    /// numbers.
    unsafe fn load_pairs(from: *const u16) -> Self::Pairs;
    /// `c` and both products of each pair, by `f32` sums. A path with an instruction for it may take numbers
    /// below the normal ones for 0.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`.
    unsafe fn mul_add_pairs(a: Self::Pairs, b: Self::Pairs, c: Self::V) -> Self::V;
    /// `LANES` numbers of `bf16`, exactly.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`, and `from` is the first of `LANES` initialized numbers.
    unsafe fn load_bf16(from: *const u16) -> Self::V;
    /// Rounds to the nearest, ties to even. NaN stays NaN.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`, and `to` is the first of `LANES` numbers that nobody
    /// else reads or writes.
    unsafe fn store_bf16(to: *mut u16, v: Self::V);
    /// Pairs of the numbers of `a`, first, and of `b`, rounded as by [`Simd::store_bf16`].
    ///
    /// # Safety
    /// The processor has the instructions of `Self`, and `to` is the first of `2 * LANES` numbers that nobody
    /// else reads or writes.
    unsafe fn store_pairs(to: *mut u16, a: Self::V, b: Self::V);

    /// Asks for a cache line ahead of its use; any address will do.
    #[inline(always)]
    fn prefetch(_: *const f32) {}

    /// The first `count` numbers, 0 behind them.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`, and `from` is the first of `count` initialized numbers;
    /// of more than `LANES` only the first `LANES` need be there.
    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self::V {
        // SAFETY: a whole vector is read at `from` only if the caller has `LANES` numbers there, and else
        // `count`, which is less; `numbers` has room for every path's `LANES`.
        unsafe {
            if count >= Self::LANES {
                return Self::load(from);
            }
            let mut numbers = [0.0f32; MAX_LANES];
            std::ptr::copy_nonoverlapping(from, numbers.as_mut_ptr(), count);
            Self::load(numbers.as_ptr())
        }
    }

    /// Stores the first `count` numbers.
    ///
    /// # Safety
    /// The processor has the instructions of `Self`, and `to` is the first of `count` numbers that nobody
    /// else reads or writes; of more than `LANES` only the first `LANES` need be there.
    #[inline(always)]
    unsafe fn store_first(to: *mut f32, v: Self::V, count: usize) {
        // SAFETY: a whole vector is written at `to` only if the caller has `LANES` numbers there, and else
        // `count`, which is less; `numbers` has room for every path's `LANES`.
        unsafe {
            if count >= Self::LANES {
                return Self::store(to, v);
            }
            let mut numbers = [0.0f32; MAX_LANES];
            Self::store(numbers.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(numbers.as_ptr(), to, count);
        }
    }
}

/// The widest vector of any path.
pub const MAX_LANES: usize = 16;
