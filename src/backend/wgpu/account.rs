//! How much memory a device has given away.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What all buffers of a device know of one another.
#[derive(Default)]
pub struct Account {
    /// Bytes of all buffers there are.
    held: AtomicU64,
    /// A buffer has gone since this was last asked: what refers to buffers must let go of it.
    freed: AtomicBool,
}

impl Account {
    /// A buffer of so many bytes was made.
    pub fn take(&self, bytes: u64) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A buffer of so many bytes has gone.
    pub fn give_back(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.freed.store(true, Ordering::Relaxed);
    }

    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether a buffer has gone since the last call.
    pub fn take_freed(&self) -> bool {
        self.freed.swap(false, Ordering::Relaxed)
    }
}
