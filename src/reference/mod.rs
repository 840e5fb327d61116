//! The readable truth: every operation as its equations, in `f32` or `f64`, with no blocking, packing or approximation.
//!
//! Everything fast is tested against this, and this is tested against finite differences and PyTorch. Rows are
//! independent and run in parallel; every sum has one fixed order.

mod cell;
mod conv;
mod head;
mod optimizer;
mod rnn;
mod sequence;

pub use conv::{conv_backward, conv_filter, conv_forward};
pub use head::{dropout, linear_backward, linear_forward, loss, pool_backward, pool_forward};
pub use optimizer::optimize;
pub use rnn::{Layer, rnn_backward, rnn_forward};
pub use sequence::gather;
