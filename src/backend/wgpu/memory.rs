//! Device memory, with an account of it.

use super::device::Gpu;
use crate::error::{Error, Fault, Result};
use crate::ops::Word;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
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
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether a buffer has gone since the last call.
    pub fn take_freed(&self) -> bool {
        self.freed.swap(false, Ordering::Relaxed)
    }
}

/// Device memory for `len` words.
pub struct Buf<T> {
    pub(super) buffer: wgpu::Buffer,
    len: usize,
    account: Arc<Account>,
    words: PhantomData<T>,
}

impl<T> Drop for Buf<T> {
    fn drop(&mut self) {
        self.account.held.fetch_sub(self.buffer.size(), Ordering::Relaxed);
        self.account.freed.store(true, Ordering::Relaxed);
    }
}

/// Of every buffer: nothing is bound whose size is no multiple of a vector.
const GRANULE: u64 = 16;

impl<T: Word> Buf<T> {
    /// Zeros, or an error that says how much there is.
    pub fn zeros(gpu: &Gpu, len: usize) -> Result<Self> {
        let bytes = (len * size_of::<T>()) as u64;
        let size = bytes.max(1).next_multiple_of(GRANULE);
        let held = gpu.account.held();
        let refuse = |why: &str| {
            let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            Error::new(
                Fault::Device,
                format!(
                    "{}: no memory for {:.1} MiB beside {:.1} MiB that are in use: {why}",
                    gpu.name,
                    mib(size),
                    mib(held)
                ),
            )
            .hint("train with a smaller `--batch`, or fewer models at once with `--folds-at-once`")
        };
        if size > gpu.limits.max_buffer_size {
            return Err(refuse("one buffer may not be that large here"));
        }
        if held + size > gpu.budget {
            return Err(refuse("the device has no more than that to give"));
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let buffer = gpu
            .created(|device| {
                device.create_buffer(&wgpu::BufferDescriptor {
                    label: None,
                    size,
                    usage,
                    mapped_at_creation: false,
                })
            })
            .map_err(|error| refuse(&error.message))?;
        gpu.account.held.fetch_add(size, Ordering::Relaxed);
        Ok(Buf { buffer, len, account: gpu.account.clone(), words: PhantomData })
    }

    /// Words that it was made for.
    pub fn words(&self) -> usize {
        self.len
    }

    /// All of it, for a binding.
    pub fn all(&self) -> Slice<'_> {
        self.part(0..self.len)
    }

    /// Some of its words, for a binding.
    pub fn part(&self, words: Range<usize>) -> Slice<'_> {
        assert!(words.end <= self.len, "{words:?} of a buffer of {}", self.len);
        Slice { buffer: &self.buffer, words }
    }
}

/// A part of a buffer, in words of four bytes.
#[derive(Clone)]
pub struct Slice<'a> {
    pub(super) buffer: &'a wgpu::Buffer,
    pub(super) words: Range<usize>,
}

/// Bindings begin at multiples of this many words, whatever the device.
const ALIGNMENT: usize = 64;

impl Slice<'_> {
    /// How many words after the start of the binding the slice begins.
    pub fn base(&self) -> u32 {
        (self.words.start % ALIGNMENT) as u32
    }

    /// First byte and number of bytes of the binding.
    pub fn bytes(&self) -> (u64, u64) {
        let start = (self.words.start - self.words.start % ALIGNMENT) as u64 * 4;
        let end = (self.words.end.max(1) as u64 * 4).next_multiple_of(GRANULE);
        (start, end - start)
    }
}
