//! `kernels`: the texts that a device compiles.

#[cfg(any(feature = "cuda", feature = "wgpu"))]
use super::out;
use crate::backend::Kind;
use crate::config::CellName;
use crate::error::{Error, Result};
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use crate::ops::{Rnn, Slab};
use clap::Args;
#[cfg(feature = "cuda")]
use std::path::PathBuf;

#[derive(Args)]
#[command(
    after_help = "The kernels are in kernels/; a layer's sizes choose among them and fill in constants. Nothing here needs a GPU.\n\n\
wgpu (kernels/wgsl/): `registers` keeps the recurrent weights in registers and walks all steps in one dispatch (LSTM up to 64 units, \
GRU up to 80, more invocations permitting); `streamed` reads them again every step, up to 256 units; `per-step` launches a dispatch per \
step. Loops over registers are written out. Without --adapter the limits are those that every WebGPU device has.\n\n\
cuda (kernels/cuda/): `solo` keeps the recurrent weights in registers of one multiprocessor and walks all steps of eight rows in one \
block (tf32 up to 64 units, bf16 up to 128); `per-step` launches a product and a kernel for the cells at each step. --arch compiles with \
NVRTC and says what each kernel takes: registers and spilled bytes of a thread, shared memory of a block. A solo kernel that spills is an \
error.\n\nExamples:\n  engine kernels --cell lstm --hidden 64\n  engine kernels --backend cuda --hidden 128 --precision bf16 --list\n  engine \
kernels --backend cuda --every --list --arch 80 --arch 90"
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
    wgpu: WgpuOptions,
    #[cfg(feature = "cuda")]
    #[command(flatten)]
    cuda: CudaOptions,
}

/// What only `wgpu` is asked.
#[cfg(feature = "wgpu")]
#[derive(Args)]
#[command(next_help_heading = "Of the backend wgpu")]
struct WgpuOptions {
    /// This tier and no other, if the layer fits
    #[arg(long, value_enum)]
    tier: Option<crate::backend::wgpu::Tier>,
    /// With this adapter's limits: its number, or a part of its name, in `engine devices`
    #[arg(long, value_name = "N|NAME")]
    adapter: Option<String>,
}

/// What only `cuda` is asked.
#[cfg(feature = "cuda")]
#[derive(Args)]
#[command(next_help_heading = "Of the backend cuda")]
struct CudaOptions {
    /// What products multiply [default: tf32]
    #[arg(long, value_enum)]
    precision: Option<crate::ops::Precision>,
    /// This regime and no other, if the layer fits
    #[arg(long, value_enum)]
    regime: Option<crate::backend::cuda::Regime>,
    /// All kernels that any layer, and the rest of a training step, may ask for
    #[arg(long)]
    every: bool,
    /// Compiled for this architecture: 80 is sm_80
    #[arg(long, value_name = "SM")]
    arch: Vec<u32>,
    /// Keep what is compiled in this folder, where `--kernel-cache` of other commands finds it: a GPU machine then needs no NVRTC
    #[arg(long, value_name = "FOLDER", requires = "arch")]
    kernel_cache: Option<PathBuf>,
    /// Write text, program and ptxas' words of each kernel into this folder
    #[arg(long, value_name = "FOLDER", requires = "arch")]
    save: Option<PathBuf>,
}

impl KernelsCommand {
    pub fn run(&self) -> Result<()> {
        self.refuse_options_of_others()?;
        match self.backend {
            Kind::Cpu => {
                Err(Error::config("the processor's kernels are no texts: they are Rust, in src/backend/cpu/")
                    .hint("`--backend wgpu` or `--backend cuda`"))
            }
            #[cfg(feature = "cuda")]
            Kind::Cuda => self.print_cuda(),
            #[cfg(feature = "wgpu")]
            Kind::Wgpu => self.print_wgsl(),
            #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
            _ => Err(self.backend.not_built()),
        }
    }

