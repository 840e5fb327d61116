//! The CPU backend: recurrent layers as register-blocked kernels over packed weights, in parallel over
//! models, directions and tiles of rows. The module `rnn` begins with a picture of the blocking.

// Loops over the rows and vectors of a block read like the sums they are, and are all unrolled.
#![allow(clippy::needless_range_loop)]

mod activation;
mod attention;
mod cache;
mod columns;
mod conv;
mod device;
mod dot;
mod dropout;
mod format;
mod gather;
mod isa;
mod kernel;
mod linear;
mod loss;
mod memory;
mod optimizer;
mod peak;
mod pool;
mod rnn;
mod simd;
mod tasks;

pub use device::Cpu;
pub use isa::Isa;
pub use rnn::Layer;
