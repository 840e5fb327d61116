//! The kernels of the backend `cuda` for the command line.

use super::common::Out;
use super::listing::Listing;
use crate::backend::cuda::{CLUSTER_ARCH, Compiler, Kernel, Kernels, choose, every_kernel};
use crate::error::{Error, ErrorKind, Result};
use clap::Args;
use std::path::PathBuf;

/// The options of `engine kernels` for the backend `cuda`.
#[derive(Args)]
#[command(next_help_heading = "Backend cuda")]
pub struct KernelOptions {
    /// Compile the kernels for this architecture, and print the resources of each; 80 is sm_80
    #[arg(long, value_name = "SM")]
    arch: Vec<u32>,
    /// Store the compiled kernels in this folder. Given the folder as their `--kernel-cache`, other commands
    /// need no NVRTC
    #[arg(long, value_name = "FOLDER", requires = "arch")]
    kernel_cache: Option<PathBuf>,
}

impl KernelOptions {
    /// The first given option, by its name without dashes.
    pub fn given(&self) -> Option<&'static str> {
        let given = [("arch", !self.arch.is_empty()), ("kernel-cache", self.kernel_cache.is_some())];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option)
    }

    /// Passes the kernels of a layer, or all kernels, to `out`: their names, their sources, or the resources
    /// that they need once compiled.
    pub fn print(&self, listing: &Listing, out: Out) -> Result<()> {
        let (rnn, precision) = (listing.rnn, listing.precision.unwrap_or_default());
        let (title, kernels) = if listing.every {
            ("every kernel".to_string(), every_kernel())
        } else {
            // Without an architecture, the kernels are those of the newest.
            let has_clusters = self.arch.iter().all(|&arch| arch >= CLUSTER_ARCH);
            let algorithm = choose(listing.algorithm, rnn, precision, has_clusters)?;
            let (cell, hidden) = (rnn.cell.name(), rnn.hidden);
            let title = format!("{cell} of {hidden} units, {}, algorithm `{algorithm}`", precision.name());
            (title, Kernels::of(rnn, precision).all(algorithm))
        };
        out(&format!("// {title}"))?;
        if self.arch.is_empty() {
            return kernels.iter().try_for_each(|kernel| {
                let (name, text) = (kernel.name(), kernel.text());
                listing.print(kernel.label, &name, "cu", &format!("// {name}\n{text}"), out)
            });
        }
        self.compile(&kernels, listing, out)
    }

    /// Compiles each kernel for each architecture, and passes the resources of each to `out`.
    fn compile(&self, kernels: &[Kernel], listing: &Listing, out: Out) -> Result<()> {
        let KernelOptions { arch, kernel_cache, .. } = self;
        let compilers: Vec<Compiler> =
            arch.iter().map(|&arch| Compiler::new(arch, kernel_cache.as_deref())).collect::<Result<_>>()?;
        let heads = arch.iter().map(|arch| format!("  sm_{arch}: registers  spilled  shared"));
        out(&format!("{:<86}{}", "kernel", heads.collect::<String>()))?;
        let mut spilling: Vec<&Kernel> = Vec::new();
        for kernel in kernels {
            listing.write(&kernel.name(), "cu", kernel.text().as_bytes())?;
            let mut line = format!("{:<86}", kernel.name());
            for (compiler, arch) in compilers.iter().zip(arch) {
                let oldest = kernel.oldest_arch();
                if *arch < oldest {
                    line.push_str(&format!("{:>35}", format!("needs sm_{oldest}")));
                    continue;
                }
                let compiled = compiler.compile(kernel)?;
                listing.write(&kernel.name(), &format!("sm_{arch}.cubin"), &compiled.program)?;
                listing.write(&kernel.name(), &format!("sm_{arch}.log"), compiled.log.as_bytes())?;
                match compiler.usage(kernel, &compiled)? {
                    None => line.push_str(&format!("{:>35}", compiler.describe())),
                    Some(usage) => {
                        line.push_str(&format!(
                            "{:>18} {:>8} {:>7}",
                            usage.registers, usage.spilled, usage.shared
                        ));
                        if kernel.is_persistent() && usage.spilled > 0 {
                            spilling.push(kernel);
                        }
                    }
                }
            }
            out(&line)?;
        }
        if let Some(why) = compilers.iter().find_map(Compiler::not_stored) {
            return Err(Error::new(ErrorKind::Io, why));
        }
        for warning in compilers.iter().filter_map(Compiler::warning) {
            out(&format!("// {warning}"))?;
        }
        match spilling.first() {
            None => Ok(()),
            Some(kernel) => {
                Err(Error::backend(format!("the persistent kernel {} spills registers", kernel.name())))
            }
        }
    }
}
