//! Device memory, with an account of it.

use super::account::Account;
use super::gpu::Gpu;
use super::slice::{GRANULE, Slice};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::Word;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

/// Device memory for `len` words.
pub struct Buf<T> {
    pub(super) buffer: wgpu::Buffer,
    len: usize,
    account: Arc<Account>,
    words: PhantomData<T>,
}

impl<T> Drop for Buf<T> {
    fn drop(&mut self) {
        self.account.give_back(self.buffer.size());
    }
}

impl<T: Word> Buf<T> {
    /// Zeros, or an error that says how much there is.
    pub fn zeros(gpu: &Gpu, len: usize) -> Result<Self> {
        let bytes = (len * size_of::<T>()) as u64;
        let size = bytes.max(1).next_multiple_of(GRANULE);
        let held = gpu.account.held();
        let refuse = |why: &str| {
            let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            Error::new(
                ErrorKind::Device,
                format!(
                    "{}: no memory for {:.1} MiB beside {:.1} MiB that are in use: {why}",
                    gpu.name,
                    mib(size),
                    mib(held)
                ),
            )
            .hint("train with a smaller `batch`, or fewer models at once with `folds_at_once`")
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
        gpu.account.take(size);
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

/// The frame table in parts that can be bound.
pub struct Frames {
    /// The parts of the table; each fits into one binding.
    pub parts: Vec<FramePart>,
}

/// Frames `first..end`.
pub struct FramePart {
    pub first: usize,
    pub end: usize,
    pub frames: Buf<f32>,
}
