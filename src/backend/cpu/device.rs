//! The processor as a device.

use super::isa::Isa;
use super::peak;
use super::rnn::Layer;
use crate::backend::{Backend, Peak, Timeline};
use crate::error::Result;
use crate::memory;
use crate::ops::{Device, Purpose, Rnn, RnnLayer, Sealed, Word, Work};
use ndarray::ArcArray2;

/// The processor in `f32`, on Rayon's current thread pool.
pub struct Cpu {
    isa: Isa,
    pub(super) timeline: Timeline,
}

impl Cpu {
    /// On the best instruction-set path that this machine has.
    pub fn new() -> Self {
        Cpu::with_isa(Isa::detect())
    }

    /// On a path from [`Isa::available`].
    pub fn with_isa(isa: Isa) -> Self {
        assert!(isa.is_available(), "this machine cannot run the path {}", isa.name());
        Cpu { isa, timeline: Timeline::default() }
    }

    /// The path that the kernels take.
    pub fn isa(&self) -> Isa {
        self.isa
    }
}

impl Default for Cpu {
    fn default() -> Self {
        Cpu::new()
    }
}

impl Sealed for Cpu {}

impl Device for Cpu {
    type Real = f32;
    type Buf<T: Word> = Vec<T>;
    /// Row-major; shared with the caller, if the table is so already.
    type Frames = Vec<ArcArray2<f32>>;
    type Layer = Layer;

    fn zeros<T: Word>(&self, len: usize) -> Result<Vec<T>> {
        memory::reserve(len.saturating_mul(size_of::<T>()), "a buffer")?;
        Ok(vec![T::default(); len])
    }

    fn write<T: Word>(&self, dst: &mut Vec<T>, src: &[T]) -> Result<()> {
        dst.copy_from_slice(src);
        Ok(())
    }

    fn read<T: Word>(&self, src: &Vec<T>, dst: &mut [T]) -> Result<()> {
        dst.copy_from_slice(&src[..dst.len()]);
        Ok(())
    }

    fn on_host<'a>(&self, words: &'a Vec<u32>) -> Option<&'a [u32]> {
        Some(words)
    }

    fn span<T>(&self, label: &'static str, work: Work, launch: impl FnOnce() -> T) -> T {
        self.timeline.span(label, work, launch)
    }
}

impl Backend for Cpu {
    fn describe(&self) -> String {
        format!("cpu {}", self.isa.name())
    }

    fn peak(&self) -> Result<Peak> {
        peak::measure(self.isa)
    }

    fn timeline(&self) -> Option<&Timeline> {
        Some(&self.timeline)
    }

    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Self::Frames> {
        Ok(chunks.iter().map(|chunk| chunk.as_standard_layout().to_shared()).collect())
    }

    fn layer(&self, s: &Rnn, purpose: Purpose) -> Result<RnnLayer<Self>> {
        memory::reserve(self.layer_bytes(s, purpose)?, "a recurrent layer")?;
        Ok(RnnLayer::new(*s, purpose, Layer::new(s, purpose, self.isa.lanes())))
    }

    fn layer_bytes(&self, s: &Rnn, purpose: Purpose) -> Result<usize> {
        Ok(size_of::<f32>() * Layer::numbers(s, purpose, self.isa.lanes()))
    }
}
