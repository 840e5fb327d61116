//! The formats of the operands of products. The kernels are written once, over [`Format`].
//!
//! One instruction multiplies vectors of words, each of four bytes, and adds to a vector of `f32` sums. In
//! `f32` a word is one number. In `bf16` it is a pair, two numbers that follow each other along the depth,
//! the axis of the sum:
//!
//! ```text
//! f32    acc[lane] += a[k] * b[k][lane]
//! bf16   acc[lane] += a[k] * b[k][lane] + a[k + 1] * b[k + 1][lane]
//! ```
//!
//! So half as many words are read, and half as many instructions multiply them. An operand of odd depth ends
//! with a 0.

use super::simd::{MAX_LANES, Simd};
use crate::ops::Precision;
use half::bf16;

/// How the vectors of a path and the words of a format lay out memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Sums of a vector.
    pub lanes: usize,
    /// Numbers of a word.
    pub pair: usize,
}

impl Layout {
    /// Words that hold `depth` numbers.
    #[inline]
    pub fn words(self, depth: usize) -> usize {
        depth.div_ceil(self.pair)
    }
}

/// The format of the operands of products.
///
/// # Safety
/// A `Number` has four bytes divided by `PAIR`. `splat`, `load` and `widen` read, `store`, `store_first` and
/// `store_words` write as many numbers as they ask for, and no more.
pub unsafe trait Format: Copy + Send + Sync + 'static {
    /// One number in memory.
    type Number: bytemuck::Pod + Send + Sync;
    /// `LANES` words.
    type Words<S: Simd>: Copy;
    /// Its name for a user.
    const PRECISION: Precision;
    /// Numbers of a word.
    const PAIR: usize;
    /// Whether a state, which is `f32`, is an operand as it is.
    const IS_STATE: bool = Self::PAIR == 1;

    /// To the nearest number.
    fn round(value: f32) -> Self::Number;

    /// `LANES` times the word at `from`.
    ///
    /// # Safety
    /// The processor has `S`'s instructions, and `from` is the first of `PAIR` initialized numbers.
    unsafe fn splat<S: Simd>(from: *const Self::Number) -> Self::Words<S>;
    /// # Safety
    /// The processor has `S`'s instructions, and `from` is the first of `LANES * PAIR` initialized numbers.
    unsafe fn load<S: Simd>(from: *const Self::Number) -> Self::Words<S>;
    /// `c` and all products of each word.
    ///
    /// # Safety
    /// The processor has `S`'s instructions.
    unsafe fn mul_add<S: Simd>(a: Self::Words<S>, b: Self::Words<S>, c: S::V) -> S::V;
    /// `LANES` words, each of a number of `first` and, where it is a pair, of `second`.
    ///
    /// # Safety
    /// The processor has `S`'s instructions, and `to` is the first of `LANES * PAIR` numbers that nobody else
    /// reads or writes.
    unsafe fn store_words<S: Simd>(to: *mut Self::Number, first: S::V, second: S::V);

    /// `LANES` numbers.
    ///
    /// # Safety
    /// The processor has `S`'s instructions, and `from` is the first of `LANES` initialized numbers.
    unsafe fn widen<S: Simd>(from: *const Self::Number) -> S::V;
    /// Rounds `LANES` numbers.
    ///
    /// # Safety
    /// The processor has `S`'s instructions, and `to` is the first of `LANES` numbers that nobody else reads
    /// or writes.
    unsafe fn store<S: Simd>(to: *mut Self::Number, v: S::V);
    /// Rounds the first `count` numbers.
    ///
    /// # Safety
    /// The processor has `S`'s instructions, and `to` is the first of `count` numbers that nobody else reads
    /// or writes; of more than `LANES` only the first `LANES` need be there.
    unsafe fn store_first<S: Simd>(to: *mut Self::Number, v: S::V, count: usize);

    /// See [`Operands::along`]: in `words` the pointers, to where `rows` are or to where they are rounded in
    /// `space`.
    ///
    /// # Safety
    /// The processor has `S`'s instructions, and each of `rows` is the first of `len` initialized numbers.
    unsafe fn along<S: Simd>(
        rows: &[*const f32],
        len: usize,
        space: &mut Vec<Self::Number>,
        words: &mut Vec<*const Self::Number>,
    );
    /// See [`Operands::across`].
    ///
    /// # Safety
    /// As of `along`.
    unsafe fn across<S: Simd>(
        rows: &[*const f32],
        len: usize,
        space: &mut Vec<Self::Number>,
        words: &mut Vec<*const Self::Number>,
    );
}

/// `f32`.
#[derive(Clone, Copy)]
pub struct Fp32;

