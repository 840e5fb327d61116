//! Device memory.

use super::executor::Executor;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::Word;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Some bytes of a device.
pub struct Memory<E: Executor> {
    pub(super) inner: E::Memory,
    pub(super) address: u64,
    bytes: usize,
    held: Arc<AtomicU64>,
}

impl<E: Executor> Drop for Memory<E> {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes as u64, Ordering::Relaxed);
    }
}

impl<E: Executor> Memory<E> {
    /// Zeros, or an error that says how much there is.
    pub fn zeros(session: &Session<E>, bytes: usize) -> Result<Self> {
        let bytes = bytes.max(16);
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let refused = |free: u64, total: u64| {
            Error::new(
                ErrorKind::Device,
                format!(
                    "{}: no memory for {:.1} MiB beside {:.1} MiB that are in use: {:.1} MiB of {:.1} MiB are free",
                    session.describe(),
                    mib(bytes as u64),
                    mib(session.held.load(Ordering::Relaxed)),
                    mib(free),
                    mib(total)
                ),
            )
            .hint("train with a smaller `--batch`, or fewer models at once with `--folds-at-once`")
        };
        let inner =
            session.call_with(|| format!("an allocation of {bytes} bytes"), refused, |e| e.zeros(bytes))?;
        let address = session.executor.address(&inner);
        session.held.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(Memory { inner, address, bytes, held: session.held.clone() })
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Device memory for `len` words.
pub struct Buf<T, E: Executor> {
    pub(super) memory: Memory<E>,
    len: usize,
    words: PhantomData<T>,
}

impl<T: Word, E: Executor> Buf<T, E> {
    pub fn zeros(session: &Session<E>, len: usize) -> Result<Self> {
        Ok(Buf { memory: Memory::zeros(session, len * size_of::<T>())?, len, words: PhantomData })
    }

    pub fn words(&self) -> usize {
        self.len
    }

    /// Where it begins.
    pub fn address(&self) -> u64 {
        self.at(0)
    }

    /// Where word `i` is.
    pub fn at(&self, i: usize) -> u64 {
        assert!(i <= self.len, "word {i} of a buffer of {}", self.len);
        self.memory.address + (i * size_of::<T>()) as u64
    }
}

/// The address of a buffer, or 0 where there is none.
pub fn address<T: Word, E: Executor>(buffer: Option<&Buf<T, E>>) -> u64 {
    buffer.map_or(0, Buf::address)
}

/// The frame table.
pub struct Frames<E: Executor>(pub Buf<f32, E>);
