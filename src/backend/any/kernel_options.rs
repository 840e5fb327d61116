//! The options of `engine kernels` that depend on the backends.

use super::Out;
use super::listing::Listing;
use crate::backend::{Algorithm, Kind};
use crate::error::{Error, Result};
use crate::ops::{Precision, Rnn};
use crate::word::word;
use clap::Args;
use std::path::PathBuf;

/// The options of `engine kernels` that depend on the backends: one for all GPUs, and those of each backend.
#[derive(Args)]
pub struct KernelOptions {
    /// Print the kernels of this algorithm [default: the first that the layer fits]
    #[arg(long, value_enum, value_parser = word::<Algorithm>(), aliases = ["tier", "regime"])]
    algorithm: Option<Algorithm>,
    /// Print the kernels of this precision: fp32, tf32 or bf16 of `cuda`, fp32 or f16 of `wgpu` [default:
    /// fp32, on `cuda` tf32]
    #[arg(long, value_enum, value_parser = word::<Precision>())]
    precision: Option<Precision>,
    /// Print all kernels that a training step of any network may launch, not only those of this layer
    #[arg(long)]
    every: bool,
    /// Write the source of each kernel to this folder; with --arch also its machine code and the log of ptxas
    #[arg(long, value_name = "FOLDER")]
    save: Option<PathBuf>,
    #[cfg(feature = "wgpu")]
    #[command(flatten)]
    wgpu: super::wgpu_kernels::KernelOptions,
    #[cfg(feature = "cuda")]
    #[command(flatten)]
    cuda: super::cuda_kernels::KernelOptions,
}

impl KernelOptions {
    /// The first given option that is for another backend than `kind`, by its name without dashes, and its
    /// backend.
    pub fn misplaced(&self, kind: Kind) -> Option<(&'static str, Kind)> {
        let given: &[(Option<&str>, Kind)] = &[
            #[cfg(feature = "wgpu")]
            (self.wgpu.given(), Kind::Wgpu),
            #[cfg(feature = "cuda")]
            (self.cuda.given(), Kind::Cuda),
        ];
        given.iter().find_map(|&(option, of)| Some((option?, of)).filter(|_| of != kind))
    }

    /// Passes the kernels of a recurrent layer, or all kernels, to `out`, as a device of the backend compiles
    /// them. With `list` it passes their names only.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) if the backend has no kernel source or the
    /// layer does not fit the algorithm, and the errors of the backend and of `out`.
    pub fn print(&self, kind: Kind, rnn: &Rnn, list: bool, out: Out) -> Result<()> {
        let KernelOptions { algorithm, precision, every, save, .. } = self;
        if let Some(precision) = precision {
            kind.require(*precision)?;
        }
        let (precision, algorithm, every) = (*precision, *algorithm, *every);
        let listing = Listing { rnn, precision, algorithm, every, list, save: save.as_deref() };
        match kind {
            Kind::Cpu => Err(Error::config(
                "the CPU backend has no kernel source to print: its kernels are Rust code in src/backend/cpu/",
            )
            .hint("use `backend = wgpu` or `backend = cuda`")),
            #[cfg(feature = "cuda")]
            Kind::Cuda => self.cuda.print(&listing, out),
            #[cfg(feature = "wgpu")]
            Kind::Wgpu => self.wgpu.print(&listing, out),
            #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
            kind => {
                let _ = (listing, out);
                Err(kind.not_built())
            }
        }
    }
}
