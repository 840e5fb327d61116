//! `sigmoid` and `tanh` without branches or tables. The error stays below the one that every backend is
//! allowed: absolute, and relative where `tanh` is small (tested over a dense grid, and over all sizes of
//! numbers).

use super::simd::Simd;

/// `e^x = 2^n (1 + q)` with `|q| < 0.42`, for `|x| <= 87`, the argument clamped to that range. Gives `q`,
/// relative error about 1e-7, and the number in whose low bits `n` stands. NaN stays NaN in `q`.
///
/// # Safety
/// The processor has `S`'s instructions.
#[inline(always)]
unsafe fn exp_parts<S: Simd>(x: S::V) -> (S::V, S::V) {
    const LIMIT: f32 = 87.0;
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest whole number, which then stands in the low
    // bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Minimax polynomial of (e^r - 1 - r) / r^2 on |r| <= ln(2)/2 (Cephes, expf), highest power first.
    const P: [f32; 6] =
        [1.987_569_2e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 5.000_000_3e-1];
    // SAFETY: the caller's processor has `S`'s instructions; no memory is touched.
    unsafe {
        let x = S::at_least(S::at_most(x, S::splat(LIMIT)), S::splat(-LIMIT));
        let shifted = S::mul_add(x, S::splat(std::f32::consts::LOG2_E), S::splat(ROUND));
        let n = S::sub(shifted, S::splat(ROUND));
        let r = S::neg_mul_add(n, S::splat(LN_2_HIGH), x);
        let r = S::neg_mul_add(n, S::splat(LN_2_LOW), r);
        let mut p = S::splat(P[0]);
        for &coefficient in &P[1..] {
            p = S::mul_add(p, r, S::splat(coefficient));
        }
        (S::mul_add(p, S::mul(r, r), r), shifted)
    }
}

/// `e^x` for `|x| <= 87`, the argument clamped to that range: relative error about 1e-7. NaN stays NaN.
///
/// # Safety
/// The processor has `S`'s instructions.
#[inline(always)]
unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's processor has `S`'s instructions; no memory is touched.
    unsafe {
        let (q, shifted) = exp_parts::<S>(x);
        S::scale(S::add(q, S::splat(1.0)), shifted)
    }
}

/// `e^x - 1` as `exp`, of a small `x` too with a relative error of about 1e-7.
///
/// # Safety
/// The processor has `S`'s instructions.
#[inline(always)]
unsafe fn exp_minus_1<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's processor has `S`'s instructions; no memory is touched.
    unsafe {
        let (q, shifted) = exp_parts::<S>(x);
        let power = S::scale(S::splat(1.0), shifted);
        S::mul_add(q, power, S::sub(power, S::splat(1.0)))
    }
}

/// `1 / (1 + e^-x)`
///
/// # Safety
/// The processor has `S`'s instructions.
#[inline(always)]
pub unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's processor has `S`'s instructions; no memory is touched.
    unsafe {
        let one = S::splat(1.0);
        S::div(one, S::add(one, exp::<S>(S::sub(S::splat(0.0), x))))
    }
}

/// `e / (e + 2)` with `e = e^2x - 1`, which keeps small numbers: `1 - 2 / (1 + e^2x)` would round them to
/// multiples of 6e-8.
///
/// # Safety
/// The processor has `S`'s instructions.
#[inline(always)]
pub unsafe fn tanh<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's processor has `S`'s instructions; no memory is touched.
    unsafe {
        let e = exp_minus_1::<S>(S::add(x, x));
        S::div(e, S::add(e, S::splat(2.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::Fp32;
    use super::super::isa::{self, Isa, Task};
    use super::super::simd::MAX_LANES;
    use super::*;
    use crate::ops::Precision;

    /// Both functions at every `x`, by path.
    struct Evaluate<'a>(&'a [f32]);

    impl Task for Evaluate<'_> {
        type Format = Fp32;
        type Output = Vec<(f32, f32)>;

        #[inline(always)]
        unsafe fn run<S: Simd>(self) -> Vec<(f32, f32)> {
            let mut values = Vec::with_capacity(self.0.len());
            for x in self.0.chunks(S::LANES) {
                let (mut s, mut t) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
                // SAFETY: `run`'s caller has `S`'s instructions; a chunk is read by its own length, and the
                // arrays have room for the vector of any path.
                unsafe {
                    let v = S::load_first(x.as_ptr(), x.len());
                    S::store(s.as_mut_ptr(), sigmoid::<S>(v));
                    S::store(t.as_mut_ptr(), tanh::<S>(v));
                }
                values.extend(s.into_iter().zip(t).take(x.len()));
            }
            values
        }
    }

    #[test]
    fn activations_keep_their_stated_error() {
        let grid: Vec<f32> = (-4_000_000i32..=4_000_000).map(|i| i as f32 * 5e-6).collect();
        for path in Isa::available() {
            let worst =
                grid.iter().zip(isa::run(path, Evaluate(&grid))).fold(0.0f64, |worst, (&x, (s, t))| {
                    let x = f64::from(x);
                    let s_error = (f64::from(s) - 1.0 / (1.0 + (-x).exp())).abs();
                    let t_error = (f64::from(t) - x.tanh()).abs();
                    worst.max(s_error).max(t_error)
                });
            assert!(worst <= Precision::Fp32.activation_error(), "{}: worst error {worst:e}", path.name());
        }
    }

    /// From the smallest number there is up to 0.1, both signs.
    #[test]
    fn tanh_keeps_small_numbers() {
        let sizes = (0..=0x3dcc_cccd_u32).step_by(1013).map(f32::from_bits);
        let grid: Vec<f32> = sizes.flat_map(|x| [x, -x]).collect();
        for path in Isa::available() {
            for (&x, (_, t)) in grid.iter().zip(isa::run(path, Evaluate(&grid))) {
                let exact = f64::from(x).tanh();
                // Below the normal numbers a rounding is absolute.
                let bound = Precision::Fp32.tanh_error(exact) + f64::from(f32::from_bits(1));
                let error = (f64::from(t) - exact).abs();
                assert!(error <= bound, "{}: tanh({x:e}) is {t:e}, off by {error:e}", path.name());
            }
        }
    }

    #[test]
    fn activations_saturate_and_keep_nan() {
        for path in Isa::available() {
            let values = isa::run(path, Evaluate(&[1e4, -1e4, f32::INFINITY, f32::NEG_INFINITY, f32::NAN]));
            for (i, low, high) in [(0, 1.0, 1.0), (1, 0.0, -1.0), (2, 1.0, 1.0), (3, 0.0, -1.0)] {
                let (s, t) = values[i];
                assert!((s - low).abs() < 1e-30 && t == high, "{}: {s} {t}", path.name());
            }
            assert!(values[4].0.is_nan() && values[4].1.is_nan(), "{}", path.name());
        }
    }
}
