//! The device, and the run folder.

use super::defaults::default_from_flags;
use crate::backend::cpu::Isa;
use crate::backend::{AnyDevice, DeviceChoice, Kind, Products};
use crate::error::Result;
use crate::ops::Precision;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where it runs and what it leaves.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Run")]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// What computes; never another one than asked for
    #[arg(long, value_enum, default_value_t = Kind::Cpu)]
    pub backend: Kind,
    /// Instruction-set path of the processor [default: the best it has]; paths round differently
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isa: Option<Isa>,
    /// GPU of the backends `cuda` and `wgpu`: its number, or a part of its name, in `engine devices` [default: the first, the
    /// fastest kind]
    #[arg(long, value_name = "N|NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// What the products of the backend `cuda` multiply: fp32, tf32 (10 bits of mantissa, as PyTorch's and cuDNN's recurrent layers
    /// do) or bf16 (7 bits); sums and states are f32 in all of them [default: tf32]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// Who multiplies the large matrices of the backend `cuda` [default: own]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub products: Option<Products>,
    /// Where the backend `cuda` keeps compiled kernels from run to run [default: engine/cuda in the user's cache folder]; changes no
    /// result
    #[arg(long, value_name = "FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_cache: Option<PathBuf>,
    /// Threads of the processor [default: all cores]; changes no result
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Folds trained together [default: all]; fewer need less memory, and change no result
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds_at_once: Option<usize>,
    /// Name of the run folder [default: cell-label-split]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where run folders are made
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub runs: PathBuf,
}

default_from_flags!(RunConfig);

impl RunConfig {
    /// What the run computes on.
    pub fn device(&self) -> Result<AnyDevice> {
        let choice = DeviceChoice {
            isa: self.isa,
            adapter: self.adapter.clone(),
            precision: self.precision,
            products: self.products,
            kernel_cache: self.kernel_cache.clone(),
        };
        AnyDevice::open(self.backend, &choice)
    }

    /// Takes what was chosen instead of the run's own device. Options of one backend do not pass to another.
    pub fn choose(&mut self, backend: Option<Kind>, choice: &DeviceChoice) {
        if backend.is_some_and(|backend| backend != self.backend) {
            (self.isa, self.adapter, self.precision, self.products, self.kernel_cache) = Default::default();
        }
        self.backend = backend.unwrap_or(self.backend);
        self.isa = choice.isa.or(self.isa);
        self.adapter = choice.adapter.clone().or(self.adapter.take());
        self.precision = choice.precision.or(self.precision);
        self.products = choice.products.or(self.products);
        self.kernel_cache = choice.kernel_cache.clone().or(self.kernel_cache.take());
    }
}
