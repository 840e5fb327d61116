//! An open device.

use super::adapter::Adapter;
use super::blocks::blocks;
use super::gpu::Gpu;
use super::memory::{Buf, FramePart, Frames};
use super::peak;
use super::rnn::{Format, Layer, Plan, Target, Tuning};
use crate::backend::{Backend, DeviceId, Peak, Timeline};
use crate::error::Result;
use crate::ops::{Device, Precision, Purpose, Rnn, RnnLayer, Sealed, Word};
use ndarray::ArcArray2;
use std::sync::{Arc, Mutex, PoisonError};

/// An open device.
pub struct Wgpu {
    pub(super) gpu: Gpu,
    adapter: Adapter,
    pub(super) tuning: Tuning,
    format: Format,
    /// Memory that operations work in, as large as the largest needed.
    scratch: Mutex<Option<Arc<Buf<f32>>>>,
}

impl Wgpu {
    pub(super) fn new(gpu: Gpu, adapter: Adapter) -> Self {
        Wgpu { gpu, adapter, tuning: Tuning::default(), format: Format::default(), scratch: Mutex::default() }
    }

    /// As this adapter would be used, but for how the work is cut.
    pub fn tuned(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    /// The same, with recurrent layers that store their vectors in this format.
    pub fn storing(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// The target that recurrent layers are planned for here.
    pub fn target(&self) -> Target<'_> {
        Target { limits: &self.gpu.limits, is_software: self.adapter.is_software(), format: self.format }
    }

    /// The adapter that the device was opened on.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// The limits that the device was opened with.
    pub fn limits(&self) -> &wgpu::Limits {
        &self.gpu.limits
    }

    /// Dispatches since the device was opened.
    pub fn dispatches(&self) -> u64 {
        self.gpu.dispatches()
    }

    /// Ends the device as a driver would that gave up on it.
    pub fn destroy(&self) {
        self.gpu.device.destroy();
    }

    fn plan(&self, s: &Rnn) -> Result<Plan> {
        Plan::new(s, &self.tuning, &self.target())
    }

    /// Bytes that a binding may have.
    pub(super) fn binding(&self) -> usize {
        self.tuning.binding.min(self.gpu.limits.max_storage_buffer_binding_size as usize)
    }

    /// At least `len` numbers that hold anything.
    pub(super) fn scratch(&self, len: usize) -> Result<Arc<Buf<f32>>> {
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        match &*scratch {
            Some(buffer) if buffer.words() >= len => Ok(buffer.clone()),
            _ => Ok(scratch.insert(Arc::new(Buf::zeros(&self.gpu, len)?)).clone()),
        }
    }
}

impl Sealed for Wgpu {}

impl Device for Wgpu {
    type Real = f32;
    type Buf<T: Word> = Buf<T>;
    type Frames = Frames;
    type Layer = Layer;

    fn zeros<T: Word>(&self, len: usize) -> Result<Buf<T>> {
        Buf::zeros(&self.gpu, len)
    }

    fn write<T: Word>(&self, dst: &mut Buf<T>, src: &[T]) -> Result<()> {
        assert!(src.len() <= dst.words(), "{} words into a buffer of {}", src.len(), dst.words());
        self.gpu.write(&dst.buffer, bytemuck::cast_slice(src))
    }

    fn read<T: Word>(&self, src: &Buf<T>, dst: &mut [T]) -> Result<()> {
        assert!(dst.len() <= src.words(), "{} words out of a buffer of {}", dst.len(), src.words());
        self.gpu.read(&src.buffer, bytemuck::cast_slice_mut(dst))
    }
}

impl Backend for Wgpu {
    fn describe(&self) -> String {
        DeviceId::Wgpu { adapter: self.adapter.describe(), precision: self.precision() }.to_string()
    }

    fn precision(&self) -> Precision {
        self.format.precision()
    }

    /// None where the device has no time stamps.
    fn timeline(&self) -> Option<&Timeline> {
        self.gpu.has_clock().then_some(&self.gpu.timeline)
    }

    fn wait(&self) -> Result<()> {
        self.gpu.wait()
    }

    fn steps_ahead(&self) -> usize {
        16
    }

    fn peak(&self) -> Result<Peak> {
        peak::peak(&self.gpu)
    }

    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Frames> {
        let features = chunks.first().map_or(1, |chunk| chunk.ncols()).max(1);
        let rows: usize = chunks.iter().map(|chunk| chunk.nrows()).sum();
        let each = (self.binding() / (4 * features)).max(1);
        let mut numbers = chunks.iter().flat_map(|chunk| chunk.iter().copied());
        let mut parts = Vec::new();
        for range in blocks(rows, each) {
            let part: Vec<f32> = numbers.by_ref().take(range.len() * features).collect();
            let frames = Buf::zeros(&self.gpu, part.len())?;
            self.gpu.write(&frames.buffer, bytemuck::cast_slice(&part))?;
            parts.push(FramePart { first: range.start, end: range.end, frames });
        }
        Ok(Frames { parts })
    }

    fn layer(&self, s: &Rnn, purpose: Purpose) -> Result<RnnLayer<Self>> {
        Ok(RnnLayer::new(*s, purpose, Layer::new(&self.gpu, self.plan(s)?, s, purpose)?))
    }

    fn layer_bytes(&self, s: &Rnn, purpose: Purpose) -> Result<usize> {
        Ok(Layer::bytes(&self.plan(s)?, s, purpose))
    }
}
