//! Any GPU through wgpu: Vulkan, Metal or DX12. The kernels are WGSL, in `kernels/wgsl/`.
//!
//! `adapter` finds and `open` opens a device, `gpu` is its queue, `memory` its buffers, `clock` its time
//! stamps. One file an operation says how its work is cut, and launches its kernels; `kernel` names those and
//! `text` turns them into the source that the device compiles.

mod account;
mod adapter;
mod attention;
mod blocks;
mod clock;
mod commands;
mod conv;
mod device;
mod dropout;
mod gather;
mod gpu;
mod kernel;
mod linear;
mod listing;
mod loss;
mod memory;
mod open;
mod optimizer;
mod peak;
mod pool;
mod rnn;
mod slice;
mod text;

pub use adapter::{Adapter, adapters};
pub use device::Wgpu;
pub use listing::{KernelText, every_kernel, layer_kernels};
pub use memory::{Buf, Frames};
pub use rnn::{Format, Layer, Target, Tuning, fits};
