//! Device memory.

use super::address::Address;
use super::executor::Executor;
use super::recording::Recording;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::Word;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The alignment of memory within a block: of the widest loads of the kernels.
const ALIGNMENT: usize = 16;

/// Device memory that was allocated at once.
struct Block<E: Executor> {
    inner: Arc<E::Memory>,
    bytes: usize,
    held: Arc<AtomicU64>,
    recording: Arc<Mutex<Recording<E>>>,
}

impl<E: Executor> Drop for Block<E> {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes as u64, Ordering::Relaxed);
        Recording::lock(&self.recording).keep(&self.inner);
    }
}

/// Device memory: a block of its own, or a part of one.
pub struct Memory<E: Executor> {
    block: Arc<Block<E>>,
    /// Its first byte in the block.
    offset: usize,
    pub(super) address: Address,
    bytes: usize,
}

impl<E: Executor> Memory<E> {
    /// Allocates `bytes` bytes, all 0.
    ///
    /// # Errors
    /// [`ErrorKind::Device`] with the free and the total memory if they do not fit.
    pub fn zeros(session: &Session<E>, bytes: usize) -> Result<Self> {
        let bytes = bytes.max(ALIGNMENT);
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
        let (held, recording) = (session.held.clone(), session.recording.clone());
        let block = Arc::new(Block { inner: Arc::new(inner), bytes, held, recording });
        Ok(Memory { block, offset: 0, address, bytes })
    }

    /// Allocates memory of these sizes in one block, side by side, all 0.
    ///
    /// # Errors
    /// As [`Memory::zeros`].
    pub fn side_by_side(session: &Session<E>, sizes: &[usize]) -> Result<Vec<Self>> {
        let sizes: Vec<usize> = sizes.iter().map(|bytes| bytes.next_multiple_of(ALIGNMENT)).collect();
        let whole = Memory::zeros(session, sizes.iter().sum())?;
        let mut offset = 0;
        let part = |bytes: usize| {
            let address = whole.address + offset as u64;
            let part = Memory { block: whole.block.clone(), offset, address, bytes };
            offset += bytes;
            part
        };
        Ok(sizes.into_iter().map(part).collect())
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
    memory: Memory<E>,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Word, E: Executor> Buf<T, E> {
    /// A buffer of `len` zeros.
    pub(super) fn zeros(session: &Session<E>, len: usize) -> Result<Self> {
        Ok(Buf::within(Memory::zeros(session, len * size_of::<T>())?, len))
    }

    /// A buffer of `len` elements in memory that has room for them.
    pub(super) fn within(memory: Memory<E>, len: usize) -> Self {
        assert!(len * size_of::<T>() <= memory.bytes, "{len} elements in {} bytes", memory.bytes);
        Buf { memory, len, element: PhantomData }
    }

    /// Copies `src` to its beginning.
    pub(super) fn write(&mut self, session: &Session<E>, src: &[T]) -> Result<()> {
        assert!(src.len() <= self.len, "{} elements into a buffer of {}", src.len(), self.len);
        let Memory { block, offset, bytes, .. } = &self.memory;
        // Behind the last element nobody reads.
        let room = if src.len() == self.len { *bytes } else { size_of_val(src) };
        session.write(&block.inner, *offset, bytemuck::cast_slice(src), room)
    }

    /// Copies its beginning to `dst`.
    pub(super) fn read(&self, session: &Session<E>, dst: &mut [T]) -> Result<()> {
        assert!(dst.len() <= self.len, "{} elements out of a buffer of {}", dst.len(), self.len);
        let (Memory { block, offset, .. }, len) = (&self.memory, size_of_val(dst));
        session.call(
            || format!("a copy of {len} bytes from the device"),
            |executor| executor.read(&block.inner, *offset, bytemuck::cast_slice_mut(dst)),
        )
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