    fn refuse_options_of_others(&self) -> Result<()> {
        let given: &[(&str, Kind, bool)] = &[
            #[cfg(feature = "wgpu")]
            ("--tier", Kind::Wgpu, self.wgpu.tier.is_some()),
            #[cfg(feature = "wgpu")]
            ("--adapter", Kind::Wgpu, self.wgpu.adapter.is_some()),
            #[cfg(feature = "cuda")]
            ("--precision", Kind::Cuda, self.cuda.precision.is_some()),
            #[cfg(feature = "cuda")]
            ("--regime", Kind::Cuda, self.cuda.regime.is_some()),
            #[cfg(feature = "cuda")]
            ("--every", Kind::Cuda, self.cuda.every),
            #[cfg(feature = "cuda")]
            ("--arch", Kind::Cuda, !self.cuda.arch.is_empty()),
            #[cfg(feature = "cuda")]
            ("--kernel-cache", Kind::Cuda, self.cuda.kernel_cache.is_some()),
            #[cfg(feature = "cuda")]
            ("--save", Kind::Cuda, self.cuda.save.is_some()),
        ];
        match given.iter().find(|(_, kind, is_given)| *is_given && *kind != self.backend) {
            None => Ok(()),
            Some((option, kind, _)) => Err(Error::config(format!(
                "`{option}` is for the kernels of `{}`, and these are of `{}`",
                kind.name(),
                self.backend.name()
            ))
            .hint(format!("`--backend {}`", kind.name()))),
        }
    }

    /// A layer of these units, with sizes that no text depends on.
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    fn rnn(&self) -> Rnn {
        let ((cell, dirs), hidden) = (self.cell.parts(), self.hidden as usize);
        let weights = Slab { offset: 0, stride: 0 };
        Rnn { cell, models: 1, batch: 1, steps: 1, input: 1, hidden, dirs, biases: 2, weights }
    }

    #[cfg(feature = "wgpu")]
    fn print_wgsl(&self) -> Result<()> {
        use crate::backend::wgpu::{Adapter, layer_kernels};
        let rnn = self.rnn();
        let adapter = self.wgpu.adapter.as_deref().map(|wanted| Adapter::choose(Some(wanted))).transpose()?;
        let (tier, kernels) = layer_kernels(&rnn, self.wgpu.tier, adapter.as_ref())?;
        let mut text = format!("// {} of {} units, tier `{}`", rnn.cell.name(), rnn.hidden, tier.name());
        for kernel in kernels {
            text.push('\n');
            match self.list {
                true => text.push_str(&format!("{:<26} {}", kernel.label, kernel.name)),
                false => text.push_str(&kernel.text),
            }
        }
        out(&text)
    }

    #[cfg(feature = "cuda")]
    fn print_cuda(&self) -> Result<()> {
        use crate::backend::cuda::{Kernels, Regime, every_kernel};
        let (rnn, precision) = (self.rnn(), self.cuda.precision.unwrap_or_default());
        let regime = Regime::choose(self.cuda.regime, &rnn, precision)?;
        let (title, kernels) = if self.cuda.every {
            ("every kernel".to_string(), every_kernel())
        } else {
            let (cell, hidden) = (rnn.cell.name(), rnn.hidden);
            let title = format!("{cell} of {hidden} units, {}, regime `{}`", precision.name(), regime.name());
            (title, Kernels::of(&rnn, precision).all(regime))
        };
        out(&format!("// {title}"))?;
        if self.cuda.arch.is_empty() {
            for kernel in kernels {
                match self.list {
                    true => out(&format!("{:<22} {}", kernel.label, kernel.name()))?,
                    false => out(&format!("// {}\n{}", kernel.name(), kernel.text()))?,
                }
            }
            return Ok(());
        }
        self.compile_cuda(&kernels)
    }

    /// What NVRTC makes of each kernel, for each architecture.
    #[cfg(feature = "cuda")]
    fn compile_cuda(&self, kernels: &[crate::backend::cuda::Kernel]) -> Result<()> {
        use crate::backend::cuda::{Compiler, Kernel};
        let CudaOptions { arch, kernel_cache, save, .. } = &self.cuda;
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
                        if kernel.is_solo() && usage.spilled > 0 {
                            spilling.push(kernel);
                        }
                    }
                }
            }
            out(&line)?;
        }
        if let Some(why) = compilers.iter().find_map(Compiler::not_kept) {
            return Err(Error::new(crate::error::Fault::Io, why));
        }
        for warning in compilers.iter().filter_map(Compiler::warning) {
            out(&format!("// {warning}"))?;
        }
        match spilling.first() {
            None => Ok(()),
            Some(kernel) => {
                Err(Error::backend(format!("the solo kernel {} spills registers", kernel.name())))
            }
        }
    }
}

/// `lstm-solo_forward.cu-PRECISION=19-PADDED=64-THREADS=128.sm_90.cubin`, and beside it the text and the log.
#[cfg(feature = "cuda")]
fn save_kernel(
    folder: &std::path::Path,
    kernel: &crate::backend::cuda::Kernel,
    arch: u32,
    compiled: &crate::backend::cuda::Compiled,
) -> Result<()> {
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
