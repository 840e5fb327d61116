//! Page-locked host memory through which small copies go to the device. The host need not wait for them.

use super::executor::SMALL_COPY;
use super::shared::Shared;
use cudarc::driver::{CudaEvent, DriverError, result};
use std::sync::Arc;

/// The copies that may be on their way at once.
const SLOTS: usize = 4;

/// Slots in a row, used one after the other.
pub(super) struct Ring {
    /// The memory of all slots, `SMALL_COPY` bytes each.
    memory: *mut u8,
    /// For each slot an event that follows its last copy.
    copied: Vec<CudaEvent>,
    /// The slot of the next copy.
    next: usize,
    shared: Arc<Shared>,
}

// SAFETY: page-locked memory belongs to no thread, and only the ring has its address.
unsafe impl Send for Ring {}

impl Ring {
    /// Allocates the slots.
    pub fn new(shared: &Arc<Shared>) -> Result<Self, DriverError> {
        // An event that was never recorded counts as done.
        let copied = (0..SLOTS).map(|_| shared.context.new_event(None)).collect::<Result<_, _>>()?;
        // SAFETY: `new_event` bound the context to this thread. The memory is written before it is read.
        let memory = unsafe { result::malloc_host(SLOTS * SMALL_COPY, 0) }?.cast();
        Ok(Ring { memory, copied, next: 0, shared: shared.clone() })
    }

    /// Copies `bytes`, at most [`SMALL_COPY`], to the device. Waits only if all slots are on their way.
    ///
    /// # Safety
    /// The device has memory for them at `to`, which this stream allocated and has not freed, and the context
    /// is bound to this thread.
    pub unsafe fn copy(&mut self, to: u64, bytes: &[u8]) -> Result<(), DriverError> {
        assert!(bytes.len() <= SMALL_COPY, "{} bytes in a slot of {SMALL_COPY}", bytes.len());
        let (slot, stream) = (self.next, &self.shared.stream);
        self.copied[slot].synchronize()?;
        // SAFETY: the slot lies within the memory. Its last copy is done, as waited for above, and through
        // `&mut self` the host has no other access.
        let staged = unsafe {
            let slot = self.memory.add(slot * SMALL_COPY);
            slot.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            std::slice::from_raw_parts(slot, bytes.len())
        };
        // SAFETY: the caller guarantees `to`. The slot is not written again before its event, and its memory
        // lives until `drop` has waited for the stream.
        unsafe { result::memcpy_htod_async(to, staged, stream.cu_stream()) }?;
        // Without its event, nothing but the stream tells when the copy is done.
        self.copied[slot].record(stream).or_else(|error| stream.synchronize().and(Err(error)))?;
        self.next = (slot + 1) % SLOTS;
        Ok(())
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.shared.release(|| {
            self.shared.stream.synchronize()?;
            // SAFETY: `new` allocated the memory, only this frees it, and no copy is on its way.
            unsafe { result::free_host(self.memory.cast()) }
        });
    }
}
