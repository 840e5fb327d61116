//! Where parameters lie.

/// Where a layer's parameters lie in the flat `(M, P)` parameter buffer: those of model `m` begin at
/// `m * stride + offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slab {
    /// Index of the first element in one model.
    pub offset: usize,
    /// Elements from one model to the next.
    pub stride: usize,
}

impl Slab {
    /// Whether each of so many models has its `params` to itself.
    pub fn keeps_apart(&self, models: usize, params: usize) -> bool {
        models <= 1 || self.stride >= params
    }

    /// The first parameter of model `m`.
    #[inline]
    pub fn start(&self, m: usize) -> usize {
        m * self.stride + self.offset
    }
}
