//! Any GPU through wgpu: Vulkan, Metal or DX12. The kernels are WGSL, in `kernels/wgsl/`.
//!
//! [`adapter`] finds and opens a device, [`device`] is its queue, [`memory`] its buffers. [`kernel`] names the kernels and
//! [`text`] makes what the device compiles of them. [`plan`] says how a recurrent layer is cut into dispatches, [`layer`] and
//! [`operations`] launch them.

mod adapter;
mod clock;
mod device;
mod kernel;
mod layer;
mod memory;
mod operations;
mod plan;
mod roof;
mod text;

pub use adapter::{Adapter, adapters};
pub use layer::Layer;
pub use memory::Buf;
pub use operations::Frames;
pub use plan::{Tier, Tuning};

use super::{Backend, Roof, Timeline};
use crate::error::Result;
use crate::spec::{
    Dropout, Gather, GatherOperands, Linear, LinearBackward, LinearForward, Loss, LossOperands, Optimizer,
    OptimizerOperands, Pool, Purpose, Rnn, RnnBackward, RnnForward, Word,
};
use device::Gpu;
use ndarray::ArcArray2;
use std::sync::{Arc, Mutex, PoisonError};

/// An open device.
pub struct Wgpu {
    gpu: Gpu,
    adapter: Adapter,
    tuning: Tuning,
    /// Memory that operations work in, as large as the largest needed.
    scratch: Mutex<Option<Arc<Buf<f32>>>>,
}

impl Wgpu {
    /// As this adapter would be used, but for how the work is cut.
    pub fn tuned(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Dispatches since the device was opened.
    pub fn dispatches(&self) -> u64 {
        self.gpu.dispatches()
    }

    /// Ends the device as a driver would that gave up on it.
    pub fn destroy(&self) {
        self.gpu.device.destroy();
    }

    fn plan(&self, s: &Rnn) -> Result<plan::Plan> {
        plan::Plan::new(s, &self.tuning, &self.gpu.limits, self.adapter.is_software())
    }

    /// Bytes that a binding may have.
    fn binding(&self) -> usize {
        self.tuning.binding.min(self.gpu.limits.max_storage_buffer_binding_size as usize)
    }

    /// At least `len` numbers that hold anything.
    fn scratch(&self, len: usize) -> Result<Arc<Buf<f32>>> {
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        match &*scratch {
            Some(buffer) if buffer.words() >= len => Ok(buffer.clone()),
            _ => Ok(scratch.insert(Arc::new(Buf::zeros(&self.gpu, len)?)).clone()),
        }
    }

    /// The texts of the kernels that a training step of the layer launches, as this device compiles them.
    pub fn texts(&self, s: &Rnn) -> Result<Vec<String>> {
        let tier = self.plan(s)?.tier;
        let kernels = layer::Kernels { s, tier, limits: &self.gpu.limits }.all();
        Ok(kernels.iter().map(text::text).collect())
    }
}

/// Workgroups in two dimensions where one would be too long; kernels number them `x + y * groups.x`.
fn grid(groups: usize, z: usize) -> [u32; 3] {
    const LIMIT: usize = 65_535;
    let y = groups.div_ceil(LIMIT);
    [groups.div_ceil(y.max(1)) as u32, y as u32, z as u32]
}

impl Backend for Wgpu {
    type Real = f32;
    type Buf<T: Word> = Buf<T>;
    type Frames = Frames;
    type Layer = Layer;

    fn describe(&self) -> String {
        self.adapter.describe()
    }

    fn timeline(&self) -> Option<&Timeline> {
        self.gpu.has_clock().then_some(&self.gpu.timeline)
    }

    fn wait(&self) -> Result<()> {
        self.gpu.wait()
    }

    fn steps_ahead(&self) -> usize {
        16
    }

    fn roof(&self) -> Result<Roof> {
        roof::roof(self)
    }

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

    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Frames> {
        Frames::new(self, chunks)
    }

    fn gather(&self, s: &Gather, frames: &Frames, a: GatherOperands<Buf<f32>, Buf<u32>>) -> Result<()> {
        operations::gather(self, s, frames, a)
    }

    fn rnn(&self, s: &Rnn, purpose: Purpose) -> Result<Layer> {
        Layer::new(self, s, purpose)
    }

    fn rnn_load(&self, s: &Rnn, weights: &Buf<f32>, layer: &mut Layer) -> Result<()> {
        layer.load(self, s, weights)
    }

    fn rnn_forward(&self, s: &Rnn, a: RnnForward<Layer, Buf<f32>, Buf<u32>>) -> Result<()> {
        Layer::forward(self, s, a)
    }

    fn rnn_backward(&self, s: &Rnn, a: RnnBackward<Layer, Buf<f32>, Buf<u32>>) -> Result<()> {
        Layer::backward(self, s, a)
    }

    fn dropout(&self, s: &Dropout, marks: &Buf<u32>, x: &Buf<f32>, out: &mut Buf<f32>) -> Result<()> {
        operations::dropout(self, s, marks, x, out)
    }

    fn pool_forward(
        &self,
        s: &Pool,
        lengths: &Buf<u32>,
        y: &Buf<f32>,
        last: &Buf<f32>,
        out: &mut Buf<f32>,
    ) -> Result<()> {
        operations::pool_forward(self, s, lengths, y, last, out)
    }

    fn pool_backward(
        &self,
        s: &Pool,
        lengths: &Buf<u32>,
        d_out: &Buf<f32>,
        dy: &mut Buf<f32>,
        d_last: &mut Buf<f32>,
    ) -> Result<()> {
        operations::pool_backward(self, s, lengths, d_out, dy, d_last)
    }

    fn linear_forward(&self, s: &Linear, a: LinearForward<Buf<f32>>) -> Result<()> {
        operations::linear_forward(self, s, a)
    }

    fn linear_backward(&self, s: &Linear, a: LinearBackward<Buf<f32>>) -> Result<()> {
        operations::linear_backward(self, s, a)
    }

    fn loss(&self, s: &Loss, a: LossOperands<Buf<f32>, Buf<u32>>) -> Result<()> {
        operations::loss(self, s, a)
    }

    fn optimize(&self, s: &Optimizer, a: OptimizerOperands<Buf<f32>>) -> Result<()> {
        operations::optimize(self, s, a)
    }
}
