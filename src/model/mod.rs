//! `M` networks of one shape on one device: activations, gradients and the order of the operations.
//!
//! A [`Model`] computes logits. A [`Trainer`] is a model with what training needs beside it.

mod batch;
mod buffers;
mod finite;
mod network;
mod stage;
mod trainer;
mod training_step;

pub use batch::{Batch, Extent, StepInput, StepReport, Training};
pub use network::Model;
pub use trainer::Trainer;
pub use training_step::TrainingStep;
