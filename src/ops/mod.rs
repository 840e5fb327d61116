//! The operations of a device: sizes and offsets, without memory.
//!
//! One file an operation: its sizes, its operands, its algorithmic work, its parameters. The same name stands
//! for it in [`crate::reference`] (the equations), in every folder of [`crate::backend`], in `kernels/` and
//! in [`crate::check`] (its cases).
//!
//! Letters used everywhere: `M` models (folds) trained together, `B` batch rows of one model, `T` steps, `D`
//! input features, `H` hidden units, `G` gates, `dirs` directions, `S` state vectors of a cell, `K` classes,
//! `P` parameters of one model. All buffers are row-major and begin with the model axis.
//!
//! Gradients and outputs overwrite; nothing accumulates. A buffer may be longer than its shape says: what
//! lies behind is neither read nor written.

mod attention;
mod cell;
mod conv;
mod dropout;
mod frames;
mod gather;
mod linear;
mod loss;
mod network;
mod operation;
mod optimizer;
mod pool;
mod precision;
mod real;
mod rnn;
mod slab;
mod summary;
mod tensor;
mod work;

pub use attention::{
    Attention, AttentionBackward, AttentionBackwardOperands, AttentionForward, AttentionForwardOperands,
};
pub use cell::Cell;
#[allow(unused_imports)] // a build without GPU backends has no kernels as texts
pub(crate) use cell::cells;
pub use conv::{Conv, ConvBackward, ConvBackwardOperands, ConvForward, ConvForwardOperands, ConvSpec};
pub use dropout::{Dropout, DropoutOperands};
pub use frames::locate;
pub use gather::{Gather, GatherOperands};
pub use linear::{Linear, LinearBackward, LinearBackwardOperands, LinearForward, LinearForwardOperands};
pub use loss::{Loss, LossOperands};
pub use network::{LayerSpec, Network, Parameter, Placed, Pooling, Stage};
pub(crate) use operation::sealed::Sealed;
pub use operation::{Checked, Device, Operation, Reals, Runs, Together, Words, check_steps};
pub use optimizer::{EpsPlacement, Optimizer, OptimizerKind, OptimizerOperands, StepScalars};
pub use pool::{Pool, PoolBackward, PoolBackwardOperands, PoolForward, PoolForwardOperands, PoolKind};
pub(crate) use precision::in_precision;
pub use precision::{Approximate, Precision};
pub use real::{Real, Word};
pub use rnn::{
    Purpose, Rnn, RnnBackward, RnnBackwardOperands, RnnForward, RnnForwardOperands, RnnLayer, RnnLoad,
    RnnLoadOperands, RnnSize,
};
pub use slab::Slab;
pub use summary::SummaryRow;
pub use tensor::{Role, Tensor};
pub use work::Work;
