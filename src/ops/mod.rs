//! The contract between the program and a device: what each operation is asked to do, with sizes and offsets but no
//! memory of its own.
//!
//! Letters used everywhere: `M` models (folds) trained together, `B` batch rows of one model, `T` steps, `D` input
//! features, `H` hidden units, `G` gates, `dirs` directions, `S` state vectors of a cell, `K` classes, `P` parameters
//! of one model. All buffers are row-major and begin with the model axis.
//!
//! Every operation is a spec (sizes) and operands (buffers). Operands are generic over the buffer type, so that the
//! reference and every backend share one description. `R` is a buffer of real numbers, `W` one of `u32` words.
//! Gradients and outputs overwrite; nothing accumulates. A buffer may be longer than its shape says: what lies behind is
//! neither read nor written.

mod conv;
mod frames;
mod head;
mod network;
mod optimizer;
mod precision;
mod real;
mod rnn;
mod sequence;
mod summary;
mod work;

pub use conv::{Conv, ConvBackward, ConvForward, ConvSpec};
pub use frames::locate;
pub use head::{Dropout, Linear, LinearBackward, LinearForward, Loss, LossOperands, Pool, PoolKind};
pub use network::{LayerSpec, Network, Parameter};
pub use optimizer::{EpsPlacement, Optimizer, OptimizerKind, OptimizerOperands, StepScalars};
pub(crate) use precision::in_precision;
pub use precision::{Approximate, Precision};
pub use real::{Real, Word};
pub use rnn::{Cell, Purpose, Rnn, RnnBackward, RnnForward};
pub use sequence::{Gather, GatherOperands, check_lengths};
pub use summary::SummaryRow;
pub use work::Work;

/// Where a layer's parameters lie in the flat `(M, P)` parameter buffer: those of model `m` begin at
/// `m * stride + offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slab {
    pub offset: usize,
    pub stride: usize,
}

impl Slab {
    /// The first parameter of model `m`.
    pub fn start(&self, m: usize) -> usize {
        m * self.stride + self.offset
    }
}
