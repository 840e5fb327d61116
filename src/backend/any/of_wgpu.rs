//! What the commands ask of the backend `wgpu` alone.

use super::asked::{Found, Out};
use crate::backend::wgpu::{Adapter, Tier, adapters, layer_kernels};
use crate::error::Result;
use crate::ops::Rnn;
use clap::Args;

/// All adapters, or why there is none.
pub fn gpus() -> Result<impl Iterator<Item = Found>> {
    let adapters = adapters();
    if adapters.is_empty() {
        Adapter::choose(None)?;
    }
    Ok(adapters.into_iter().map(|adapter| Found {
        index: adapter.index,
        name: adapter.describe(),
        details: Some(adapter.details()),
        refused: adapter.open().err(),
    }))
}

/// What only the kernels of `wgpu` are asked.
#[derive(Args)]
#[command(next_help_heading = "Of the backend wgpu")]
pub struct KernelOptions {
    /// This tier and no other, if the layer fits
    #[arg(long, value_enum)]
    tier: Option<Tier>,
    /// With this adapter's limits: its number, or a part of its name, in `engine devices`
    #[arg(long, value_name = "N|NAME")]
    adapter: Option<String>,
}

impl KernelOptions {
    /// The first that was given.
    pub fn given(&self) -> Option<&'static str> {
        let given = [("--tier", self.tier.is_some()), ("--adapter", self.adapter.is_some())];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option)
    }

    /// The kernels of a layer: their names, or their texts.
    pub fn print(&self, rnn: &Rnn, list: bool, out: Out) -> Result<()> {
        let adapter = self.adapter.as_deref().map(|wanted| Adapter::choose(Some(wanted))).transpose()?;
        let (tier, kernels) = layer_kernels(rnn, self.tier, adapter.as_ref())?;
        let mut text = format!("// {} of {} units, tier `{}`", rnn.cell.name(), rnn.hidden, tier.name());
        for kernel in kernels {
            text.push('\n');
            match list {
                true => text.push_str(&format!("{:<26} {}", kernel.label, kernel.name)),
                false => text.push_str(&kernel.text),
            }
        }
        out(&text)
    }
}
