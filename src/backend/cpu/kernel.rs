//! The two micro-kernels: a few rows times a packed panel ([`multiply`]), and a sum of outer products
//! ([`outer`]).
//!
//! Both keep a block of `R x N` vector accumulators in registers and add one rank-one update at a time:
//!
//! ```text
//! acc[0..R][0..N] = start                    R rows, N vectors of LANES columns
//! for k in 0..depth:
//!     for r in 0..R, n in 0..N:              unrolled: R * N independent multiply-adds
//!         acc[r][n] += broadcast(factor[r][k]) * vector[k][n]
//! ```
//!
//! `R * N` accumulators hide the latency of a multiply-add, and each loaded vector is used for `R` rows. Each
//! element is one sum in the order of `k`, so neither `R` nor `N` changes a bit of it. In `bf16` each `k` is
//! a pair of the depth, see [`Format`].

use super::format::Format;
use super::simd::Simd;

/// Rows of a block of `n` vectors: as many as [`rank_one`] takes without a spill, by inspection of the
/// compiled code. A pair that is widened takes two registers, so that half of them are left for a block.
pub const fn block_rows<S: Simd, E: Format>(n: usize) -> usize {
    let registers = if E::PAIR == 2 && S::WIDENS_PAIRS { S::REGISTERS / 2 } else { S::REGISTERS };
    let mut rows = MAX_ROWS;
    while rows * n + (if rows < n { rows + 1 } else { n + 2 }) > registers {
        rows -= 1;
    }
    rows
}

/// The most rows of any block that [`with_rows`] can name.
pub const MAX_ROWS: usize = 8;

/// Runs `$call` with the constant `$R` equal to `$rows`, which is at most `$max`.
macro_rules! with_rows {
    ($rows:expr, $max:expr, $R:ident => $call:expr) => {
        with_rows!(@ $rows, $max, $R => $call, 1 2 3 4 5 6 7 8)
    };
    (@ $rows:expr, $max:expr, $R:ident => $call:expr, $($n:literal)*) => {
        match $rows {
            $($n if $n <= const { $max } => {
                const $R: usize = $n;
                $call
            })*
            rows => unreachable!("a block of {rows} rows"),
        }
    };
}
pub(super) use with_rows;

/// Cuts `count` rows into as few groups of at most `most` as there can be, all about equal: `(first, rows)`.
#[inline(always)]
pub fn groups(count: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let parts = count.div_ceil(most);
    (0..parts).map(move |i| {
        let first = i * count / parts;
        (first, (i + 1) * count / parts - first)
    })
}

/// `acc[r][n] += *factors[r] * vectors[at[n]]`, the loop over the smaller side inside: its vectors stay in
/// registers.
///
/// # Safety
/// The processor has `S`'s instructions; each of `factors` is an initialized word, and at each of `at`,
/// counted in vectors from `vectors`, there are `LANES` of them.
#[inline(always)]
unsafe fn rank_one<S: Simd, E: Format, const R: usize, const N: usize>(
    acc: &mut [[S::V; N]; R],
    factors: [*const E::Number; R],
    vectors: *const E::Number,
    at: [usize; N],
) {
    // SAFETY: a factor is read where it is, a vector at one of `at`, as the caller allows; `acc` and `at` are
    // arrays, whose bounds are checked.
    unsafe {
        if R < N {
            let mut factor = [E::splat::<S>(factors[0]); R];
            for r in 1..R {
                factor[r] = E::splat::<S>(factors[r]);
            }
            for n in 0..N {
                let vector = E::load::<S>(vectors.add(at[n] * S::LANES * E::PAIR));
                for r in 0..R {
                    acc[r][n] = E::mul_add::<S>(factor[r], vector, acc[r][n]);
                }
            }
        } else {
            let mut vector = [E::load::<S>(vectors.add(at[0] * S::LANES * E::PAIR)); N];
            for n in 1..N {
                vector[n] = E::load::<S>(vectors.add(at[n] * S::LANES * E::PAIR));
            }
            for r in 0..R {
                let factor = E::splat::<S>(factors[r]);
                for n in 0..N {
                    acc[r][n] = E::mul_add::<S>(factor, vector[n], acc[r][n]);
                }
            }
        }
    }
}

/// `[0, 1, 2, ...]`
const fn consecutive<const N: usize>() -> [usize; N] {
    let mut numbers = [0; N];
    let mut n = 0;
    while n < N {
        numbers[n] = n;
        n += 1;
    }
    numbers
}

/// `acc[r][n] + sum over k of rows[r][k] * panel[k][n]`; `panel` is `(depth, N, LANES)` words.
///
/// # Safety
/// The processor has `S`'s instructions; each of `rows` is the first of as many initialized words as hold
/// `depth` numbers, `panel` that of `N * LANES` times as many.
#[inline(always)]
pub unsafe fn multiply<S: Simd, E: Format, const R: usize, const N: usize>(
    rows: [*const E::Number; R],
    depth: usize,
    panel: *const E::Number,
    mut acc: [[S::V; N]; R],
) -> [[S::V; N]; R] {
    // SAFETY: `k` is less than the words of `depth`, so that every factor is one of its row's; `columns` is
    // then `k * N * LANES` words into the panel, with `N` vectors at or before its end.
    unsafe {
        let mut columns = panel;
        for k in 0..depth.div_ceil(E::PAIR) {
            let mut factors = rows;
            for factor in &mut factors {
                *factor = factor.add(k * E::PAIR);
            }
            rank_one::<S, E, R, N>(&mut acc, factors, columns, consecutive());
            columns = columns.add(N * S::LANES * E::PAIR);
        }
    }
    acc
}

/// `acc[r][g] += sum over k of rows[k][first + r] * strip[k][vectors[g]]`; `strip` is `(depth, STRIP,
/// LANES)` words, `acc` is `(R, G, LANES)` in memory.
///
/// # Safety
/// The processor has `S`'s instructions; each of `rows` is the first of `first + R` initialized words,
/// `strip` that of `rows.len() * STRIP * LANES`, and all of `vectors` are below `STRIP`. `acc` is the first
/// of `R * G * LANES` initialized numbers that nobody else reads or writes.
#[inline(always)]
pub unsafe fn outer<S: Simd, E: Format, const R: usize, const G: usize>(
    rows: &[*const E::Number],
    first: usize,
    strip: *const E::Number,
    vectors: [usize; G],
    acc: *mut f32,
) {
    debug_assert!(vectors.iter().all(|&vector| vector < STRIP));
    // SAFETY: `r < R` and `g < G`, so that every vector of `acc` ends within its `R * G`; a factor is number
    // `first + r` of its row. `deltas` moves on by `STRIP` vectors a row, and of those `vectors` names some.
    unsafe {
        let mut sums = [[S::splat(0.0); G]; R];
        for r in 0..R {
            for g in 0..G {
                sums[r][g] = S::load(acc.add((r * G + g) * S::LANES));
            }
        }
        let mut deltas = strip;
        for row in rows {
            let mut factors = [row.add(first * E::PAIR); R];
            for (r, factor) in factors.iter_mut().enumerate() {
                *factor = factor.add(r * E::PAIR);
            }
            rank_one::<S, E, R, G>(&mut sums, factors, deltas, vectors);
            deltas = deltas.add(STRIP * S::LANES * E::PAIR);
        }
        for r in 0..R {
            for g in 0..G {
                S::store(acc.add((r * G + g) * S::LANES), sums[r][g]);
            }
        }
    }
}

/// Vectors of a strip: the gate gradients of a block of units, for every cell.
pub const STRIP: usize = 4;
