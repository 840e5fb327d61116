//! `kernels`: the texts that a device compiles.

use super::out;
use crate::backend::Kind;
use crate::config::CellName;
use crate::error::{Error, Result};
use clap::Args;

#[derive(Args)]
#[command(
    after_help = "The kernels are in kernels/wgsl/; a layer's sizes choose a tier and fill in constants, and loops over registers \
are written out.\nTiers: `registers` keeps the recurrent weights in registers and walks all steps in one dispatch (LSTM up to 64 \
units, GRU up to 80, more invocations permitting); `streamed` reads them again every step, up to 256 units; `per-step` launches a \
dispatch per step.\nWithout --adapter the limits are those that every WebGPU device has.\n\nExamples:\n  engine kernels --cell lstm \
--hidden 64\n  engine kernels --cell gru --hidden 300 --list"
)]
pub struct KernelsCommand {
    /// Whose kernels
    #[arg(long, value_enum, default_value_t = Kind::Wgpu)]
    backend: Kind,
    /// Cell of the recurrent layer
    #[arg(long, value_enum, default_value_t = CellName::Lstm)]
    cell: CellName,
    /// Units of the layer
    #[arg(long, value_name = "H", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    hidden: u32,
    /// Only names, constants and resources
    #[arg(long)]
    list: bool,
    #[cfg(feature = "wgpu")]
    #[command(flatten)]
    gpu: Gpu,
}

/// What only GPUs are asked.
#[cfg(feature = "wgpu")]
#[derive(Args)]
struct Gpu {
    /// This tier and no other, if the layer fits
    #[arg(long, value_enum)]
    tier: Option<crate::backend::wgpu::Tier>,
    /// With this adapter's limits: its number, or a part of its name, in `engine devices`
    #[arg(long, value_name = "N|NAME")]
    adapter: Option<String>,
}

impl KernelsCommand {
    pub fn run(&self) -> Result<()> {
        match self.backend {
            Kind::Cpu => {
                Err(Error::config("the processor's kernels are no texts: they are Rust, in src/backend/cpu/")
                    .hint("`--backend wgpu`"))
            }
            #[cfg(feature = "wgpu")]
            Kind::Wgpu => self.print_wgsl(),
            _ => Err(self.backend.not_built()),
        }
    }

    #[cfg(feature = "wgpu")]
    fn print_wgsl(&self) -> Result<()> {
        use crate::backend::wgpu::{Adapter, layer_kernels};
        use crate::spec::{Rnn, Slab};
        let (cell, dirs) = self.cell.parts();
        let hidden = self.hidden as usize;
        // Sizes that no text depends on.
        let weights = Slab { offset: 0, stride: 0 };
        let rnn = Rnn { cell, models: 1, batch: 1, steps: 1, input: 1, hidden, dirs, weights };
        let adapter = self.gpu.adapter.as_deref().map(|wanted| Adapter::choose(Some(wanted))).transpose()?;
        let (tier, kernels) = layer_kernels(&rnn, self.gpu.tier, adapter.as_ref())?;
        let mut text = format!("// {} of {hidden} units, tier `{}`", cell.name(), tier.name());
        for kernel in kernels {
            text.push('\n');
            match self.list {
                true => text.push_str(&format!("{:<26} {}", kernel.label, kernel.name)),
                false => text.push_str(&kernel.text),
            }
        }
        out(&text)
    }
}
