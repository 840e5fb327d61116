//! How much a row of a data set says: the collision entropy of the changes from row to row.
//!
//! Series of few distinct values, or that hardly move, are equal here and there by chance. The chance that
//! two independent changes are equal is `2^-bits` (Rényi, "On measures of entropy and information", 1961).

use super::rows::mix;
use rayon::prelude::*;

/// The most changes that a series contributes.
const FROM_EACH: usize = 64;
/// The most changes of a data set that are counted.
const POOL: usize = 1 << 20;
/// A bend by less than this part of a value is none.
const NOTHING: f64 = 1.0 / (1 << 20) as f64;
/// The bits of a difference that count: the rounding of quantized values must not look like a change.
const PRECISION: u32 = 10;

/// A hash of each change of a series `(channels, rows)`: of the difference between a row and the one before.
pub fn changes(channels: &[&[f64]]) -> Vec<u64> {
    let rows = channels.first().map_or(0, |channel| channel.len());
    let mut changes = vec![0u64; rows.saturating_sub(1)];
    for (c, channel) in channels.iter().enumerate() {
        let factor = mix(c as u64);
        for (change, (before, after)) in changes.iter_mut().zip(channel.iter().zip(&channel[1..])) {
            *change = change.wrapping_add(rounded(after - before).wrapping_mul(factor));
        }
    }
    changes
}

/// Some of the changes of a series `(channels, rows)`, and of the changes of changes at the same rows: a
/// steady rise is all changes, and says nothing. `changes` are those of [`changes`]; zeros are left out.
pub fn sample(channels: &[&[f64]], changes: &[u64]) -> [Vec<u32>; 2] {
    let moving: Vec<usize> = (0..changes.len()).filter(|&t| changes[t] != 0).collect();
    let step = moving.len().div_ceil(FROM_EACH).max(1);
    let short = |hash: u64| (mix(hash) >> 32) as u32;
    let bent = |t: usize| {
        let bend = |(c, channel): (usize, &&[f64])| {
            let [x, y, z] = [channel[t - 1], channel[t], channel[t + 1]];
            // A steady rise is straight but for rounding to `f32`.
            let (bend, size) = (z - 2.0 * y + x, x.abs().max(z.abs()));
            let bend = if bend.abs() < size * NOTHING { 0.0 } else { bend };
            rounded(bend).wrapping_mul(mix(c as u64))
        };
        short(channels.iter().enumerate().map(bend).fold(0, u64::wrapping_add))
    };
    let chosen = || moving.iter().copied().step_by(step);
    [chosen().map(|t| short(changes[t])).collect(), chosen().filter(|&t| t > 0).map(bent).collect()]
}

/// A difference with [`PRECISION`] bits, as a number.
fn rounded(difference: f64) -> u64 {
    let dropped = f32::MANTISSA_DIGITS - PRECISION;
    let bits = u64::from((difference as f32 + 0.0).to_bits());
    (bits + (1 << (dropped - 1))) >> dropped
}

/// The bits that a row of each series says, at least: by its changes, or by their changes.
pub fn bits_per_row(samples: &[&[Vec<u32>; 2]]) -> Vec<f64> {
    let [first, second] = [0, 1].map(|order| {
        let changes: Vec<&[u32]> = samples.iter().map(|sample| sample[order].as_slice()).collect();
        entropies(&changes)
    });
    let least = |(first, second): (f64, f64)| if first.is_finite() { first.min(second) } else { 0.0 };
    first.into_iter().zip(second).map(least).collect()
}

/// The bits of a change of each series: how seldom its changes are among those of all series, and among
/// its own, which may have another scale. With few changes it is a lower bound; without any it is infinite.
///
/// It is a collision entropy, so that the most frequent changes count most.
fn entropies(changes: &[&[u32]]) -> Vec<f64> {
    let all: usize = changes.iter().map(|own| own.len()).sum();
    let step = all.div_ceil(POOL).max(1);
    let mut pool: Vec<u32> = changes.iter().flat_map(|own| own.iter().copied()).step_by(step).collect();
    pool.par_sort_unstable();
    let share = |change: &u32| {
        let count =
            pool.partition_point(|other| other <= change) - pool.partition_point(|other| other < change);
        count.max(1) as f64 / pool.len() as f64
    };
    let bits = |own: &&[u32]| match own.len() {
        0 => f64::INFINITY,
        length => {
            let shares: f64 = own.iter().map(share).sum();
            (length as f64 / shares).log2().min(own_bits(own))
        }
    };
    changes.par_iter().map(bits).collect()
}

/// The collision entropy of a series; infinite if no two of its changes are equal.
fn own_bits(changes: &[u32]) -> f64 {
    let mut changes = changes.to_vec();
    changes.sort_unstable();
    let pairs = |n: usize| n as f64 * (n as f64 - 1.0) / 2.0;
    let equal: f64 = changes.chunk_by(|a, b| a == b).map(|group| pairs(group.len())).sum();
    (pairs(changes.len()) / equal).log2()
}
