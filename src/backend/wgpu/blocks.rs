//! Cuts work so that bindings stay within the device's limits.

use crate::error::{Error, ErrorKind, Result};
use std::ops::Range;

/// Numbers per round of the tiled kernels.
pub const DEPTH: usize = 16;

/// Workgroups in two dimensions where one would be too long; kernels number them `x + y * groups.x`.
pub fn grid(groups: usize, z: usize) -> [u32; 3] {
    const LIMIT: usize = 65_535;
    let y = groups.div_ceil(LIMIT);
    [groups.div_ceil(y.max(1)) as u32, y as u32, z as u32]
}

/// Workgroups of 64 invocations, one for each number.
pub fn groups(numbers: usize, z: usize) -> [u32; 3] {
    grid(numbers.div_ceil(64), z)
}

/// Consecutive ranges of at most `each`.
pub fn blocks(all: usize, each: usize) -> impl Iterator<Item = Range<usize>> {
    let each = each.max(1);
    (0..all).step_by(each).map(move |start| start..(start + each).min(all))
}

/// `blocks` of models such that `bytes` of each fit into one binding.
pub fn model_blocks(
    what: &str,
    models: usize,
    bytes: usize,
    binding: usize,
) -> Result<impl Iterator<Item = Range<usize>> + use<>> {
    if bytes > binding {
        return Err(Error::new(
            ErrorKind::Device,
            format!("{what} of one model takes {bytes} bytes, and this device binds {binding} at once"),
        )
        .hint("use a smaller network or a smaller `batch`"));
    }
    Ok(blocks(models, binding / bytes.max(1)))
}
