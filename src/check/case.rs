//! The trait of a case of an operation.

use super::bound::{Deviation, Judged};
use super::tensors::{Outputs, Tensors};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::Precision;

/// One operation to run, forward and backward where it has both, on numbers that are the same for the same
/// sizes.
pub trait Case: Sync {
    /// No two cases have one name.
    fn name(&self) -> String;

    /// Inputs and cotangents: numbers that `f32` holds, so that every precision starts equal.
    fn tensors(&self) -> Tensors;

    /// Runs it on `backend`. Outputs are full of NaN before, and a guard behind each must survive.
    fn run<B: Backend>(&self, backend: &B, tensors: &Tensors) -> Result<Outputs>;

    /// Format of the operands of its matrix products on a backend of this precision. Most operations have
    /// none, and compute in `f32`.
    fn precision(&self, _: Precision) -> Precision {
        Precision::Fp32
    }

    /// Gives backward the decisions of the `f64` reference, where rounding alone could decide otherwise.
    fn decide(&self, _truth: &Outputs, _tensors: &mut Tensors) {}

    /// The distance of each output from the truth, and how large it may be.
    fn deviations(&self, judged: &Judged) -> Vec<Deviation> {
        judged.truth.names().map(|name| judged.deviation(name)).collect()
    }

    /// Outputs, and the cotangents that they are multiplied with for a scalar that gradients are of; none
    /// where there are no gradients.
    fn values(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Inputs, and the outputs that hold the gradient by them.
    fn slopes(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The case whose inputs and outputs, by their names, the golden file of this name holds as another
    /// implementation computed them; none for operations whose golden files have an order of axes of their
    /// own.
    fn golden() -> Option<(&'static str, Self)>
    where
        Self: Sized,
    {
        None
    }
}
