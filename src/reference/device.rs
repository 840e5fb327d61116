//! The host's memory as a device, in any number format.

use super::layer::Layer;
use crate::error::Result;
use crate::ops::{Device, Real, Sealed, Word};
use ndarray::ArcArray2;
use std::marker::PhantomData;

/// The equations as a device: the same trainer runs on it, in `f64` if asked, which is how a whole training
/// run is checked and not only its layers.
#[derive(Default)]
pub struct Reference<F>(PhantomData<F>);

impl<F: Real> Sealed for Reference<F> {}

impl<F: Real> Device for Reference<F> {
    type Real = F;
    type Buf<T: Word> = Vec<T>;
    type Frames = Vec<ArcArray2<f32>>;
    type Layer = Layer<F>;

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

    fn on_host<'a>(&self, words: &'a Vec<u32>) -> Option<&'a [u32]> {
        Some(words)
    }
}
