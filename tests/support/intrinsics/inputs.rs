//! Operands: special and random ones.

/// Pseudo-random `u32`s, the same in every run (xorshift).
pub(super) fn random_words(count: usize) -> impl Iterator<Item = u32> {
    let mut state = 0x9e37_79b9u32;
    (0..count).map(move |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    })
}

pub(super) const SPECIAL: [u32; 24] = [
    0x0000_0000, // 0
    0x0000_0001, // the least subnormal number
    0x0000_0fff,
    0x0000_1000, // half of the least subnormal number of tf32
    0x0000_8000, // half of the least subnormal number of bf16
    0x0040_0000,
    0x007f_ffff, // the largest subnormal number, which rounds to a normal one
    0x0080_0000, // the least normal number
    0x3f80_0000, // 1
    0x3f80_0001,
    0x4000_0000,
    0x4b80_0000, // 2^24
    0x7e80_0000, // 2^126, of which the reciprocal is normal
    0x7f00_0000, // 2^127, of which the reciprocal is subnormal
    0x7f7f_0000,
    0x7f7f_7fff, // the largest that bf16 does not round to infinity
    0x7f7f_8000,
    0x7f7f_efff, // the largest that tf32 does not
    0x7f7f_f000,
    0x7f7f_ffff, // the largest finite number
    0x7f80_0000, // infinity
    0x7f80_0001, // NaN with only the last bit set
    0x7fc0_0000, // NaN
    0x7fff_ffff,
];

pub(super) fn of_both_signs(words: impl IntoIterator<Item = u32>) -> Vec<u32> {
    words.into_iter().flat_map(|word| [word, word ^ 0x8000_0000]).collect()
}
