//! Work that a session was asked for within a scope, and has not yet issued.

use super::executor::{Executor, SMALL_COPY};
use super::launches::Launches;
use super::uploads::Uploads;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The recording of a session, which its memory shares.
pub(super) struct Recording<E: Executor> {
    /// The scopes that are open now, of all threads. While there is one, work is recorded.
    pub scopes: usize,
    /// The recorded work.
    pub list: List<E>,
}

/// Recorded work: small copies to the device, then launches.
pub(super) struct List<E: Executor> {
    pub uploads: Uploads<E::Memory>,
    pub launches: Launches,
    /// Memory that was dropped while launches that may use it waited here.
    pub dropped: Vec<Arc<E::Memory>>,
}

impl<E: Executor> Default for Recording<E> {
    fn default() -> Self {
        Recording { scopes: 0, list: List::default() }
    }
}

impl<E: Executor> Default for List<E> {
    fn default() -> Self {
        List { uploads: Uploads::default(), launches: Launches::default(), dropped: Vec::new() }
    }
}

impl<E: Executor> List<E> {
    /// Whether there is nothing to issue. Memory is kept only for launches.
    pub fn is_empty(&self) -> bool {
        self.uploads.is_empty() && self.launches.is_empty()
    }
}

impl<E: Executor> Recording<E> {
    /// The recording, for this thread alone.
    pub fn lock(shared: &Mutex<Self>) -> MutexGuard<'_, Self> {
        shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a copy of `bytes` bytes to the device is recorded.
    pub fn takes(&self, bytes: usize) -> bool {
        self.scopes > 0 && bytes <= SMALL_COPY
    }

    /// Keeps memory that nobody uses any more, except perhaps recorded launches.
    pub fn keep(&mut self, memory: &Arc<E::Memory>) {
        if !self.list.launches.is_empty() {
            self.list.dropped.push(memory.clone());
        }
    }
}
