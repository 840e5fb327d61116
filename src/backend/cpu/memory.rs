//! Memory of the kernels: aligned to cache lines, made once and used again.

use super::format::Format;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

/// Numbers in a cache line.
const LINE: usize = 16;

/// Numbers that begin on a cache line, so that a vector never lies across two.
#[derive(Default)]
pub struct Aligned {
    numbers: Vec<f32>,
    /// To the first number on a cache line.
    offset: usize,
    len: usize,
}

impl Aligned {
    /// `len` zeros; the system gives the memory itself when it is first written, which an aligned allocation
    /// would do at once.
    pub fn zeros(len: usize) -> Self {
        let numbers = vec![0.0f32; len + LINE];
        let offset = numbers.as_ptr().align_offset(LINE * size_of::<f32>());
        Aligned { numbers, offset, len }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    #[inline]
    fn deref(&self) -> &[f32] {
        &self.numbers[self.offset..self.offset + self.len]
    }
}

impl DerefMut for Aligned {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.offset..self.offset + self.len]
    }
}

/// Work space that tasks borrow and leave for the next one.
#[derive(Default)]
pub struct Scratch(Mutex<Vec<Aligned>>);

impl Scratch {
    /// At least `len` numbers of any value.
    pub fn borrow(&self, len: usize) -> Borrowed<'_> {
        let mut space = self.pool().pop().unwrap_or_default();
        if space.len() < len {
            space = Aligned::zeros(len);
        }
        if cfg!(test) {
            // NaN in either format, so that no task gets by with what another one left.
            space.fill(f32::from_bits(0x7fc0_7fc0));
        }
        Borrowed { space, owner: self }
    }

    fn pool(&self) -> std::sync::MutexGuard<'_, Vec<Aligned>> {
        self.0.lock().expect("no task panics while it holds the lock")
    }
}

/// Work space that goes back when it is dropped.
pub struct Borrowed<'a> {
    space: Aligned,
    owner: &'a Scratch,
}

impl Borrowed<'_> {
    pub fn as_mut(&mut self) -> &mut [f32] {
        &mut self.space
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.owner.pool().push(std::mem::take(&mut self.space));
    }
}

/// Cuts the first `len` numbers off `space`, rounded up to whole cache lines.
#[inline]
pub fn carve<'a>(space: &mut &'a mut [f32], len: usize) -> &'a mut [f32] {
    let (head, tail) = std::mem::take(space).split_at_mut(len.next_multiple_of(LINE));
    *space = tail;
    &mut head[..len]
}

/// As `carve`, numbers of a format.
#[inline]
pub fn carve_numbers<'a, E: Format>(space: &mut &'a mut [f32], len: usize) -> &'a mut [E::Number] {
    &mut bytemuck::cast_slice_mut(carve(space, len.div_ceil(E::PAIR)))[..len]
}

/// Numbers that `carve` takes for each of these lengths, together.
#[inline]
pub fn carved<const N: usize>(lens: [usize; N]) -> usize {
    lens.into_iter().map(|len| len.next_multiple_of(LINE)).sum()
}
