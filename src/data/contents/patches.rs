//! Patches: short fingerprints of a series that survive a little noise, another scale, and a cut elsewhere.
//!
//! A patch holds the differences `x[t + lag] - x[t]` of a few channels at [`POINTS`] times, `lag` rows apart.
//! It starts where the difference is the largest for a while, or at the start of the series: the same places
//! in a copy. Differences are almost uncorrelated in time where the signal itself drifts slowly.

use super::rows::mix;

/// The lags, in rows: where noise hides the fast differences, slower ones may stand out.
pub const LAGS: [usize; 3] = [1, 4, 16];
/// Times of a patch.
pub const POINTS: usize = 16;
/// The fewest times of a patch of a shorter series, and the fewest values.
const FEWEST_POINTS: usize = 4;
const FEWEST_VALUES: usize = 12;
/// The most channels of a patch.
const CHANNELS: usize = 4;
/// Differences count in units of their median, and not beyond this many: no single spike may decide.
const CLIP: f64 = 4.0;
/// Steps of a stored value per unit.
const STEPS: f64 = 31.0;
/// A start is the largest difference within this part of the series on both sides.
const APART: usize = 16;
/// The bits of a key.
const KEY_BITS: u64 = 18;

/// A fingerprint of a stretch of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Index into [`LAGS`].
    pub lag: u8,
    /// The first row.
    pub at: u32,
    /// The differences `(channels, times)`, clipped and rounded.
    pub values: Vec<i8>,
}

impl Patch {
    /// The number of rows that it covers.
    pub fn rows(&self, channels: usize) -> usize {
        (self.values.len() / channels.clamp(1, CHANNELS) + 1) * LAGS[self.lag as usize]
    }

    /// The cosine of the angle between two patches: the correlation of their differences.
    pub fn correlation(&self, other: &Patch) -> f64 {
        let dot = |a: &[i8], b: &[i8]| -> i64 {
            a.iter().zip(b).map(|(&a, &b)| i64::from(i32::from(a) * i32::from(b))).sum()
        };
        let norms = dot(&self.values, &self.values) as f64 * dot(&other.values, &other.values) as f64;
        if norms == 0.0 { 0.0 } else { dot(&self.values, &other.values) as f64 / norms.sqrt() }
    }

    /// A key that similar patches share, most likely: the order of random pairs of values (Calonder et al.,
    /// "BRIEF: binary robust independent elementary features", 2010). `table` numbers independent keys.
    pub fn key(&self, table: u64) -> u64 {
        let at = |i: u64| self.values[(mix(i) >> 8) as usize % self.values.len()];
        let bit = |i: u64| u64::from(at(2 * i) > at(2 * i + 1)) << (i % KEY_BITS);
        let bits: u64 = (table * KEY_BITS..(table + 1) * KEY_BITS).map(bit).sum();
        (bits << 16) | (u64::from(self.lag) << 8) | (self.values.len() as u64 % 256)
    }
}

/// The patches of a series `(channels, rows)`.
pub fn patches(channels: &[&[f64]]) -> Vec<Patch> {
    let chosen = channels.len().min(CHANNELS);
    let chosen: Vec<&[f64]> = (0..chosen).map(|i| channels[i * channels.len() / chosen]).collect();
    let rows = chosen.first().map_or(0, |channel| channel.len());
    let mut patches = Vec::new();
    for (index, &lag) in LAGS.iter().enumerate() {
        let points = POINTS.min(rows.saturating_sub(1) / lag);
        if points < FEWEST_POINTS || points * chosen.len() < FEWEST_VALUES {
            continue;
        }
        let last = rows - points * lag - 1;
        let starts = std::iter::once((0, 0)).chain(starts(chosen[0], lag, last, rows / APART));
        let patch = |(at, skipped): (usize, usize)| {
            let values = values(&chosen, at + skipped, lag, points)?;
            Some(Patch { lag: index as u8, at: (at + skipped) as u32, values })
        };
        patches.extend(starts.filter_map(patch));
    }
    patches
}

/// Where the difference is the largest within `apart` rows, and 1: the patch leaves the largest out.
fn starts(
    channel: &[f64],
    lag: usize,
    last: usize,
    apart: usize,
) -> impl Iterator<Item = (usize, usize)> + use<> {
    let size: Vec<f64> = channel.iter().zip(&channel[lag..]).map(|(a, b)| (b - a).abs()).collect();
    let apart = apart.max(FEWEST_POINTS);
    let mut found = Vec::new();
    let mut from = 0;
    while from < size.len() {
        // The largest of a block is tried; whether it is the largest on both sides is then seen.
        let block = from..(from + apart).min(size.len());
        let at = block.clone().fold(from, |best, t| if size[t] > size[best] { t } else { best });
        let around = at.saturating_sub(apart)..(at + apart + 1).min(size.len());
        let is_largest = size[at] > 0.0 && around.clone().all(|t| t == at || size[t] < size[at]);
        if is_largest && at < last {
            found.push((at, 1));
        }
        from = block.end;
    }
    found.into_iter()
}

/// The differences of all channels; `None` where more than half of them are 0 or not finite.
fn values(channels: &[&[f64]], at: usize, lag: usize, points: usize) -> Option<Vec<i8>> {
    let mut all = Vec::with_capacity(channels.len() * points);
    let mut differences = [0.0; POINTS];
    for channel in channels {
        let differences = &mut differences[..points];
        for (i, difference) in differences.iter_mut().enumerate() {
            *difference = channel[at + (i + 1) * lag] - channel[at + i * lag];
        }
        let mut sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        let median = sizes[points / 2];
        let unit = if median > 0.0 && median.is_finite() { STEPS / median } else { 0.0 };
        all.extend(differences.iter().map(|d| (d * unit).clamp(-CLIP * STEPS, CLIP * STEPS).round() as i8));
    }
    // A copy may be turned upside down.
    let largest = all.iter().max_by_key(|value| value.unsigned_abs()).copied()?;
    if largest < 0 {
        all.iter_mut().for_each(|value| *value = -*value);
    }
    (2 * all.iter().filter(|&&value| value != 0).count() > all.len()).then_some(all)
}
