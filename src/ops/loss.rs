//! Softmax cross-entropy.

use super::Work;
use super::operation::{Device, Operation, Reals, Words};

/// Softmax cross-entropy with class weights and label smoothing (Szegedy et al. 2016), the weighted mean over
/// the rows of a model, as `torch.nn.CrossEntropyLoss`. Absent rows (length 0) do not count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// `M`
    pub models: usize,
    /// `B`
    pub batch: usize,
    /// `K`
    pub classes: usize,
    /// Probability mass spread evenly over all classes, in `[0, 1)`.
    pub smoothing: f64,
}

/// Operands of [`Loss`].
pub struct LossOperands<'a, D: Device> {
    /// `(M, B, K)`
    pub logits: &'a Reals<D>,
    /// `(M, B)`: classes below `K`.
    pub labels: &'a Words<D>,
    /// `(M, B)`: rows of length 0 are absent.
    pub lengths: &'a Words<D>,
    /// `(M, K)`
    pub class_weights: &'a Reals<D>,
    /// `(R, M)`, out, in row `row`: 0 for a model without rows.
    pub losses: &'a mut Reals<D>,
    /// `r`: the row of `losses` to write.
    pub row: usize,
    /// `(M, B, K)`, out.
    pub d_logits: &'a mut Reals<D>,
}
impl Loss {
    /// An exponential, a sum, a quotient and a difference a logit.
    pub fn work(&self) -> Work {
        let logits = self.models * self.batch * self.classes;
        Work::new(4 * logits, 2 * logits)
    }
}

impl Operation for Loss {
    type Sizes = Loss;
    type Operands<'a, D: Device> = LossOperands<'a, D>;
    const LABEL: &'static str = "loss";

    fn work<D: Device>(s: &Loss, _: &LossOperands<D>) -> Work {
        s.work()
    }
}
