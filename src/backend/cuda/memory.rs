//! Device memory.

use super::address::Address;
use super::executor::Executor;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::Word;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A block of device memory.
pub struct Memory<E: Executor> {
    pub(super) inner: E::Memory,
    pub(super) address: Address,
    bytes: usize,
    held: Arc<AtomicU64>,
}

impl<E: Executor> Drop for Memory<E> {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes as u64, Ordering::Relaxed);
    }
}

impl<E: Executor> Memory<E> {
    /// Allocates `bytes` bytes, all 0.
    ///
    /// # Errors
    /// [`ErrorKind::Device`] with the free and the total memory if they do not fit.
    pub fn zeros(session: &Session<E>, bytes: usize) -> Result<Self> {
        let bytes = bytes.max(16);
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let refused = |free: u64, total: u64| {
            Error::new(
                ErrorKind::Device,
                format!(
                    "{}: no memory for {:.1} MiB beside {:.1} MiB in use: {:.1} MiB of {:.1} MiB are free",
                    session.describe(),
                    mib(bytes as u64),
                    mib(session.held.load(Ordering::Relaxed)),
                    mib(free),
                    mib(total)
                ),
            )
            .hint("use a smaller `batch`, or a smaller `folds_at_once`")
        };
        let inner =
            session.call_with(|| format!("an allocation of {bytes} bytes"), refused, |e| e.zeros(bytes))?;
        let address = session.executor.address(&inner);
        session.held.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(Memory { inner, address, bytes, held: session.held.clone() })
    }

    /// The address of its first byte.
    pub(super) fn address(&self) -> Address {
        self.address
    }

    /// The size in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A buffer of elements in device memory.
pub struct Buf<T, E: Executor> {
    pub(super) memory: Memory<E>,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Word, E: Executor> Buf<T, E> {
    pub(super) fn zeros(session: &Session<E>, len: usize) -> Result<Self> {
        Ok(Buf { memory: Memory::zeros(session, len * size_of::<T>())?, len, element: PhantomData })
    }

    /// The number of elements.
    pub(super) fn elements(&self) -> usize {
        self.len
    }

    /// The address of the first element.
    pub fn address(&self) -> Address {
        self.at(0)
    }

    /// The address of element `i`, or of the end of the buffer.
    pub fn at(&self, i: usize) -> Address {
        assert!(i <= self.len, "element {i} of a buffer of {}", self.len);
        self.memory.address + (i * size_of::<T>()) as u64
    }
}

/// The frame table `(frames, features)` of a data set, in device memory.
pub struct Frames<E: Executor>(pub Buf<f32, E>);
