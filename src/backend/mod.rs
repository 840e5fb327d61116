//! The devices: whole layers forward and backward, not tensor operations.
//!
//! A recurrence runs in very different ways on a CPU, in CUDA and in WGSL; a contract of tensor operations
//! would force the worst common plan on all three. The operations are few and closed, and their buffers are
//! described once, at their operands in [`crate::ops`].

mod algorithm;
pub mod any;
pub mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
mod disjoint;
mod identity;
mod options;
mod peak;
mod prediction;
mod timeline;
#[cfg(feature = "wgpu")]
pub mod wgpu;

pub use crate::on_device;
pub use crate::reference::Reference;
pub use algorithm::Algorithm;
pub use any::AnyDevice;
pub use identity::DeviceId;
pub use options::{ALL_ADAPTERS, DeviceChoice, GemmKernel, Kind, named_gpu};
pub use peak::Peak;
pub use prediction::{PredictedLaunch, Prediction, Rule};
pub use timeline::{Span, Timeline};

use crate::error::{Error, Result};
use crate::ops::{
    AttentionBackward, AttentionForward, ConvBackward, ConvForward, Device, Dropout, Gather, LinearBackward,
    LinearForward, Loss, Optimizer, PoolBackward, PoolForward, Precision, Purpose, Real, Rnn, RnnBackward,
    RnnForward, RnnLayer, RnnLoad, Runs,
};
use crate::reference;
use ndarray::ArcArray2;

/// A device that can train: one line an operation.
///
/// Results depend on the inputs alone: not on the number of threads, not on the other models of a fold group,
/// not on what a buffer held before. A step that a backend cannot do as asked is an error, never another
/// algorithm or precision.
pub trait Backend:
    Device
    + Runs<Gather>
    + Runs<ConvForward>
    + Runs<ConvBackward>
    + Runs<RnnLoad>
    + Runs<RnnForward>
    + Runs<RnnBackward>
    + Runs<PoolForward>
    + Runs<PoolBackward>
    + Runs<AttentionForward>
    + Runs<AttentionBackward>
    + Runs<LinearForward>
    + Runs<LinearBackward>
    + Runs<Dropout>
    + Runs<Loss>
    + Runs<Optimizer>
{
    /// The device for the manifest: its name, instruction set or driver.
    fn describe(&self) -> String;

    /// Format of the operands of its matrix products.
    fn precision(&self) -> Precision {
        Precision::Fp32
    }

    /// Where the backend records its launches; none if it cannot.
    fn timeline(&self) -> Option<&Timeline> {
        None
    }

    /// Measures the peak rates of the device, in about a second.
    fn peak(&self) -> Result<Peak> {
        Err(Error::backend(format!("{} has no peak to be measured", self.describe())))
    }

    /// Training steps that are best asked for before the losses of the first are read: a device with a queue
    /// of its own works on while the host prepares.
    fn steps_ahead(&self) -> usize {
        1
    }

    /// Runs work that is asked for again and again with the same buffers, as a training step is. A device may
    /// issue it as one unit; results are those of `work` alone. Errors of what `work` asked for may show only
    /// when it has returned.
    fn as_one<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        work()
    }

    /// Returns when everything that was asked for is done. Only a clock needs it: `read` waits by itself.
    fn wait(&self) -> Result<()> {
        Ok(())
    }

    /// Puts a frame table, a list of chunks `(frames, D)`, where [`Gather`] can read it.
    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Self::Frames>;

    /// A recurrent layer with zero weights.
    fn layer(&self, s: &Rnn, purpose: Purpose) -> Result<RnnLayer<Self>>;

    /// Bytes that such a layer takes.
    fn layer_bytes(&self, s: &Rnn, purpose: Purpose) -> Result<usize>;
}

impl<F: Real> Backend for Reference<F> {
    fn describe(&self) -> String {
        format!("reference {}", F::NAME)
    }

    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Self::Frames> {
        Ok(chunks.to_vec())
    }

    fn layer(&self, s: &Rnn, purpose: Purpose) -> Result<RnnLayer<Self>> {
        Ok(RnnLayer::new(*s, purpose, reference::Layer::new(s)))
    }

    fn layer_bytes(&self, s: &Rnn, _: Purpose) -> Result<usize> {
        Ok(size_of::<F>() * reference::Layer::<F>::numbers(s))
    }
}
