//! Memory of the kernels: aligned to cache lines, made once and used again.

use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

/// One cache line.
#[derive(Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([f32; Line::LEN]);

impl Line {
    const LEN: usize = 16;
}

/// Numbers that begin on a cache line, so that a vector never lies across two.
#[derive(Clone, Default)]
pub struct Aligned(Vec<Line>);

impl Aligned {
    /// At least `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Aligned(vec![Line::default(); len.div_ceil(Line::LEN)])
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        bytemuck::cast_slice(&self.0)
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.0)
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
pub fn carve<'a>(space: &mut &'a mut [f32], len: usize) -> &'a mut [f32] {
    let (head, tail) = std::mem::take(space).split_at_mut(len.next_multiple_of(Line::LEN));
    *space = tail;
    &mut head[..len]
}

/// Numbers that `carve` takes for each of these lengths, together.
pub fn carved<const N: usize>(lens: [usize; N]) -> usize {
    lens.into_iter().map(|len| len.next_multiple_of(Line::LEN)).sum()
}
