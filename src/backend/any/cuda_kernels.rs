//! The kernels of the backend `cuda` for the command line.

use super::common::Out;
use crate::backend::Algorithm;
use crate::backend::cuda::{CLUSTER_ARCH, Compiled, Compiler, Kernel, Kernels, choose, every_kernel};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::{Precision, Rnn};
use crate::word::word;
use clap::Args;
use std::path::{Path, PathBuf};
/// The options of `engine kernels` for the backend `cuda`.
#[derive(Args)]
#[command(next_help_heading = "Backend cuda")]
pub struct KernelOptions {
    /// Number format of the operands of matrix products [default: tf32]
    #[arg(long, value_enum, value_parser = word::<Precision>())]
    precision: Option<Precision>,
    /// Print all kernels that a training step of any network may launch, not only those of this layer
    #[arg(long)]
    every: bool,
    /// Compile the kernels for this architecture, and print the resources of each; 80 is sm_80
    #[arg(long, value_name = "SM")]
    arch: Vec<u32>,
    /// Store the compiled kernels in this folder. Given the folder as their `--kernel-cache`, other commands
    /// need no NVRTC
    #[arg(long, value_name = "FOLDER", requires = "arch")]
    kernel_cache: Option<PathBuf>,
    /// Write the source, the machine code and the log of ptxas of each kernel to this folder
    #[arg(long, value_name = "FOLDER", requires = "arch")]
    save: Option<PathBuf>,
}

impl KernelOptions {
    /// The first given option, by its name without dashes.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("precision", self.precision.is_some()),
            ("every", self.every),
            ("arch", !self.arch.is_empty()),
            ("kernel-cache", self.kernel_cache.is_some()),
            ("save", self.save.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option)
    }

    /// Passes the kernels of a layer, or all kernels, to `out`: their names, their sources, or the resources
    /// that they need once compiled.
    pub fn print(&self, rnn: &Rnn, algorithm: Option<Algorithm>, list: bool, out: Out) -> Result<()> {
        let precision = self.precision.unwrap_or_default();
        // Without an architecture, the kernels are those of the newest.
        let has_clusters = self.arch.iter().all(|&arch| arch >= CLUSTER_ARCH);
        let algorithm = choose(algorithm, rnn, precision, has_clusters)?;
        let (title, kernels) = if self.every {
            ("every kernel".to_string(), every_kernel())
        } else {
            let (cell, hidden) = (rnn.cell.name(), rnn.hidden);
            let title = format!("{cell} of {hidden} units, {}, algorithm `{algorithm}`", precision.name());
            (title, Kernels::of(rnn, precision).all(algorithm))
        };
        out(&format!("// {title}"))?;
        if self.arch.is_empty() {
            for kernel in kernels {
                match list {
                    true => out(&format!("{:<22} {}", kernel.label, kernel.name()))?,
                    false => out(&format!("// {}\n{}", kernel.name(), kernel.text()))?,
                }
            }
            return Ok(());
        }
        self.compile(&kernels, out)
    }

    /// Compiles each kernel for each architecture, and passes the resources of each to `out`.
    fn compile(&self, kernels: &[Kernel], out: Out) -> Result<()> {
        let KernelOptions { arch, kernel_cache, save, .. } = self;
        if let Some(folder) = save {
            std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        }
        let compilers: Vec<Compiler> =
            arch.iter().map(|&arch| Compiler::new(arch, kernel_cache.as_deref())).collect::<Result<_>>()?;
        let heads = arch.iter().map(|arch| format!("  sm_{arch}: registers  spilled  shared"));
        out(&format!("{:<86}{}", "kernel", heads.collect::<String>()))?;
        let mut spilling: Vec<&Kernel> = Vec::new();
        for kernel in kernels {
            let mut line = format!("{:<86}", kernel.name());
            for (compiler, arch) in compilers.iter().zip(arch) {
                let oldest = kernel.oldest_arch();
                if *arch < oldest {
                    line.push_str(&format!("{:>35}", format!("needs sm_{oldest}")));
                    continue;
                }
                let compiled = compiler.compile(kernel)?;
                if let Some(folder) = save {
                    save_kernel(folder, kernel, *arch, &compiled)?;
                }
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

/// Writes the source, the machine code and the log of a kernel. The files are called
/// `lstm-rnn_step_forward.cu-PRECISION=19-THREADS=128.cu`, `.sm_90.cubin` and `.sm_90.log`.
fn save_kernel(folder: &Path, kernel: &Kernel, arch: u32, compiled: &Compiled) -> Result<()> {
    let stem = kernel.name().replace(' ', "-");
    let text = kernel.text();
    for (extension, content) in [
        ("cu".to_string(), text.as_bytes()),
        (format!("sm_{arch}.cubin"), &compiled.program),
        (format!("sm_{arch}.log"), compiled.log.as_bytes()),
    ] {
        let path = folder.join(format!("{stem}.{extension}"));
        std::fs::write(&path, content).map_err(|e| Error::io("write", &path, e))?;
    }
    Ok(())
}
