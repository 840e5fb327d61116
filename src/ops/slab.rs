//! Where parameters lie.

/// Where a layer's parameters lie in the flat `(M, P)` parameter buffer: those of model `m` begin at
/// `m * stride + offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slab {
    pub offset: usize,
    pub stride: usize,
}

impl Slab {
    /// The first parameter of model `m`.
    pub fn start(&self, m: usize) -> usize {
        m * self.stride + self.offset
    }
}
