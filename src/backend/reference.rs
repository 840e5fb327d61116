//! The reference as a backend: the same trainer runs on it, in `f64` if asked, which is how a whole training run is
//! checked and not only its layers.

use super::Backend;
use crate::error::Result;
use crate::ops::{
    Conv, ConvBackward, ConvForward, Dropout, Gather, GatherOperands, Linear, LinearBackward, LinearForward,
    Loss, LossOperands, Optimizer, OptimizerOperands, Pool, Purpose, Real, Rnn, RnnBackward, RnnForward,
    Word, check_lengths,
};
use crate::reference;
use ndarray::ArcArray2;
use std::marker::PhantomData;

/// [`crate::reference`] in the number format `F`.
#[derive(Default)]
pub struct Reference<F>(PhantomData<F>);

impl<F: Real> Backend for Reference<F> {
    type Real = F;
    type Buf<T: Word> = Vec<T>;
    type Frames = Vec<ArcArray2<f32>>;
    type Layer = reference::Layer<F>;

    fn describe(&self) -> String {
        format!("reference {}", F::NAME)
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
        Ok(chunks.to_vec())
    }

    fn gather(&self, s: &Gather, frames: &Self::Frames, a: GatherOperands<Vec<F>, Vec<u32>>) -> Result<()> {
        check_lengths(&a.lengths[..s.models * s.batch], s.steps)?;
        reference::gather(s, frames, a);
        Ok(())
    }

    fn conv_forward(&self, s: &Conv, a: ConvForward<Vec<F>, Vec<u32>>) -> Result<()> {
        check_lengths(&a.lengths[..s.models * s.batch], s.steps)?;
        reference::conv_forward(s, a);
        Ok(())
    }

    fn conv_backward(&self, s: &Conv, a: ConvBackward<Vec<F>, Vec<u32>>) -> Result<()> {
        check_lengths(&a.lengths[..s.models * s.batch], s.steps)?;
        reference::conv_backward(s, a);
        Ok(())
    }

    fn rnn(&self, s: &Rnn, _: Purpose) -> Result<reference::Layer<F>> {
        Ok(reference::Layer::new(s))
    }

    fn rnn_load(&self, _: &Rnn, weights: &Vec<F>, layer: &mut reference::Layer<F>) -> Result<()> {
        layer.weights.clone_from(weights);
        Ok(())
    }

    fn rnn_forward(&self, s: &Rnn, a: RnnForward<reference::Layer<F>, Vec<F>, Vec<u32>>) -> Result<()> {
        check_lengths(&a.lengths[..s.models * s.batch], s.steps)?;
        reference::rnn_forward(s, a);
        Ok(())
    }

    fn rnn_backward(&self, s: &Rnn, a: RnnBackward<reference::Layer<F>, Vec<F>, Vec<u32>>) -> Result<()> {
        check_lengths(&a.lengths[..s.models * s.batch], s.steps)?;
        reference::rnn_backward(s, a);
        Ok(())
    }

    fn dropout(&self, s: &Dropout, marks: &Vec<u32>, x: &Vec<F>, out: &mut Vec<F>) -> Result<()> {
        reference::dropout(s, marks, x, out);
        Ok(())
    }

    fn pool_forward(
        &self,
        s: &Pool,
        lengths: &Vec<u32>,
        y: &Vec<F>,
        last: &Vec<F>,
        out: &mut Vec<F>,
    ) -> Result<()> {
        check_lengths(&lengths[..s.models * s.batch], s.steps)?;
        reference::pool_forward(s, lengths, y, last, out);
        Ok(())
    }

    fn pool_backward(
        &self,
        s: &Pool,
        lengths: &Vec<u32>,
        d_out: &Vec<F>,
        dy: &mut Vec<F>,
        d_last: &mut Vec<F>,
    ) -> Result<()> {
        check_lengths(&lengths[..s.models * s.batch], s.steps)?;
        reference::pool_backward(s, lengths, d_out, dy, d_last);
        Ok(())
    }

    fn linear_forward(&self, s: &Linear, a: LinearForward<Vec<F>>) -> Result<()> {
        reference::linear_forward(s, a);
        Ok(())
    }

    fn linear_backward(&self, s: &Linear, a: LinearBackward<Vec<F>>) -> Result<()> {
        reference::linear_backward(s, a);
        Ok(())
    }

    fn loss(&self, s: &Loss, a: LossOperands<Vec<F>, Vec<u32>>) -> Result<()> {
        reference::loss(s, a);
        Ok(())
    }

    fn optimize(&self, s: &Optimizer, a: OptimizerOperands<Vec<F>>) -> Result<()> {
        reference::optimize(s, a);
        Ok(())
    }
}
