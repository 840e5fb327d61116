//! The recurrent layer.

mod backward;
mod forward;
mod kernels;
mod layer;
mod load;
mod plan;

pub use kernels::{Kernels, every as kernels};
pub use layer::Layer;
pub use plan::{Tuning, choose, fits};
