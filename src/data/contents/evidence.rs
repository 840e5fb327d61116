//! When a match is a copy: not before chance would make such a match once in a million data sets.

/// The bits beyond the number of comparisons: 2^-20 is one in a million.
const MARGIN: f64 = 20.0;

/// The bits that a match must have among `count` things that were all compared with each other.
pub fn needed(count: usize) -> f64 {
    let pairs = count as f64 * count as f64 / 2.0;
    pairs.max(1.0).log2() + MARGIN
}