// SAFETY: an `f32` has four bytes; the rest is what `Simd` promises.
unsafe impl Format for Fp32 {
    type Number = f32;
    type Words<S: Simd> = S::V;
    const PRECISION: Precision = Precision::Fp32;
    const PAIR: usize = 1;

    #[inline(always)]
    fn round(value: f32) -> f32 {
        value
    }
    #[inline(always)]
    unsafe fn splat<S: Simd>(from: *const f32) -> S::V {
        // SAFETY: the caller has `S`'s instructions and a number at `from`.
        unsafe { S::splat(*from) }
    }
    #[inline(always)]
    unsafe fn load<S: Simd>(from: *const f32) -> S::V {
        // SAFETY: the caller has `S`'s instructions and `LANES` numbers at `from`.
        unsafe { S::load(from) }
    }
    #[inline(always)]
    unsafe fn mul_add<S: Simd>(a: S::V, b: S::V, c: S::V) -> S::V {
        // SAFETY: the caller has `S`'s instructions.
        unsafe { S::mul_add(a, b, c) }
    }
    #[inline(always)]
    unsafe fn store_words<S: Simd>(to: *mut f32, first: S::V, _: S::V) {
        // SAFETY: the caller has `S`'s instructions and room for `LANES` numbers at `to`.
        unsafe { S::store(to, first) }
    }
    #[inline(always)]
    unsafe fn widen<S: Simd>(from: *const f32) -> S::V {
        // SAFETY: the caller has `S`'s instructions and `LANES` numbers at `from`.
        unsafe { S::load(from) }
    }
    #[inline(always)]
    unsafe fn store<S: Simd>(to: *mut f32, v: S::V) {
        // SAFETY: the caller has `S`'s instructions and room for `LANES` numbers at `to`.
        unsafe { S::store(to, v) }
    }
    #[inline(always)]
    unsafe fn store_first<S: Simd>(to: *mut f32, v: S::V, count: usize) {
        // SAFETY: the caller has `S`'s instructions and room for `count` numbers at `to`.
        unsafe { S::store_first(to, v, count) }
    }
    #[inline(always)]
    unsafe fn along<S: Simd>(rows: &[*const f32], _: usize, _: &mut Vec<f32>, words: &mut Vec<*const f32>) {
        words.clear();
        words.extend_from_slice(rows);
    }
    #[inline(always)]
    unsafe fn across<S: Simd>(rows: &[*const f32], _: usize, _: &mut Vec<f32>, words: &mut Vec<*const f32>) {
        words.clear();
        words.extend_from_slice(rows);
    }
}

/// `bf16`, in pairs; in memory a number is its 16 bits.
#[derive(Clone, Copy)]
pub struct Bf16;

// SAFETY: a `u16` has two bytes; `load`, `store` and their like touch as many numbers as their names say,
// which `Simd` promises.
unsafe impl Format for Bf16 {
    type Number = u16;
    type Words<S: Simd> = S::Pairs;
    const PRECISION: Precision = Precision::Bf16;
    const PAIR: usize = 2;

