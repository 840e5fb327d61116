//! `kernels`: the texts that a device compiles.

use super::out;
use crate::backend::Kind;
use crate::backend::any::KernelOptions;
use crate::config::CellName;
use crate::error::Result;
use crate::ops::{Rnn, Slab};
use clap::Args;

#[derive(Args)]
#[command(
    after_help = "The kernels are in kernels/; a layer's sizes choose among them and fill in constants. Nothing here needs a GPU.\n\n\
wgpu (kernels/wgsl/): `registers` keeps the recurrent weights in registers and walks all steps in one dispatch (LSTM up to 64 units, \
GRU up to 80, more invocations permitting); `streamed` reads them again every step, up to 256 units; `per-step` launches a dispatch per \
step. Loops over registers are written out. Without --adapter the limits are those that every WebGPU device has.\n\n\
cuda (kernels/cuda/): `persistent` keeps the recurrent weights in registers of one multiprocessor and walks all steps of eight rows in one \
block (tf32 up to 64 units, bf16 up to 128); `per-step` launches a product and a kernel for the cells at each step. --arch compiles with \
NVRTC and says what each kernel takes: registers and spilled bytes of a thread, shared memory of a block. A persistent kernel that spills is an \
error.\n\nExamples:\n  engine kernels --cell lstm --hidden 64\n  engine kernels --backend cuda --hidden 128 --precision bf16 --list\n  engine \
kernels --backend cuda --every --list --arch 80 --arch 90"
)]
pub struct KernelsCommand {
    /// Whose kernels
    #[arg(long, value_enum, default_value_t = Kind::Wgpu)]
    backend: Kind,
    /// Cell of the recurrent layer
    #[arg(long, value_enum, default_value = "lstm")]
    cell: CellName,
    /// Units of the layer
    #[arg(long, value_name = "H", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    hidden: u32,
    /// Only names, constants and resources
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    options: KernelOptions,
}

impl KernelsCommand {
    pub fn run(&self) -> Result<()> {
        self.options.print(self.backend, &self.rnn(), self.list, &mut out)
    }

    /// A layer of these units, with sizes that no text depends on.
    fn rnn(&self) -> Rnn {
        let ((cell, dirs), hidden) = (self.cell.parts(), self.hidden as usize);
        let weights = Slab { offset: 0, stride: 0 };
        Rnn { cell, models: 1, batch: 1, steps: 1, input: 1, hidden, dirs, biases: 2, weights }
    }
}
