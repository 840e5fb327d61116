//! Arithmetic whose exact bits the kernels rely on.

use super::expected::{Expected, Format, judged, shown};
use super::inputs::{SPECIAL, of_both_signs, random_words};
use engine::backend::cuda::Executor;
use engine::backend::cuda::probe::Intrinsic;

/// Runs an intrinsic of N operands; the operands of a lane are contiguous.
pub(super) fn nary<E: Executor, const N: usize>(
    executor: &E,
    intrinsic: Intrinsic,
    mut operands: Vec<[u32; N]>,
    expected: impl Fn([u32; N]) -> Expected,
) -> Vec<String> {
    operands.resize(operands.len().next_multiple_of(32), [0x3f80_0000; N]);
    let y = intrinsic.run_in_a_warp(executor, operands.as_flattened()).unwrap();
    let judge = |(i, &of): (usize, &[u32; N])| {
        let text = of.map(shown).join(" and ");
        judged(i % 32, &text, expected(of), y[i])
    };
    operands.iter().enumerate().filter_map(judge).collect()
}

pub(super) fn multiply_high<E: Executor>(executor: &E) -> Vec<String> {
    let mut words = vec![0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xcd9e_8d57, 0xd251_1f53];
    words.extend(random_words(24));
    let pairs: Vec<[u32; 2]> = words.iter().flat_map(|&x| words.iter().map(move |&y| [x, y])).collect();
    nary(executor, Intrinsic::MultiplyHigh, pairs, |[x, y]| {
        Expected::Bits(((u64::from(x) * u64::from(y)) >> 32) as u32)
    })
}

/// Values of which some products are infinite, subnormal, or differ from their rounded values only in the
/// last bits.
pub(super) fn factors() -> Vec<u32> {
    let mut words = of_both_signs(SPECIAL);
    words.extend([1.0f32 + f32::EPSILON, 1.0 - f32::EPSILON / 2.0, 1e-30, 3.0, 1e30].map(f32::to_bits));
    words.extend(random_words(11));
    words
}

pub(super) fn of_f32(result: f32) -> Expected {
    if result.is_nan() { Expected::Nan(Format::F32) } else { Expected::Bits(result.to_bits()) }
}

pub(super) fn multiply_add<E: Executor>(
    executor: &E,
    intrinsic: Intrinsic,
    expected: impl Fn([f32; 3]) -> f32,
) -> Vec<String> {
    let words = factors();
    let mut triples: Vec<[u32; 3]> = Vec::new();
    for &x in &words {
        for &y in &words {
            // Adding the negative of the rounded product shows whether the instruction rounds it.
            let product = -(f32::from_bits(x) * f32::from_bits(y));
            let z = words[(x ^ y) as usize % words.len()];
            triples.extend([[x, y, product.to_bits()], [x, y, z]]);
        }
    }
    nary(executor, intrinsic, triples, |of| of_f32(expected(of.map(f32::from_bits))))
}

pub(super) fn divide<E: Executor>(executor: &E) -> Vec<String> {
    let words = factors();
    let pairs: Vec<[u32; 2]> = words.iter().flat_map(|&x| words.iter().map(move |&y| [x, y])).collect();
    nary(executor, Intrinsic::Divide, pairs, |[x, y]| of_f32(f32::from_bits(x) / f32::from_bits(y)))
}
