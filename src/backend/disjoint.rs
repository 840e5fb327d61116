//! Writing one buffer from several threads at once, each its own rows.

use std::marker::PhantomData;
use std::ops::Range;

/// A mutable slice that tasks share, each of which touches only ranges that no other task touches.
///
/// Rayon's chunks give a task one run of memory; a task that owns batch rows of a `(T, B, H)` buffer owns `T`
/// runs.
pub struct Disjoint<'a, T> {
    data: *mut T,
    len: usize,
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: a shared `Disjoint` gives elements away in two ways: by `range`, whose caller promises that no
// element is in two ranges at a time, and by `pointer`, of which every use is an `unsafe` of its own. So
// without a broken promise an element is with one thread at a time, which `T: Send` allows.
unsafe impl<T: Send> Sync for Disjoint<'_, T> {}
// SAFETY: it stands for a `&mut [T]`, which may go to another thread if `T` may.
unsafe impl<T: Send> Send for Disjoint<'_, T> {}

impl<'a, T> Disjoint<'a, T> {
    #[inline]
    pub fn new(data: &'a mut [T]) -> Self {
        Disjoint { data: data.as_mut_ptr(), len: data.len(), lifetime: PhantomData }
    }

    /// All elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The first element of `range`, for threads that write between each other's elements. Panics if it is
    /// out of bounds.
    #[inline]
    pub fn pointer(&self, range: Range<usize>) -> *mut T {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} of {}", self.len);
        self.data.wrapping_add(range.start)
    }

    /// The elements of `range`. Panics if it is out of bounds.
    ///
    /// # Safety
    /// While the result lives, no other call may hand out an overlapping range.
    #[allow(clippy::mut_from_ref)] // that is the point of this type
    #[inline]
    pub unsafe fn range(&self, range: Range<usize>) -> &mut [T] {
        // SAFETY: `pointer` checks that `range` lies in the slice that `new` borrowed for `'a`, whose
        // elements are initialized; the caller promises that nobody else refers to them.
        unsafe { std::slice::from_raw_parts_mut(self.pointer(range.clone()), range.len()) }
    }
}
