//! The readable truth: every operation as its equations, in `f32` or `f64`, with no blocking, packing or
//! approximation.
//!
//! Everything fast is tested against this, and this is tested against finite differences and PyTorch. Rows
//! are independent and run in parallel; every sum has one fixed order.

mod attention;
mod cell;
mod conv;
mod device;
mod dropout;
mod gather;
mod layer;
mod linear;
mod loss;
mod optimizer;
mod pool;
mod rnn;

pub use conv::conv_filter;
pub use device::Reference;
pub use layer::Layer;
