//! The recurrent layer.

mod backward;
mod forward;
mod kernels;
mod layer;
mod load;
mod plan;
mod view;

pub use kernels::{Kernels, kernels};
pub use layer::Layer;
pub use plan::{Plan, Tuning, fits};
