//! How much memory a device has given away.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The account that all buffers of a device share.
#[derive(Default)]
pub struct Account {
    /// Bytes of all buffers there are.
    held: AtomicU64,
    /// Set when a buffer was dropped: cached bind groups must be cleared.
    freed: AtomicBool,
}

impl Account {
    /// A buffer of so many bytes was made.
    pub fn take(&self, bytes: u64) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Records that a buffer of so many bytes was dropped.
    pub fn give_back(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.freed.store(true, Ordering::Relaxed);
    }

    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether a buffer was dropped since the last call.
    pub fn take_freed(&self) -> bool {
        self.freed.swap(false, Ordering::Relaxed)
    }
}
