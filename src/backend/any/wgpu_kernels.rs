//! The kernels of the backend `wgpu` for the command line.

use super::common::Out;
use crate::backend::Algorithm;
use crate::backend::wgpu::{Adapter, layer_kernels};
use crate::error::Result;
use crate::ops::Rnn;
use clap::Args;
/// The options of `engine kernels` for the backend `wgpu`.
#[derive(Args)]
#[command(next_help_heading = "Backend wgpu")]
pub struct KernelOptions {
    /// Choose kernels for the limits of this adapter: its number, or a part of its name, in `engine devices`
    /// [default: the limits that every WebGPU device has]
    #[arg(long, value_name = "N|NAME")]
    adapter: Option<String>,
}

impl KernelOptions {
    /// The first given option, by its name without dashes.
    pub fn given(&self) -> Option<&'static str> {
        self.adapter.is_some().then_some("adapter")
    }

    /// Passes the kernels of a layer to `out`: their names or their sources.
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