    #[inline(always)]
    fn round(value: f32) -> u16 {
        bf16::from_f32(value).to_bits()
    }
    #[inline(always)]
    unsafe fn splat<S: Simd>(from: *const u16) -> S::Pairs {
        // SAFETY: the caller has `S`'s instructions and two numbers at `from`, whose four bytes may lie at
        // any address.
        unsafe { S::splat_pair(from.cast::<u32>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn load<S: Simd>(from: *const u16) -> S::Pairs {
        // SAFETY: the caller has `S`'s instructions and `2 * LANES` numbers at `from`.
        unsafe { S::load_pairs(from) }
    }
    #[inline(always)]
    unsafe fn mul_add<S: Simd>(a: S::Pairs, b: S::Pairs, c: S::V) -> S::V {
        // SAFETY: the caller has `S`'s instructions.
        unsafe { S::mul_add_pairs(a, b, c) }
    }
    #[inline(always)]
    unsafe fn store_words<S: Simd>(to: *mut u16, first: S::V, second: S::V) {
        // SAFETY: the caller has `S`'s instructions and room for `2 * LANES` numbers at `to`.
        unsafe { S::store_pairs(to, first, second) }
    }
    #[inline(always)]
    unsafe fn widen<S: Simd>(from: *const u16) -> S::V {
        // SAFETY: the caller has `S`'s instructions and `LANES` numbers at `from`.
        unsafe { S::load_bf16(from) }
    }
    #[inline(always)]
    unsafe fn store<S: Simd>(to: *mut u16, v: S::V) {
        // SAFETY: the caller has `S`'s instructions and room for `LANES` numbers at `to`.
        unsafe { S::store_bf16(to, v) }
    }
    #[inline(always)]
    unsafe fn store_first<S: Simd>(to: *mut u16, v: S::V, count: usize) {
        // SAFETY: a whole vector is written at `to` only if the caller has room for `LANES` numbers there,
        // and else `count`, which is less; `numbers` has room for every path's `LANES`.
        unsafe {
            if count >= S::LANES {
                return S::store_bf16(to, v);
            }
            let mut numbers = [0u16; MAX_LANES];
            S::store_bf16(numbers.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(numbers.as_ptr(), to, count);
        }
    }
    #[inline(always)]
    unsafe fn along<S: Simd>(
        rows: &[*const f32],
        len: usize,
        space: &mut Vec<u16>,
        words: &mut Vec<*const u16>,
    ) {
        let stride = len.next_multiple_of(S::LANES);
        space.resize(rows.len() * stride, 0);
        words.clear();
        for (&row, to) in rows.iter().zip(space.chunks_exact_mut(stride)) {
            for at in (0..len).step_by(S::LANES) {
                // SAFETY: the caller has `S`'s instructions, and `len` numbers in the row, of which `len -
                // at` are left; `stride` numbers are whole vectors, of which this one begins before `len`.
                unsafe { S::store_bf16(to[at..].as_mut_ptr(), S::load_first(row.add(at), len - at)) };
            }
            words.push(to.as_ptr());
        }
    }
    #[inline(always)]
    unsafe fn across<S: Simd>(
        rows: &[*const f32],
        len: usize,
        space: &mut Vec<u16>,
        words: &mut Vec<*const u16>,
    ) {
        let stride = 2 * len.next_multiple_of(S::LANES);
        space.resize(rows.len().div_ceil(2) * stride, 0);
        words.clear();
        for (rows, to) in rows.chunks(2).zip(space.chunks_exact_mut(stride)) {
            for at in (0..len).step_by(S::LANES) {
                // SAFETY: the caller has `S`'s instructions, and `len` numbers in each row, of which `len -
                // at` are left; `stride` numbers are whole vectors of pairs, of which this one begins before
                // `len`.
                unsafe {
                    let first = S::load_first(rows[0].add(at), len - at);
                    let second = match rows.get(1) {
                        Some(row) => S::load_first(row.add(at), len - at),
                        None => S::splat(0.0),
                    };
                    S::store_pairs(to[2 * at..].as_mut_ptr(), first, second);
                }
            }
            words.push(to.as_ptr());
        }
    }
}

/// Rows of `f32` as operands. Its memory is used again from one set of rows to the next.
pub struct Operands<E: Format> {
    rows: Vec<*const f32>,
    words: Vec<*const E::Number>,
    space: Vec<E::Number>,
}

impl<E: Format> Operands<E> {
    pub fn new() -> Self {
        Operands { rows: Vec::new(), words: Vec::new(), space: Vec::new() }
    }

    /// Forgets the rows.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// The number of the rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds a row, which must stay where it is until the next `clear`.
    #[inline]
    pub fn push(&mut self, row: &[f32]) {
        self.rows.push(row.as_ptr());
    }

    /// A pointer for each row, to its words: the `len` numbers of a row are the depth.
    ///
    /// # Safety
    /// The processor has `S`'s instructions, and every row is there, of `len` numbers.
    #[inline(always)]
    pub unsafe fn along<S: Simd>(&mut self, len: usize) -> &[*const E::Number] {
        // SAFETY: the caller vouches for all of it.
        unsafe { E::along::<S>(&self.rows, len, &mut self.space, &mut self.words) };
        &self.words
    }

    /// A pointer for each `PAIR` of rows, to `len` words: the number of the rows is the depth.
    ///
    /// # Safety
    /// As of `along`.
    #[inline(always)]
    pub unsafe fn across<S: Simd>(&mut self, len: usize) -> &[*const E::Number] {
        // SAFETY: the caller vouches for all of it.
        unsafe { E::across::<S>(&self.rows, len, &mut self.space, &mut self.words) };
        &self.words
    }
}

/// Evaluates an expression with the type `$E` of a precision's format. The processor has no `tf32` and no
/// `f16`.
macro_rules! with_format {
    ($precision:expr, $E:ident => $work:expr) => {
        match $precision {
            $crate::ops::Precision::Fp32 => {
                type $E = $crate::backend::cpu::format::Fp32;
                $work
            }
            $crate::ops::Precision::Bf16 => {
                type $E = $crate::backend::cpu::format::Bf16;
                $work
            }
            $crate::ops::Precision::Tf32 | $crate::ops::Precision::F16 => {
                unreachable!("no path of the processor has tf32 or f16")
            }
        }
    };
}
pub(super) use with_format;

/// How a path lays out memory in a precision.
pub fn layout(precision: Precision, lanes: usize) -> Layout {
    Layout { lanes, pair: with_format!(precision, E => E::PAIR) }
}

#[cfg(test)]
mod tests {
    use super::super::isa::{Isa, Task, run};
    use super::*;

    /// Numbers that are rounded and read again, by path.
    struct There<'a>(&'a [f32]);

    impl Task for There<'_> {
        type Format = Bf16;
        type Output = Vec<[f32; 3]>;

        /// By a store of numbers, and by one of pairs in both places.
        #[inline(always)]
        unsafe fn run<S: Simd>(self) -> Vec<[f32; 3]> {
            let mut found = Vec::new();
            for values in self.0.chunks(S::LANES) {
                let mut numbers = [0u16; MAX_LANES];
                let mut pairs = [0u16; 2 * MAX_LANES];
                let mut wide = [0.0; MAX_LANES];
                // SAFETY: `run`'s caller has `S`'s instructions; a chunk is read by its own length, and the
                // arrays have room for the vector of any path.
                unsafe {
                    let v = S::load_first(values.as_ptr(), values.len());
                    Bf16::store::<S>(numbers.as_mut_ptr(), v);
                    Bf16::store_words::<S>(pairs.as_mut_ptr(), v, v);
                    S::store(wide.as_mut_ptr(), Bf16::widen::<S>(numbers.as_ptr()));
                }
                let pair = |i: usize| bf16::from_bits(pairs[i]).to_f32();
                found.extend((0..values.len()).map(|i| [wide[i], pair(2 * i), pair(2 * i + 1)]));
            }
            found
        }
    }

    #[test]
    fn every_path_rounds_to_the_nearest_bf16() {
        let low_halves = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff];
        let bits = (0..=0xffff_u32).flat_map(|high| low_halves.map(|low| high << 16 | low));
        // A path with an instruction may take what is below the normal numbers for 0.
        let values: Vec<f32> = bits.map(f32::from_bits).filter(|x| !x.is_subnormal()).collect();
        for isa in Isa::available_in(Precision::Bf16) {
            for (value, found) in values.iter().zip(run(isa, There(&values))) {
                let right = bf16::from_f32(*value).to_f32();
                for found in found {
                    let equal = found.to_bits() == right.to_bits() || found.is_nan() && right.is_nan();
                    assert!(equal, "{}: {value:e} became {found:e}, not {right:e}", isa.name());
                }
            }
        }
    }

    /// The product of two rows of `depth` numbers with themselves, along the depth and across it.
    struct Products<'a>(&'a [f32]);

