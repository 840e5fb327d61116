//! Dropout between the stages of a network.

use super::Work;
use super::operation::{Device, Operation, Reals, Words};

/// Inverted dropout (Srivastava et al. 2014): a kept number is divided by `1 - rate`.
///
/// The mask is a pure function of (seed, fold, step, layer, index), so that backward draws it again instead
/// of storing it: number `i` of a model is dropped if word `i % 4` of `philox(key, [i / 4, step, fold,
/// layer])` is below `rate * 2^32`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// `M`
    pub models: usize,
    /// Numbers per model.
    pub len: usize,
    /// Probability of dropping, in `[0, 1)`.
    pub rate: f64,
    /// Tells the dropout layers of one network apart.
    pub layer: u32,
}

impl Dropout {
    /// Words below this are dropped.
    pub fn threshold(&self) -> u32 {
        (self.rate * 4_294_967_296.0) as u32
    }
}

impl Dropout {
    /// One product a number; drawing the mask is not counted.
    pub fn work(&self) -> Work {
        Work::new(self.models * self.len, 2 * self.models * self.len)
    }
}

/// Operands of [`Dropout`]. Backward is the same operation on the gradient.
pub struct DropoutOperands<'a, D: Device> {
    /// `(M, 4)`: of each model the two words of the Philox key, fold and step.
    pub counters: &'a Words<D>,
    /// `(M, len)`
    pub x: &'a Reals<D>,
    /// `(M, len)`, out.
    pub out: &'a mut Reals<D>,
}

impl Operation for Dropout {
    type Sizes = Dropout;
    type Operands<'a, D: Device> = DropoutOperands<'a, D>;
    const LABEL: &'static str = "dropout";

    fn work<D: Device>(s: &Dropout, _: &DropoutOperands<D>) -> Work {
        s.work()
    }
}
