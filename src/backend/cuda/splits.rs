//! How a sum over rows and time steps is split (split-K), and division by multiplication.

/// The splits of a weight gradient's sum. Each split is summed by itself; then the splits are added in order.
/// The split depends on the sizes of one model only, so that a model gets the same bits in a fold group and
/// alone.
#[derive(Clone, Copy)]
pub struct Splits {
    /// The depth of each split, a multiple of the chunk of gemm_tile.cu.
    pub share: usize,
    /// The number of splits.
    pub count: usize,
    /// Models that are computed at once.
    pub models: usize,
}

/// The blocks that the splits of one model should give: two on each multiprocessor of a large GPU.
const BLOCKS: usize = 264;
/// The depth that a split should have at least.
const SPLIT_ROWS: usize = 256;
/// The depth of a chunk: the largest CHUNK of gemm_tile.cu.
const CHUNK: usize = 32;

impl Splits {
    /// Splits a sum over `depth` for each of a model's `gradients`, which `tiles` blocks compute. The partial
    /// sums take at most `partial_bytes`, or those of one model if that is more.
    pub fn new(depth: usize, tiles: usize, gradients: usize, partial_bytes: usize, models: usize) -> Self {
        let most = (BLOCKS / tiles).max(1);
        let count = (depth / SPLIT_ROWS).clamp(1, most);
        let share = depth.div_ceil(count).max(1).next_multiple_of(CHUNK);
        let count = depth.div_ceil(share);
        let one = Splits { share, count, models: 1 };
        Splits { models: (partial_bytes / one.bytes(gradients).max(1)).clamp(1, models), ..one }
    }

    /// Bytes of the partial sums of all models that are computed at once.
    pub fn bytes(&self, gradients: usize) -> usize {
        size_of::<f32>() * self.models * self.count * gradients
    }
}

/// Factor and shift of a division by `by`: `n / by = (high(n * factor) + n) >> shift` for `n < 2^31`, where
/// `high` is the upper half of the 64-bit product (Granlund and Montgomery 1994).
pub fn divisor(by: usize) -> [u64; 2] {
    let shift = by.next_power_of_two().trailing_zeros();
    let factor = ((1u64 << 32) * ((1u64 << shift) - by as u64)) / by as u64 + 1;
    [factor, u64::from(shift)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_cover_the_depth_in_whole_chunks_for_any_number_of_models() {
        for depth in [0, 1, 31, 512, 1023, 1024, 1520, 100_000] {
            let alone = Splits::new(depth, 4, 10, usize::MAX, 1);
            assert!(alone.share.is_multiple_of(CHUNK), "{depth}");
            assert!(alone.count <= BLOCKS / 4, "{depth}");
            assert_eq!(alone.count, depth.div_ceil(alone.share), "{depth}");
            let group = Splits::new(depth, 4, 10, 3 * alone.bytes(10), 7);
            assert_eq!((group.share, group.count), (alone.share, alone.count), "{depth}");
            let expected = if depth == 0 { 1 } else { 3 };
            assert_eq!(group.models, expected, "{depth}");
        }
    }

    #[test]
    fn factor_and_shift_divide() {
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
