//! The recurrent layer: register-blocked kernels over packed weights.

mod backward;
mod cell;
mod forward;
mod gradient;
mod layer;
mod load;
mod pack;
mod team;

pub use layer::Layer;
