//! The devices: whole layers forward and backward, not tensor operations.
//!
//! A recurrence runs in very different ways on a CPU, in CUDA and in WGSL; a contract of tensor operations would force
//! the worst common plan on all three. The operations are few and closed, and their buffers are described once, at
//! their operands in [`crate::ops`].

pub mod any;
pub mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
mod disjoint;
mod identity;
mod options;
mod reference;
mod timeline;
#[cfg(feature = "wgpu")]
pub mod wgpu;

pub use crate::on_device;
pub use any::AnyDevice;
pub use identity::DeviceId;
pub use options::{DeviceChoice, Kind, Products};
pub use reference::Reference;
pub use timeline::{Roof, Span, Timeline};

use crate::error::{Error, Result};
use crate::ops::{
    Conv, ConvBackward, ConvForward, Dropout, Gather, GatherOperands, Linear, LinearBackward, LinearForward,
    Loss, LossOperands, Optimizer, OptimizerOperands, Pool, Precision, Purpose, Real, Rnn, RnnBackward,
    RnnForward, Word,
};
use ndarray::ArcArray2;

/// A device that can train.
///
/// Results depend on the inputs alone: not on the number of threads, not on the other models of a stack, not on what a
/// buffer held before. A step that a backend cannot do as asked is an error, never another algorithm or precision.
pub trait Backend: Sync {
    /// The number format of activations and weights.
    type Real: Real;
    /// Device memory for `len` words.
    type Buf<T: Word>: Send + Sync;
    /// The frame table on the device.
    type Frames: Sync;
    /// A recurrent layer on the device: its weights in the order that the kernels want, what forward keeps for backward,
    /// and the memory that both work in.
    type Layer: Send + Sync;

    /// What computes, for the manifest: device, instruction set or driver.
    fn describe(&self) -> String;

    /// What its products of matrices multiply.
    fn precision(&self) -> Precision {
        Precision::Fp32
    }

    /// Where the backend records its launches; none if it cannot.
    fn timeline(&self) -> Option<&Timeline> {
        None
    }

    /// Measures what the device could do at most, in about a second.
    fn roof(&self) -> Result<Roof> {
        Err(Error::backend(format!("{} has no peak to be measured", self.describe())))
    }

    /// Training steps that are best asked for before the losses of the first are read: a device with a queue of its own
    /// works on while the host prepares.
    fn steps_ahead(&self) -> usize {
        1
    }

    /// Returns when everything that was asked for is done. Only a clock needs it: `read` waits by itself.
    fn wait(&self) -> Result<()> {
        Ok(())
    }

    /// A buffer of zeros.
    fn zeros<T: Word>(&self, len: usize) -> Result<Self::Buf<T>>;
    /// Host to device; `src` fills `dst` exactly.
    fn write<T: Word>(&self, dst: &mut Self::Buf<T>, src: &[T]) -> Result<()>;
    /// Device to host, waits; `dst` takes the first words of `src`.
    fn read<T: Word>(&self, src: &Self::Buf<T>, dst: &mut [T]) -> Result<()>;

    /// Puts a frame table, a list of chunks `(frames, D)`, where `gather` can read it.
    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Self::Frames>;
    fn gather(
        &self,
        s: &Gather,
        frames: &Self::Frames,
        a: GatherOperands<Self::Buf<Self::Real>, Self::Buf<u32>>,
    ) -> Result<()>;

    fn conv_forward(&self, s: &Conv, a: ConvForward<Self::Buf<Self::Real>, Self::Buf<u32>>) -> Result<()>;
    fn conv_backward(&self, s: &Conv, a: ConvBackward<Self::Buf<Self::Real>, Self::Buf<u32>>) -> Result<()>;

    /// A recurrent layer with zero weights.
    fn rnn(&self, s: &Rnn, purpose: Purpose) -> Result<Self::Layer>;
    /// Takes the layer's weights out of `weights (M, P)`, the parameters of all layers: once after each change of them.
    fn rnn_load(&self, s: &Rnn, weights: &Self::Buf<Self::Real>, layer: &mut Self::Layer) -> Result<()>;
    #[allow(clippy::type_complexity)] // operands are named after what they are
    fn rnn_forward(
        &self,
        s: &Rnn,
        a: RnnForward<Self::Layer, Self::Buf<Self::Real>, Self::Buf<u32>>,
    ) -> Result<()>;
    #[allow(clippy::type_complexity)]
    fn rnn_backward(
        &self,
        s: &Rnn,
        a: RnnBackward<Self::Layer, Self::Buf<Self::Real>, Self::Buf<u32>>,
    ) -> Result<()>;

    /// `marks (M, 2)`: fold and step of each model. Backward is the same operation on the gradient.
    fn dropout(
        &self,
        s: &Dropout,
        marks: &Self::Buf<u32>,
        x: &Self::Buf<Self::Real>,
        out: &mut Self::Buf<Self::Real>,
    ) -> Result<()>;
    /// `y (M, T, B, dirs*H)` and the final states `last (M, S, dirs, B, H)` to `out (M, B, dirs*H)`.
    fn pool_forward(
        &self,
        s: &Pool,
        lengths: &Self::Buf<u32>,
        y: &Self::Buf<Self::Real>,
        last: &Self::Buf<Self::Real>,
        out: &mut Self::Buf<Self::Real>,
    ) -> Result<()>;
    /// Gradient by `out` to gradient by `y` (mean) or by `last` (last); the other one is not touched.
    fn pool_backward(
        &self,
        s: &Pool,
        lengths: &Self::Buf<u32>,
        d_out: &Self::Buf<Self::Real>,
        dy: &mut Self::Buf<Self::Real>,
        d_last: &mut Self::Buf<Self::Real>,
    ) -> Result<()>;
    fn linear_forward(&self, s: &Linear, a: LinearForward<Self::Buf<Self::Real>>) -> Result<()>;
    fn linear_backward(&self, s: &Linear, a: LinearBackward<Self::Buf<Self::Real>>) -> Result<()>;
    fn loss(&self, s: &Loss, a: LossOperands<Self::Buf<Self::Real>, Self::Buf<u32>>) -> Result<()>;
    fn optimize(&self, s: &Optimizer, a: OptimizerOperands<Self::Buf<Self::Real>>) -> Result<()>;
}
