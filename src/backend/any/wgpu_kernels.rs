//! The kernels of the backend `wgpu` for the command line.

use super::common::Out;
use super::listing::Listing;
use crate::backend::wgpu::{Adapter, Format, every_kernel, layer_kernels};
use crate::error::Result;
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

    /// Passes the kernels of a layer, or all kernels, to `out`: their names or their sources.
    pub fn print(&self, listing: &Listing, out: Out) -> Result<()> {
        let adapter = self.adapter.as_deref().map(|wanted| Adapter::choose(Some(wanted))).transpose()?;
        let (title, kernels) = if listing.every {
            ("every kernel".to_string(), every_kernel(adapter.as_ref())?)
        } else {
            let (cell, hidden) = (listing.rnn.cell.name(), listing.rnn.hidden);
            let format = listing.precision.map(Format::of).transpose()?.unwrap_or_default();
            let (algorithm, kernels) =
                layer_kernels(listing.rnn, format, listing.algorithm, adapter.as_ref())?;
            let precision = format.precision().name();
            (format!("{cell} of {hidden} units, {precision}, algorithm `{algorithm}`"), kernels)
        };
        out(&format!("// {title}"))?;
        kernels
            .iter()
            .try_for_each(|kernel| listing.print(kernel.label, &kernel.name, "wgsl", &kernel.text, out))
    }
}
