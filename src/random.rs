//! Random numbers: Philox4x32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy
//! as 1, 2, 3", SC 2011).
//!
//! A random number is a pure function of a key and a counter. Resuming a run therefore needs no stored state,
//! and every thread and device draws the same numbers. The key combines the seed and a [`Stream`], the
//! purpose of the numbers.

/// The multipliers of a round.
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// The key grows by these after each round.
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// Four random `u32`s for a key and a counter.
#[inline]
pub fn philox(key: [u32; 2], counter: [u32; 4]) -> [u32; 4] {
    let [[c0], [c1], [c2], [c3]] =
        philox_lanes(key, [[counter[0]], [counter[1]], [counter[2]], [counter[3]]]);
    [c0, c1, c2, c3]
}

/// [`philox`] for `N` counters at once. Element `[i][lane]` is part `i` of the counter or result of a lane,
/// so that the compiler can use vector instructions.
#[inline(always)]
pub fn philox_lanes<const N: usize>(mut key: [u32; 2], mut counters: [[u32; N]; 4]) -> [[u32; N]; 4] {
    for _ in 0..ROUNDS {
        let mut next = [[0; N]; 4];
        for lane in 0..N {
            let p0 = u64::from(MULTIPLIERS[0]) * u64::from(counters[0][lane]);
            let p1 = u64::from(MULTIPLIERS[1]) * u64::from(counters[2][lane]);
            next[0][lane] = (p1 >> 32) as u32 ^ counters[1][lane] ^ key[0];
            next[1][lane] = p1 as u32;
            next[2][lane] = (p0 >> 32) as u32 ^ counters[3][lane] ^ key[1];
            next[3][lane] = p0 as u32;
        }
        counters = next;
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counters
}

/// The purpose of random numbers. Different purposes never share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Stream {
    /// Initial weights.
    Weights = 1,
    /// The order of training samples in an epoch.
    Shuffle = 2,
    /// Dropout masks.
    Dropout = 3,
    /// The assignment of trials, subjects or stimuli to folds.
    Split = 4,
    /// Demo recordings.
    Demo = 5,
    /// Inputs of conformance checks and profiles.
    Check = 6,
    /// The signs of a permutation test.
    Signs = 7,
    /// The order of labels in a permutation test that trains again.
    Permutation = 8,
}

/// The Philox key of `stream` under `seed`.
pub fn key(seed: u64, stream: Stream) -> [u32; 2] {
    [seed as u32 ^ (stream as u32).rotate_left(24), (seed >> 32) as u32]
}

/// A sequential reader of one Philox stream.
#[derive(Clone, Debug)]
pub struct Random {
    key: [u32; 2],
    place: [u32; 2],
    /// The index of the next block of four numbers.
    block: u64,
    /// The current block, and how many of its numbers have been drawn.
    numbers: [u32; 4],
    used: usize,
}

impl Random {
    /// The numbers of `stream` under `seed` at `place`, two indices such as fold and epoch. Every place has
    /// numbers of its own.
    pub fn new(seed: u64, stream: Stream, place: [u32; 2]) -> Self {
        Random { key: key(seed, stream), place, block: 0, numbers: [0; 4], used: 4 }
    }

    /// The next number, uniform over all `u32`s.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            let counter = [self.block as u32, (self.block >> 32) as u32, self.place[0], self.place[1]];
            self.numbers = philox(self.key, counter);
            self.block += 1;
            self.used = 0;
        }
        self.used += 1;
        self.numbers[self.used - 1]
    }

    /// A uniform number in (0, 1) with 53 bits. It is never 0.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        let bits = (u64::from(self.next_u32()) << 21) ^ u64::from(self.next_u32() >> 11);
        (bits as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// A standard normal number (Box and Muller 1958).
    #[inline]
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// A uniform number below `n`, without bias (Lemire 2019).
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        assert!(n > 0, "there is no number below 0");
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(n);
            if product as u32 >= threshold {
                return (product >> 32) as u32;
            }
        }
    }

    /// Shuffles `items` (Fisher and Yates). Every order is equally likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known-answer vectors of the authors' Random123 distribution (`kat_vectors`, philox4x32 10).
    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(philox([0, 0], [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([!0, !0], [!0; 4]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox([0xa409_3822, 0x299f_31d0], [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn a_shuffle_is_a_permutation_and_repeats() {
        let order = |place| {
            let mut items: Vec<u32> = (0..100).collect();
            Random::new(7, Stream::Shuffle, place).shuffle(&mut items);
            items
        };
        let mut sorted = order([0, 1]);
        assert_eq!(sorted, order([0, 1]));
        assert_ne!(sorted, order([0, 2]));
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..100));
    }

    #[test]
    fn normals_have_mean_zero_and_variance_one() {
        let mut random = Random::new(1, Stream::Demo, [0, 0]);
        let draws: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / 1e5;
        // Standard errors: 1/sqrt(1e5) = 0.0032 and sqrt(2/1e5) = 0.0045; four of each.
        assert!(mean.abs() < 0.013 && (variance - 1.0).abs() < 0.018, "mean {mean}, variance {variance}");
    }
}