    impl Task for Products<'_> {
        type Format = Bf16;
        type Output = [f32; 2];

        #[inline(always)]
        unsafe fn run<S: Simd>(self) -> [f32; 2] {
            let (depth, mut lanes) = (self.0.len(), [0.0; MAX_LANES]);
            let (mut space, mut words) = (Vec::new(), Vec::new());
            let mut sums = [0.0; 2];
            // SAFETY: `run`'s caller has `S`'s instructions. `along` gives the words of `depth` numbers, and
            // `across` one word for each pair of rows of one number; each is read by itself, into every lane.
            unsafe {
                Bf16::along::<S>(&[self.0.as_ptr()], depth, &mut space, &mut words);
                let mut sum = S::splat(0.0);
                for k in 0..depth.div_ceil(2) {
                    let word = Bf16::splat::<S>(words[0].add(2 * k));
                    sum = Bf16::mul_add::<S>(word, word, sum);
                }
                S::store(lanes.as_mut_ptr(), sum);
                sums[0] = lanes[S::LANES - 1];
                let rows: Vec<*const f32> = self.0.iter().map(std::ptr::from_ref).collect();
                Bf16::across::<S>(&rows, 1, &mut space, &mut words);
                assert_eq!(words.len(), depth.div_ceil(2));
                let mut sum = S::splat(0.0);
                for &word in &words {
                    let word = Bf16::splat::<S>(word);
                    sum = Bf16::mul_add::<S>(word, word, sum);
                }
                S::store(lanes.as_mut_ptr(), sum);
                sums[1] = lanes[0];
            }
            sums
        }
    }

    /// Of whole numbers, whose sums are exact, at depths that end with a pair and within one.
    #[test]
    fn words_run_along_a_row_and_across_rows() {
        for depth in 1..40 {
            let row: Vec<f32> = (1..=depth).map(|i| i as f32).collect();
            let right: f32 = row.iter().map(|x| x * x).sum();
            for isa in Isa::available_in(Precision::Bf16) {
                assert_eq!(run(isa, Products(&row)), [right; 2], "{} {depth}", isa.name());
            }
        }
    }
}
