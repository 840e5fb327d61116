//! Roundings and functions of one number.

use super::expected::{Expected, Format, judged, shown};
use super::inputs::{SPECIAL, of_both_signs, random_words};
use engine::backend::cuda::Executor;
use engine::backend::cuda::probe::Intrinsic;

/// Runs an intrinsic of one operand; the inputs are padded to whole warps.
pub(super) fn unary<E: Executor>(
    executor: &E,
    intrinsic: Intrinsic,
    inputs: &[u32],
    expected: impl Fn(f32) -> Expected,
) -> Vec<String> {
    let mut x = inputs.to_vec();
    x.resize(inputs.len().next_multiple_of(32), 0);
    let y = intrinsic.run_in_a_warp(executor, &x).unwrap();
    let judge = |i: usize| judged(i % 32, &shown(x[i]), expected(f32::from_bits(x[i])), y[i]);
    (0..x.len()).filter_map(judge).collect()
}

/// Inputs of a rounding to `mantissa` bits: ties at odd and even values, their neighbors, special values,
/// random values.
pub(super) fn rounded_inputs(mantissa: u32) -> Vec<u32> {
    let dropped = 23 - mantissa;
    let half = 1 << (dropped - 1);
    let around = |number: u32| [number - 1, number, number + 1];
    let ties = (0..4u32).flat_map(|n| {
        [0x3f80_0000u32, 0x4480_0000, 0x0000_0000, 0x0080_0000]
            .into_iter()
            .flat_map(move |exponent| around(exponent + (n << dropped) + half))
    });
    of_both_signs(ties.chain(SPECIAL).chain(random_words(2000)))
}

/// Rounds to `mantissa` explicit bits, by arithmetic in f64. `to_integer` decides ties.
pub(super) fn rounded(x: f32, mantissa: i32, to_integer: impl Fn(f64) -> f64) -> Expected {
    if x.is_nan() {
        // The last 13 bits are cut off. A NaN with only those bits set may become infinite; the PTX ISA
        // leaves this open.
        let stays_nan = f32::from_bits(x.to_bits() & 0xffff_e000).is_nan();
        return Expected::Nan(if stays_nan { Format::Tf32 } else { Format::Tf32OrInfinite });
    }
    if x.is_infinite() || x == 0.0 {
        return Expected::Bits(x.to_bits());
    }
    let magnitude = f64::from(x).abs();
    // Subnormal numbers have the spacing of the smallest normal numbers.
    let exponent = (magnitude.log2().floor() as i32).max(-126);
    let exponent = if 2f64.powi(exponent) > magnitude && exponent > -126 { exponent - 1 } else { exponent };
    let quantum = 2f64.powi(exponent - mantissa);
    // A result that is too large for f32 becomes infinite.
    let result = (to_integer(magnitude / quantum) * quantum) as f32;
    Expected::Bits(result.copysign(x).to_bits())
}

/// Rounds to bf16, in the low half of a `u32`.
pub(super) fn rounded_to_bf16(x: f32) -> Expected {
    match rounded(x, 7, f64::round_ties_even) {
        Expected::Bits(bits) => Expected::Bits(bits >> 16),
        Expected::Nan(_) => Expected::Nan(Format::Bf16),
        near => near,
    }
}

/// Rounds each input together with the one before it.
pub(super) fn bf16_pairs<E: Executor>(executor: &E) -> Vec<String> {
    let mut inputs = rounded_inputs(7);
    inputs.resize(inputs.len().next_multiple_of(32), 0);
    let before = |n: usize| inputs[(n + inputs.len() - 1) % inputs.len()];
    let x: Vec<u32> = (0..inputs.len()).flat_map(|n| [inputs[n], before(n)]).collect();
    let y = Intrinsic::RoundBf16Pair.run_in_a_warp(executor, &x).unwrap();
    let mut wrong = Vec::new();
    for (n, &pair) in y.iter().enumerate() {
        for (half, input, found) in [("low", inputs[n], pair & 0xffff), ("high", before(n), pair >> 16)] {
            let of = format!("the {half} half, of {input:#x}");
            wrong.extend(judged(n % 32, &of, rounded_to_bf16(f32::from_bits(input)), found));
        }
    }
    wrong
}

