//! `M` networks of one shape on one device: activations, gradients and the order of the operations.
//!
//! A [`Model`] computes logits. A [`Trainer`] is a model with what training needs beside it.

mod batch;
mod buffers;
mod finite;
mod network;
mod stage;
mod step;
mod trainer;

pub use batch::{Batch, Extent, StepReport, Training, Turn};
pub use network::Model;
pub use step::Step;
pub use trainer::Trainer;
