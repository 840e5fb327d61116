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
//! element is one sum in the order of `k`, so neither `R` nor `N` changes a bit of it.

use super::simd::Simd;

/// Rows of a block of `n` vectors: as many as [`rank_one`] takes without a spill, by inspection of the
/// compiled code.
pub const fn block_rows(registers: usize, n: usize) -> usize {
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
/// The processor has `S`'s instructions; each of `factors` is an initialized number, and at each of `at`,
/// counted in vectors from `vectors`, there are `LANES` of them.
#[inline(always)]
unsafe fn rank_one<S: Simd, const R: usize, const N: usize>(
    acc: &mut [[S::V; N]; R],
    factors: [*const f32; R],
    vectors: *const f32,
    at: [usize; N],
) {
    // SAFETY: a factor is read where it is, a vector at one of `at`, as the caller allows; `acc` and `at` are
    // arrays, whose bounds are checked.
    unsafe {
        if R < N {
            let mut factor = [S::splat(0.0); R];
            for r in 0..R {
                factor[r] = S::splat(*factors[r]);
            }
            for n in 0..N {
                let vector = S::load(vectors.add(at[n] * S::LANES));
                for r in 0..R {
                    acc[r][n] = S::mul_add(factor[r], vector, acc[r][n]);
                }
            }
        } else {
            let mut vector = [S::splat(0.0); N];
            for n in 0..N {
                vector[n] = S::load(vectors.add(at[n] * S::LANES));
            }
            for r in 0..R {
                let factor = S::splat(*factors[r]);
                for n in 0..N {
                    acc[r][n] = S::mul_add(factor, vector[n], acc[r][n]);
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

/// `acc[r][n] + sum over k of rows[r][k] * panel[k][n]`; `panel` is `(depth, N, LANES)`.
///
/// # Safety
/// The processor has `S`'s instructions; each of `rows` is the first of `depth` initialized numbers, `panel`
/// that of `depth * N * LANES`.
#[inline(always)]
pub unsafe fn multiply<S: Simd, const R: usize, const N: usize>(
    rows: [*const f32; R],
    depth: usize,
    panel: *const f32,
    mut acc: [[S::V; N]; R],
) -> [[S::V; N]; R] {
    // SAFETY: `k < depth`, so that every factor is one of its row's numbers; `columns` is then `k * N *
    // LANES` numbers into the panel, with `N` vectors at or before its end.
    unsafe {
        let mut columns = panel;
        for k in 0..depth {
            let mut factors = rows;
            for factor in &mut factors {
                *factor = factor.add(k);
            }
            rank_one::<S, R, N>(&mut acc, factors, columns, consecutive());
            columns = columns.add(N * S::LANES);
        }
    }
    acc
}

/// `acc[r][g] += sum over k of rows[k][first + r] * strip[k][vectors[g]]`; `strip` is `(depth, STRIP,
/// LANES)`, `acc` is `(R, G, LANES)` in memory.
///
/// # Safety
/// The processor has `S`'s instructions; each of `rows` is the first of `first + R` initialized numbers,
/// `strip` that of `rows.len() * STRIP * LANES`, and all of `vectors` are below `STRIP`. `acc` is the first
/// of `R * G * LANES` initialized numbers that nobody else reads or writes.
#[inline(always)]
pub unsafe fn outer<S: Simd, const R: usize, const G: usize>(
    rows: &[*const f32],
    first: usize,
    strip: *const f32,
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
            let mut factors = [row.add(first); R];
            for (r, factor) in factors.iter_mut().enumerate() {
                *factor = factor.add(r);
            }
            rank_one::<S, R, G>(&mut sums, factors, deltas, vectors);
            deltas = deltas.add(STRIP * S::LANES);
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
