//! What the commands ask of the backend `wgpu` alone.

use super::asked::{Found, Out, Restriction};
use crate::backend::Algorithm;
use crate::backend::wgpu::{Adapter, Tuning, Wgpu, adapters, fits, layer_kernels};
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

/// The device with this algorithm and no other, and which layers that leaves.
pub fn restrict(device: Box<Wgpu>, algorithm: Algorithm) -> (Box<Wgpu>, Restriction) {
    let limits = device.limits().clone();
    let name = format!("the algorithm `{algorithm}` on this adapter");
    let restriction = Restriction::new(name, move |rnn| fits(algorithm, rnn, &limits));
    let tuning = Tuning { algorithm: Some(algorithm), ..Tuning::default() };
    (Box::new(device.tuned(tuning)), restriction)
}

/// What only the kernels of `wgpu` are asked.
#[derive(Args)]
#[command(next_help_heading = "Of the backend wgpu")]
pub struct KernelOptions {
    /// With this adapter's limits: its number, or a part of its name, in `engine devices`
    #[arg(long, value_name = "N|NAME")]
    adapter: Option<String>,
}

impl KernelOptions {
    /// The first that was given.
    pub fn given(&self) -> Option<&'static str> {
        self.adapter.is_some().then_some("--adapter")
    }

    /// The kernels of a layer: their names, or their texts.
    pub fn print(&self, rnn: &Rnn, algorithm: Option<Algorithm>, list: bool, out: Out) -> Result<()> {
        let adapter = self.adapter.as_deref().map(|wanted| Adapter::choose(Some(wanted))).transpose()?;
        let (algorithm, kernels) = layer_kernels(rnn, algorithm, adapter.as_ref())?;
        let mut text = format!("// {} of {} units, algorithm `{algorithm}`", rnn.cell.name(), rnn.hidden);
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
