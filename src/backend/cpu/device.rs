//! The processor as a device.

use super::format::{Layout, layout};
use super::isa::Isa;
use super::peak;
use super::rnn::Layer;
use crate::backend::{Backend, DeviceId, Kind, Peak, Timeline};
use crate::error::{Error, Result};
use crate::memory;
use crate::ops::{Device, Precision, Purpose, Rnn, RnnLayer, Sealed, Word, Work};
use ndarray::ArcArray2;

/// The processor, on Rayon's current thread pool.
pub struct Cpu {
    isa: Isa,
    pub(super) precision: Precision,
    pub(super) timeline: Timeline,
}

impl Cpu {
    /// In `f32`, on the best instruction-set path that this machine has.
    pub fn new() -> Self {
        Cpu::with_isa(Isa::detect())
    }

    /// In `f32`, on a path from [`Isa::available`].
    pub fn with_isa(isa: Isa) -> Self {
        Cpu::with(isa, Precision::Fp32)
    }

    /// On a path from [`Isa::available_in`] this precision.
    pub fn with(isa: Isa, precision: Precision) -> Self {
        let (path, format) = (isa.name(), precision.name());
        assert!(isa.is_available_in(precision), "this machine cannot run the path {path} in {format}");
        Cpu { isa, precision, timeline: Timeline::default() }
    }

    /// As a user asks for it: `isa`, or the best path that this machine has in the precision.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if this machine cannot run the path in the
    /// precision, if no path of any machine can, or if the machine would only lose by `bf16` and `isa` does
    /// not name a path: without an instruction for it, products are slower than in `f32`.
    pub fn open(isa: Option<Isa>, precision: Precision) -> Result<Self> {
        let paths = |precision| {
            let paths: Vec<String> =
                Isa::available_in(precision).iter().map(|isa| format!("`isa = {}`", isa.name())).collect();
            paths.join(", ")
        };
        Kind::Cpu.require(precision)?;
        match (isa, precision) {
            (Some(isa), _) if !isa.is_available() => Err(Error::backend(format!(
                "this machine cannot run the instruction-set path `{}`",
                isa.name()
            ))
            .hint(format!("it runs {}", paths(precision)))),
            (Some(isa), _) if !isa.is_available_in(precision) => Err(Error::backend(format!(
                "this machine cannot run the instruction-set path `{}` with `precision = bf16`: its processor has no \
                 {}",
                isa.name(),
                if isa == Isa::Avx512 { "AVX512-BF16" } else { "FEAT_BF16" }
            ))
            .hint(format!("use `precision = fp32`; in bf16 it runs {}, slower than fp32", paths(precision)))),
            (Some(isa), _) => Ok(Cpu::with(isa, precision)),
            (None, Precision::Fp32) => Ok(Cpu::new()),
            (None, _) => match Isa::ALL.into_iter().rev().find(|isa| isa.multiplies_bf16()) {
                Some(isa) => Ok(Cpu::with(isa, precision)),
                None => Err(Error::backend(
                    "this processor has no instruction that multiplies bf16 (AVX512-BF16, FEAT_BF16 of ARM): \
                     `precision = bf16` would be slower than `precision = fp32`",
                )
                .hint(format!("use `precision = fp32`, or name a path all the same: {}", paths(precision)))),
            },
        }
    }

    /// The path that the kernels take.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// How its kernels lay out memory.
    pub(super) fn layout(&self) -> Layout {
        layout(self.precision, self.isa.lanes())
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
        DeviceId::Cpu { path: self.isa, precision: self.precision }.to_string()
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn peak(&self) -> Result<Peak> {
        peak::measure(self.isa, self.precision)
    }

    fn timeline(&self) -> Option<&Timeline> {
        Some(&self.timeline)
    }

    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Self::Frames> {
        Ok(chunks.iter().map(|chunk| chunk.as_standard_layout().to_shared()).collect())
    }

    fn layer(&self, s: &Rnn, purpose: Purpose) -> Result<RnnLayer<Self>> {
        memory::reserve(self.layer_bytes(s, purpose)?, "a recurrent layer")?;
        Ok(RnnLayer::new(*s, purpose, Layer::new(s, purpose, self.layout())))
    }

    fn layer_bytes(&self, s: &Rnn, purpose: Purpose) -> Result<usize> {
        Ok(size_of::<f32>() * Layer::words(s, purpose, self.layout()))
    }
}
