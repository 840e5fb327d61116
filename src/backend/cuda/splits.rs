//! How a sum over rows and steps is shared out, and division by a product.

/// Shares of a weight gradient's sum, which are summed apart and then in order: by the sizes of one model, so
/// that a model in a stack gets the bits that it gets alone.
#[derive(Clone, Copy)]
pub struct Splits {
    /// Of the depth, each: whole chunks of tile.cu.
    pub share: usize,
    pub count: usize,
    /// Models at once.
    pub models: usize,
}

/// What a share should have at least.
const SPLIT_ROWS: usize = 512;
/// Of the depth, what a block multiplies at a time at most: CHUNK of tile.cu.
const CHUNK: usize = 32;

impl Splits {
    /// Of a sum of so many products for each of a model's `gradients`; what is not yet added up takes
    /// `partial_bytes` at most, if that is enough for one model.
    pub fn new(depth: usize, most: usize, gradients: usize, partial_bytes: usize, models: usize) -> Self {
        let count = (depth / SPLIT_ROWS).clamp(1, most);
        let share = depth.div_ceil(count).max(1).next_multiple_of(CHUNK);
        let count = depth.div_ceil(share);
        let one = Splits { share, count, models: 1 };
        Splits { models: (partial_bytes / one.bytes(gradients).max(1)).clamp(1, models), ..one }
    }

    /// What `gradients` of each model take that are not yet added up.
    pub fn bytes(&self, gradients: usize) -> usize {
        size_of::<f32>() * self.models * self.count * gradients
    }
}

/// What divides by `by` with a product: `n / by = (high(n * factor) + n) >> shift` for `n < 2^31` (Granlund
/// and Montgomery 1994).
pub fn divisor(by: usize) -> [u64; 2] {
    let shift = by.next_power_of_two().trailing_zeros();
    let factor = ((1u64 << 32) * ((1u64 << shift) - by as u64)) / by as u64 + 1;
    [factor, u64::from(shift)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_the_depth_in_whole_chunks_whatever_the_stack() {
        for depth in [0, 1, 31, 512, 1023, 1024, 1520, 100_000] {
            let alone = Splits::new(depth, 64, 10, usize::MAX, 1);
            assert!(alone.share.is_multiple_of(CHUNK) && alone.count <= 64, "{depth}");
            assert_eq!(alone.count, depth.div_ceil(alone.share), "{depth}");
            let stacked = Splits::new(depth, 64, 10, 3 * alone.bytes(10), 7);
            assert_eq!((stacked.share, stacked.count), (alone.share, alone.count), "{depth}");
            let expected = if depth == 0 { 1 } else { 3 };
            assert_eq!(stacked.models, expected, "{depth}");
        }
    }

    #[test]
    fn division_by_a_product_is_division() {
        for by in (1..70).chain([127, 128, 129, 1000, 65_535, 1 << 20, (1 << 31) - 1]) {
            let [factor, shift] = divisor(by);
            assert!(factor < 1 << 32, "{by}");
            for n in (0..200).chain([by * 7, by * 7 + by - 1, (1 << 31) - 1]).filter(|&n| n < 1 << 31) {
                let high = (n as u64 * factor) >> 32;
                assert_eq!((high + n as u64) >> shift, (n / by) as u64, "{n} / {by}");
            }
        }
    }
}