/// Inputs at which functions saturate, overflow and underflow, special values, and random values.
pub(super) fn function_inputs() -> Vec<u32> {
    let numbers = [
        0.25f32, 0.5, 0.75, 1.5, 2.0, 3.0, 4.0, 8.0, 9.0, 10.0, 20.0, 88.0, 100.0, 125.5, 126.0, 126.5,
        127.0, 127.5, 127.99999, 128.0, 129.0, 148.0, 148.9, 149.0, 150.5, 151.0, 200.0, 1e-3, 1e-6, 1e-20,
        1e10,
    ];
    let of_range = random_words(4000).map(|word| ((word >> 8) as f32 / (1 << 24) as f32 * 20.0).to_bits());
    of_both_signs(
        numbers.map(f32::to_bits).into_iter().chain(SPECIAL).chain(of_range).chain(random_words(1000)),
    )
}

/// The rounding errors of the host half in addition to the instruction's own error: of the exact value, and
/// of the sum.
pub(super) const ROUNDING: f64 = 2.0 / (1 << 24) as f64;

/// tanh.approx.f32: exact for infinities, zeros and subnormal numbers; elsewhere a relative error of at most
/// 2^-10.987.
pub(super) fn tanh(x: f32) -> Expected {
    if x.is_nan() {
        Expected::Nan(Format::F32)
    } else if x.is_infinite() {
        Expected::Bits(1f32.copysign(x).to_bits())
    } else if x == 0.0 || x.is_subnormal() {
        Expected::Bits(x.to_bits())
    } else {
        let value = f64::from(x).tanh();
        Expected::near(value, (2f64.powf(-10.987) + ROUNDING) * value.abs())
    }
}

/// ex2.approx.ftz.f32: 1 for zeros and subnormal numbers; relative error 2^-22; subnormal results are 0.
pub(super) fn exp2(x: f32) -> Expected {
    if x.is_nan() {
        Expected::Nan(Format::F32)
    } else if x.is_infinite() {
        Expected::Bits(if x > 0.0 { f32::INFINITY.to_bits() } else { 0 })
    } else if x == 0.0 || x.is_subnormal() {
        Expected::Bits(1f32.to_bits())
    } else {
        let value = f64::from(x).exp2();
        // A value within the error of the largest number may become infinite; a larger one must. Likewise at
        // the least normal number for 0.
        let (infinite, zero) = (x > 127.999, x < -125.999);
        if value >= 2f64.powi(128) {
            return Expected::Bits(f32::INFINITY.to_bits());
        }
        if x < -126.001 {
            return Expected::Bits(0);
        }
        let error = (2f64.powi(-22) + ROUNDING) * value;
        let or = [if infinite { f32::INFINITY } else { f32::NAN }, if zero { 0.0 } else { f32::NAN }];
        Expected::Near { value, error, or }
    }
}

/// rcp.approx.ftz.f32: exact for zeros and infinities; an error of 2^-23 for arguments in 1 to 2, which is
/// 2^-22 of the result. A subnormal argument or result counts as 0.
pub(super) fn reciprocal(x: f32) -> Expected {
    if x.is_nan() {
        return Expected::Nan(Format::F32);
    }
    if x == 0.0 || x.is_infinite() {
        return Expected::Bits((1.0 / x).to_bits());
    }
    let value = 1.0 / f64::from(x);
    let least = f64::from(f32::MIN_POSITIVE);
    if x.is_subnormal() {
        return Expected::Bits(f32::INFINITY.copysign(x).to_bits());
    }
    if value.abs() < least * (1.0 - 1e-6) {
        return Expected::Bits(0f32.copysign(x).to_bits());
    }
    // A result within the error of the least normal number may become 0.
    let zero = if value.abs() < least * (1.0 + 1e-6) { 0f32.copysign(x) } else { f32::NAN };
    Expected::Near { value, error: (2f64.powi(-22) + ROUNDING) * value.abs(), or: [zero; 2] }
}
