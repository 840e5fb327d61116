//! The processor: recurrent layers as register-blocked kernels over packed weights, in parallel over models,
//! directions and row tiles.

// Loops over the rows and vectors of a block read like the sums they are, and are all unrolled.
#![allow(clippy::needless_range_loop)]

mod activation;
mod backward;
mod cache;
mod cell;
mod conv;
mod dropout;
mod forward;
mod gather;
mod gradient;
mod isa;
mod kernel;
mod layer;
mod linear;
mod memory;
mod optimizer;
mod pack;
mod pool;
mod roof;
mod simd;
mod tasks;
mod team;

pub use isa::Isa;
pub use layer::Layer;

use super::{Backend, Roof, Timeline};
use crate::error::Result;
use crate::ops::{
    Conv, ConvBackward, ConvForward, Dropout, Gather, GatherOperands, Linear, LinearBackward, LinearForward,
    Loss, LossOperands, Optimizer, OptimizerOperands, Pool, Purpose, Rnn, RnnBackward, RnnForward, Word,
    check_lengths,
};
use crate::reference;
use ndarray::ArcArray2;

/// The processor in `f32`, on Rayon's current thread pool. The loss, a few numbers per row, is the reference itself.
pub struct Cpu {
    isa: Isa,
    timeline: Timeline,
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

impl Backend for Cpu {
    type Real = f32;
    type Buf<T: Word> = Vec<T>;
    /// Row-major; shared with the caller, if the table is so already.
    type Frames = Vec<ArcArray2<f32>>;
    type Layer = Layer;

    fn describe(&self) -> String {
        format!("cpu {}", self.isa.name())
    }

    fn roof(&self) -> Result<Roof> {
        Ok(roof::measure(self.isa))
    }

    fn timeline(&self) -> Option<&Timeline> {
        Some(&self.timeline)
    }

    fn zeros<T: Word>(&self, len: usize) -> Result<Vec<T>> {
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

    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Self::Frames> {
        Ok(chunks.iter().map(|chunk| chunk.as_standard_layout().to_shared()).collect())
    }

    fn gather(&self, s: &Gather, frames: &Self::Frames, a: GatherOperands<Vec<f32>, Vec<u32>>) -> Result<()> {
        check_lengths(&a.lengths[..s.models * s.batch], s.steps)?;
        self.timeline.span("gather", s.work(), || gather::gather(self.isa, s, frames, a));
        Ok(())
    }

    fn conv_forward(&self, s: &Conv, a: ConvForward<Vec<f32>, Vec<u32>>) -> Result<()> {
        check_lengths(&a.lengths[..s.models * s.batch], s.steps)?;
        let work = s.forward_work(a.winners.is_some());
        self.timeline.span("convolution", work, || conv::forward(self.isa, s, a));
        Ok(())
    }

    fn conv_backward(&self, s: &Conv, a: ConvBackward<Vec<f32>, Vec<u32>>) -> Result<()> {
        check_lengths(&a.lengths[..s.models * s.batch], s.steps)?;
        conv::backward(self.isa, &self.timeline, s, a);
        Ok(())
    }

    fn rnn(&self, s: &Rnn, purpose: Purpose) -> Result<Layer> {
        Ok(Layer::new(s, purpose, self.isa.lanes()))
    }

    fn rnn_load(&self, s: &Rnn, weights: &Vec<f32>, layer: &mut Layer) -> Result<()> {
        layer.check(s, self.isa.lanes());
        self.timeline.span("load weights", s.load_work(), || layer.load(s, weights));
        Ok(())
    }

    fn rnn_forward(&self, s: &Rnn, a: RnnForward<Layer, Vec<f32>, Vec<u32>>) -> Result<()> {
        a.layer.check(s, self.isa.lanes());
        check_lengths(&a.lengths[..s.models * s.batch], s.steps)?;
        self.timeline.span("rnn forward", s.forward_work(a.keep), || forward::forward(self.isa, s, a));
        Ok(())
    }

    fn rnn_backward(&self, s: &Rnn, a: RnnBackward<Layer, Vec<f32>, Vec<u32>>) -> Result<()> {
        a.layer.check(s, self.isa.lanes());
        check_lengths(&a.lengths[..s.models * s.batch], s.steps)?;
        backward::backward(self.isa, &self.timeline, s, a);
        Ok(())
    }

    fn dropout(&self, s: &Dropout, marks: &Vec<u32>, x: &Vec<f32>, out: &mut Vec<f32>) -> Result<()> {
        self.timeline.span("dropout", s.work(), || dropout::dropout(self.isa, s, marks, x, out));
        Ok(())
    }

    fn pool_forward(
        &self,
        s: &Pool,
        lengths: &Vec<u32>,
        y: &Vec<f32>,
        last: &Vec<f32>,
        out: &mut Vec<f32>,
    ) -> Result<()> {
        check_lengths(&lengths[..s.models * s.batch], s.steps)?;
        self.timeline.span("pool forward", s.work(), || pool::forward(self.isa, s, lengths, y, last, out));
        Ok(())
    }

    fn pool_backward(
        &self,
        s: &Pool,
        lengths: &Vec<u32>,
        d_out: &Vec<f32>,
        dy: &mut Vec<f32>,
        d_last: &mut Vec<f32>,
    ) -> Result<()> {
        check_lengths(&lengths[..s.models * s.batch], s.steps)?;
        self.timeline
            .span("pool backward", s.work(), || pool::backward(self.isa, s, lengths, d_out, dy, d_last));
        Ok(())
    }

    fn linear_forward(&self, s: &Linear, a: LinearForward<Vec<f32>>) -> Result<()> {
        self.timeline.span("linear forward", s.forward_work(), || linear::forward(self.isa, s, a));
        Ok(())
    }

    fn linear_backward(&self, s: &Linear, a: LinearBackward<Vec<f32>>) -> Result<()> {
        self.timeline.span("linear backward", s.backward_work(), || linear::backward(self.isa, s, a));
        Ok(())
    }

    fn loss(&self, s: &Loss, a: LossOperands<Vec<f32>, Vec<u32>>) -> Result<()> {
        self.timeline.span("loss", s.work(), || reference::loss(s, a));
        Ok(())
    }

    fn optimize(&self, s: &Optimizer, a: OptimizerOperands<Vec<f32>>) -> Result<()> {
        self.timeline.span("optimize", s.work(), || optimizer::optimize(self.isa, s, a));
        Ok(())
    }
}
