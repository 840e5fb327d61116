//! What the commands ask of the backend `cuda` alone.

use super::asked::{Found, Out, Restriction};
use crate::backend::cuda::{
    Compiled, Compiler, Cuda, Driver, Kernel, Kernels, Tuning, choose, default_folder, every_kernel, fits,
    gpus as all_gpus,
};
use crate::backend::{Algorithm, Backend};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::{Precision, Rnn};
use clap::Args;
use std::path::{Path, PathBuf};

/// All GPUs, or why there is none.
pub fn gpus() -> Result<impl Iterator<Item = Found>> {
    Ok(all_gpus()?.into_iter().map(|gpu| {
        let name = gpu.describe().trim_start_matches("cuda ").to_string();
        let (details, refused) = match gpu.open(default_folder().as_deref()) {
            Ok(driver) => (Some(driver.details()), None),
            Err(error) => (None, Some(error)),
        };
        Found { index: gpu.index, name, details, refused }
    }))
}

/// The device with this algorithm and no other, and which layers that leaves.
pub fn restrict(cuda: Box<Cuda<Driver>>, algorithm: Algorithm) -> (Box<Cuda<Driver>>, Restriction) {
    let precision = cuda.precision();
    let name = format!("the algorithm `{algorithm}` in {}", precision.name());
    let restriction = Restriction::new(name, move |rnn| fits(algorithm, rnn.hidden, precision));
    let tuning = Tuning { algorithm: Some(algorithm), ..cuda.tuning() };
    (Box::new(cuda.tuned(tuning)), restriction)
}

/// What only the kernels of `cuda` are asked.
#[derive(Args)]
#[command(next_help_heading = "Of the backend cuda")]
pub struct KernelOptions {
    /// What products multiply [default: tf32]
    #[arg(long, value_enum)]
    precision: Option<Precision>,
    /// All kernels that any layer, and the rest of a training step, may ask for
    #[arg(long)]
    every: bool,
    /// Compiled for this architecture: 80 is sm_80
    #[arg(long, value_name = "SM")]
    arch: Vec<u32>,
    /// Keep what is compiled in this folder, where `--kernel-cache` of other commands finds it: a GPU machine
    /// then needs no NVRTC
    #[arg(long, value_name = "FOLDER", requires = "arch")]
    kernel_cache: Option<PathBuf>,
    /// Write text, program and ptxas' words of each kernel into this folder
    #[arg(long, value_name = "FOLDER", requires = "arch")]
    save: Option<PathBuf>,
}

impl KernelOptions {
    /// The first that was given.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--precision", self.precision.is_some()),
            ("--every", self.every),
            ("--arch", !self.arch.is_empty()),
            ("--kernel-cache", self.kernel_cache.is_some()),
            ("--save", self.save.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option)
    }

    /// The kernels of a layer, or every kernel: their names, their texts, or what NVRTC makes of them.
    pub fn print(&self, rnn: &Rnn, algorithm: Option<Algorithm>, list: bool, out: Out) -> Result<()> {
        let precision = self.precision.unwrap_or_default();
        let algorithm = choose(algorithm, rnn, precision)?;
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

    /// What NVRTC makes of each kernel, for each architecture.
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
        if let Some(why) = compilers.iter().find_map(Compiler::not_kept) {
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

/// `lstm-rnn_persistent_forward.cu-PRECISION=19-PADDED=64-THREADS=128.sm_90.cubin`, and beside it the text and the log.
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
