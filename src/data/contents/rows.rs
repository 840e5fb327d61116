//! The rows of a series as numbers: equal rows, whatever type or file they were stored in, have equal hashes.

/// An odd 64-bit number for each index (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
pub fn mix(index: u64) -> u64 {
    let mut z = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) | 1
}

/// The bits of a sample as `f32`, with one zero and one NaN.
pub fn bits(sample: f64) -> u32 {
    let sample = sample as f32;
    match sample {
        _ if sample.is_nan() => f32::NAN.to_bits(),
        _ => (sample + 0.0).to_bits(),
    }
}

/// A hash of each row of `(channels, rows)`: multilinear, that is the sum over channels of a random number
/// times the bits (Lemire and Kaser, "Strongly universal string hashing is fast", 2014).
pub fn hashes<'a>(channels: impl Iterator<Item = &'a [f64]>, rows: usize) -> Vec<u64> {
    let mut hashes = vec![0u64; rows];
    for (channel, samples) in channels.enumerate() {
        let factor = mix(channel as u64);
        for (hash, &sample) in hashes.iter_mut().zip(samples) {
            *hash = hash.wrapping_add(u64::from(bits(sample)).wrapping_mul(factor));
        }
    }
    hashes
}
