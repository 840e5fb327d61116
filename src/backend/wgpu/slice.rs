//! Parts of buffers, as kernels are bound to them.

use std::ops::Range;

/// Of every buffer: nothing is bound whose size is no multiple of a vector.
pub const GRANULE: u64 = 16;

/// A part of a buffer, in words of four bytes.
#[derive(Clone)]
pub struct Slice<'a> {
    pub(super) buffer: &'a wgpu::Buffer,
    pub(super) words: Range<usize>,
}

/// Bindings begin at multiples of this many words, whatever the device.
pub const ALIGNMENT: usize = 64;

impl Slice<'_> {
    /// How many words after the start of the binding the slice begins.
    pub fn base(&self) -> u32 {
        (self.words.start % ALIGNMENT) as u32
    }

    /// First byte and number of bytes of the binding.
    pub fn bytes(&self) -> (u64, u64) {
        let start = (self.words.start - self.words.start % ALIGNMENT) as u64 * 4;
        let end = (self.words.end.max(1) as u64 * 4).next_multiple_of(GRANULE);
        (start, end - start)
    }
}
