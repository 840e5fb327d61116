//! The launches of kernels with sums that a block shares: split_sum.cu.

/// The sums of a block: SUMS of split_sum.cu.
const SUMS: usize = 32;
/// The threads of a block. Each sum has one in each warp.
pub(super) const THREADS: u32 = 256;

/// The grid for a number of sums, for each model.
pub(super) fn grid(sums: usize, models: usize) -> [usize; 3] {
    [sums.div_ceil(SUMS), 1, models]
}
