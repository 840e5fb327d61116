//! `kernels`: prints the kernels that a GPU compiles.

use super::output::out;
use crate::backend::Kind;
use crate::backend::any::KernelOptions;
use crate::config::CellName;
use crate::error::{Error, Result};
use crate::ops::{Rnn, Slab};
use crate::word::word;
use clap::Args;

/// The end of `--help`.
const HELP: &str = "\
The sources are in kernels/. The sizes of a layer select its kernels and set their constants. No GPU is \
needed.

Algorithms of wgpu (kernels/wgsl/):
  persistent  one dispatch runs all time steps, and the recurrent weights stay in registers; fp32 up to 80
              units, f16 up to 128 where a workgroup may have 512 invocations and 32 KiB
  streamed    one dispatch runs all time steps, and reads the weights again in each; up to 256 units; a
              software driver's choice, and no GPU's
  per-step    one dispatch for each time step

Algorithms of cuda (kernels/cuda/):
  persistent  one launch runs all time steps; a thread block takes two to eight rows of the batch, and the
              recurrent weights stay in its registers; tf32 up to 64 units, bf16 up to 128
  cluster     one launch runs all time steps; four blocks take eight rows, and the recurrent weights stay
              in the registers of all four; sm_90 or newer; tf32 up to 128 units, bf16 up to 256
  per-step    one launch for each time step: a matrix product, and the cells as its epilogue

With --arch, NVRTC compiles the kernels, and a table shows the registers and the spilled bytes of a \
thread and the shared memory of a block. A kernel of `persistent` or `cluster` that spills registers is \
an error. Without --arch, a layer has the algorithm of the newest GPU.

Examples:
  engine kernels --cell lstm --hidden 64
  engine kernels --backend wgpu --hidden 64 --batch 256 --time-steps 128 --list
  engine kernels --backend wgpu --hidden 64 --precision f16
  engine kernels --backend wgpu --every --list
  engine kernels --backend cuda --hidden 128 --precision bf16 --list
  engine kernels --backend cuda --every --list --arch 80 --arch 90";

/// The arguments of `engine kernels`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct KernelsCommand {
    /// Backend whose kernels are printed
    #[arg(long, value_enum, value_parser = word::<Kind>(), default_value_t = Kind::Wgpu)]
    backend: Kind,
    /// Cell of the recurrent layer
    #[arg(long, value_enum, value_parser = word::<CellName>(), default_value = "lstm")]
    cell: CellName,
    /// Hidden units of the layer
    #[arg(long, value_name = "H", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    hidden: u32,
    /// Features of a time step, which tiles depend on
    #[arg(long, value_name = "D", default_value_t = 160, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    features: u32,
    /// Sequences of a batch, which wgpu's tiles and rows depend on
    #[arg(long, value_name = "B", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    batch: u32,
    /// Time steps of a sequence, which wgpu's tiles depend on
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    time_steps: u32,
    /// Print names and constants instead of sources
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    options: KernelOptions,
}

impl KernelsCommand {
    /// Prints the kernels.
    pub fn run(&self) -> Result<()> {
        if let Some((option, of)) = self.options.misplaced(self.backend) {
            return Err(Error::config(format!(
                "`--{option}` is for the kernels of `{}`, but the backend is `{}`",
                of.name(),
                self.backend.name()
            ))
            .hint(format!("use `--backend {}`", of.name())));
        }
        self.options.print(self.backend, &self.rnn(), self.list, &mut out)
    }

    /// The layer, of one model.
    fn rnn(&self) -> Rnn {
        let (cell, dirs) = self.cell.parts();
        let size = |n: u32| n as usize;
        let [batch, steps, input, hidden] =
            [self.batch, self.time_steps, self.features, self.hidden].map(size);
        let weights = Slab { offset: 0, stride: 0 };
        Rnn { cell, models: 1, batch, steps, input, hidden, dirs, biases: 2, weights }
    }
}
