//! The recurrent layer.

mod backward;
mod format;
mod forward;
mod kernels;
mod layer;
mod load;
mod plan;
mod view;

pub use format::Format;
pub use kernels::{Kernels, kernels};
pub use layer::Layer;
pub use plan::{Plan, Target, Tuning, fits};
