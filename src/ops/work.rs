//! The algorithmic work of an operation, whatever its kernels really do. Multiply-adds of
//! matrix products count two operations each, element-wise maths counts as noted; every operand is read or
//! written once, and every row has all `T` steps.

use serde::Serialize;
use std::ops::Add;

/// Algorithmic work in `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Work {
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes of all operands.
    pub bytes: u64,
}

impl Work {
    /// `part` of `all`.
    pub fn share(self, part: usize, all: usize) -> Self {
        let of = |number: u64| (u128::from(number) * part as u128 / all.max(1) as u128) as u64;
        Work { flops: of(self.flops), bytes: of(self.bytes) }
    }

    pub(super) fn new(flops: usize, numbers: usize) -> Self {
        Work { flops: flops as u64, bytes: (size_of::<f32>() * numbers) as u64 }
    }
}

impl Add for Work {
    type Output = Work;

    fn add(self, other: Work) -> Work {
        Work { flops: self.flops + other.flops, bytes: self.bytes + other.bytes }
    }
}
