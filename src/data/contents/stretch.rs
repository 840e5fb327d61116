//! A stretch that two series have in common.

/// How alike two stretches are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// The same samples.
    Same,
    /// The same but for noise, scale or level: their differences correlate by more than .999.
    Similar,
}

/// A stretch that two series have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The two series, as indices, in ascending order.
    pub series: [u32; 2],
    /// The first common row in each.
    pub at: [u32; 2],
    /// The number of common rows that were found.
    pub rows: u32,
    /// How alike they are.
    pub likeness: Likeness,
}
