//! `exp`, `sigmoid` and `tanh` without branches or tables, so that lane loops become vectors. The absolute error stays
//! below the one that every backend is allowed (tested over a dense grid).

use super::isa::Arithmetic;

/// `e^x` for `|x| <= 87`, the argument clamped to that range: relative error about 1e-7. NaN stays NaN.
#[inline(always)]
fn exp<A: Arithmetic>(x: f32) -> f32 {
    const LIMIT: f32 = 87.0;
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest whole number, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Comparisons that keep NaN, which `f32::clamp` would too but `min` and `max` would not.
    let x = if x > LIMIT { LIMIT } else { x };
    let x = if x < -LIMIT { -LIMIT } else { x };
    let shifted = A::mul_add(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = A::mul_add(n, -LN_2_HIGH, x);
    let r = A::mul_add(n, -LN_2_LOW, r);
    // Minimax polynomial of (e^r - 1 - r) / r^2 on |r| <= ln(2)/2 (Cephes, expf).
    let p = A::mul_add(1.987_569_2e-4, r, 1.398_2e-3);
    let p = A::mul_add(p, r, 8.333_452e-3);
    let p = A::mul_add(p, r, 4.166_579_6e-2);
    let p = A::mul_add(p, r, 1.666_666_6e-1);
    let p = A::mul_add(p, r, 5.000_000_3e-1);
    let e_r = A::mul_add(p, r * r, r) + 1.0;
    let two_n = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    e_r * two_n
}

/// `1 / (1 + e^-x)`
#[inline(always)]
pub fn sigmoid<A: Arithmetic>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<A>(-x))
}

/// `1 - 2 / (1 + e^2x)`
#[inline(always)]
pub fn tanh<A: Arithmetic>(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exp::<A>(2.0 * x))
}

#[cfg(test)]
mod tests {
    use super::super::isa::{self, Isa, Task};
    use super::*;
    use crate::spec::Approximate;

    struct Sweep;

    impl Task for Sweep {
        #[inline(always)]
        fn run<A: Arithmetic>(self) {
            let mut worst = 0.0f64;
            for i in -4_000_000i32..=4_000_000 {
                let x = i as f32 * 5e-6;
                let exact = f64::from(x);
                worst = worst.max((f64::from(sigmoid::<A>(x)) - 1.0 / (1.0 + (-exact).exp())).abs());
                worst = worst.max((f64::from(tanh::<A>(x)) - exact.tanh()).abs());
            }
            assert!(worst <= Approximate::ACTIVATION_ERROR, "worst error {worst:e}");
            for (x, low, high) in [(1e4, 1.0, 1.0), (-1e4, 0.0, -1.0), (f32::INFINITY, 1.0, 1.0)] {
                assert!((sigmoid::<A>(x) - low).abs() < 1e-30 && tanh::<A>(x) == high, "at {x}");
            }
            assert!(sigmoid::<A>(f32::NAN).is_nan() && tanh::<A>(f32::NAN).is_nan());
        }
    }

    #[test]
    fn activations_keep_their_stated_error() {
        for path in Isa::available() {
            isa::run(path, Sweep);
        }
    }
}
