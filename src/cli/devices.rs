//! `devices`: lists the devices that this build can use.

use super::options::as_options;
use super::output::out;
use crate::backend::cpu::{Cpu, Isa};
use crate::backend::{Backend, Kind, any};
use crate::error::Result;

/// Prints a line for each instruction set of the CPU, each GPU and each backend without one.
pub fn run() -> Result<()> {
    for isa in Isa::available().into_iter().rev() {
        let option =
            if isa == Isa::detect() { String::new() } else { format!(" (with --isa {})", isa.name()) };
        let bf16 = if isa.multiplies_bf16() { ", multiplies bf16 (--precision bf16)" } else { "" };
        let threads = rayon::current_num_threads();
        out(&format!("cpu   {}, {threads} threads{bf16}{option}", Cpu::with_isa(isa).describe()))?;
    }
    [Kind::Cuda, Kind::Wgpu].into_iter().try_for_each(list_gpus)
}

fn list_gpus(kind: Kind) -> Result<()> {
    let backend = kind.name();
    let gpus = match any::gpus(kind) {
        Ok(gpus) => gpus,
        // The list goes on: a backend without a GPU is an answer here.
        Err(error) => return out(&format!("{backend:<5} {}", as_options(&error.message))),
    };
    for gpu in gpus {
        out(&format!("{backend:<5} {}: {}", gpu.index, gpu.name))?;
        gpu.details.map_or(Ok(()), |details| out(&format!("         {details}")))?;
        let refused = gpu.refused.map(|error| format!("         refused: {}", as_options(&error.message)));
        refused.map_or(Ok(()), |line| out(&line))?;
    }
    Ok(())
}
