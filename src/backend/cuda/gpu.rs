//! Which GPUs CUDA's driver has, and what speaks against one.

use crate::error::{Error, Result};
use cudarc::driver::{
    DriverError, result,
    sys::{self, cudaError_enum},
};

/// The library's file.
const LIBRARY: &str = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };
/// The oldest driver: CUDA 12.0.
const OLDEST: i32 = 12_000;
/// The oldest driver whose events tell the time: CUDA 12.8.
pub const OLDEST_CLOCK: i32 = 12_080;
/// The oldest architecture: products of bf16 and tf32 by warps.
const OLDEST_ARCH: u32 = 80;

pub fn not_usable(reason: impl std::fmt::Display) -> Error {
    Error::backend(format!("CUDA not usable: {reason}"))
        .hint("use `--backend wgpu` or `--backend cpu`; `engine devices` lists what this machine has")
}

/// A GPU that the driver has.
#[derive(Clone, Debug)]
pub struct Gpu {
    pub index: usize,
    pub name: String,
    /// 90 is `sm_90`.
    pub arch: u32,
    /// Bytes.
    pub memory: usize,
    /// The driver's CUDA version: 13000 is 13.0.
    pub(super) driver: i32,
}

/// All GPUs, or why there are none.
pub fn gpus() -> Result<Vec<Gpu>> {
    // SAFETY: it loads the library, which runs what the library does when loaded: of that name there is
    // NVIDIA's alone.
    if !unsafe { sys::is_culib_present() } {
        return Err(not_usable(format!(
            "there is no NVIDIA driver here: its library {LIBRARY} is not found"
        )));
    }
    let text = |error: DriverError| not_usable(explain(error));
    let mut driver = 0;
    // SAFETY: the library is there, and this function in every version of it; it writes one number to the
    // out-parameter.
    unsafe { sys::cuDriverGetVersion(&mut driver) }.result().map_err(text)?;
    if driver < OLDEST {
        return Err(not_usable(format!(
            "the NVIDIA driver is too old: it is for CUDA {}, needed is {} or later",
            version(driver),
            version(OLDEST)
        )));
    }
    result::init().map_err(|error| match error.0 {
        cudaError_enum::CUDA_ERROR_NO_DEVICE => not_usable("the NVIDIA driver finds no GPU"),
        _ => text(error),
    })?;
    let count = result::device::get_count().map_err(text)?;
    if count == 0 {
        return Err(not_usable("the NVIDIA driver finds no GPU"));
    }
    let gpu = |index: i32| -> Result<Gpu, DriverError> {
        let device = result::device::get(index)?;
        // SAFETY: `get` gave the device for an index below the count.
        let attribute = |which| unsafe { result::device::get_attribute(device, which) };
        let major = attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
        let minor = attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
        Ok(Gpu {
            index: index as usize,
            name: result::device::get_name(device)?,
            arch: (10 * major + minor) as u32,
            // SAFETY: the device is the one that `get` gave.
            memory: unsafe { result::device::total_mem(device) }?,
            driver,
        })
    };
    (0..count).map(|index| gpu(index).map_err(text)).collect()
}

pub fn version(number: i32) -> String {
    format!("{}.{}", number / 1000, number % 1000 / 10)
}

pub fn explain(error: DriverError) -> String {
    let text = |text: Result<&std::ffi::CStr, DriverError>| {
        text.map_or_else(|_| "an unknown error".into(), |text| text.to_string_lossy().into_owned())
    };
    format!("{} ({})", text(error.error_string()), text(error.error_name()))
}

impl Gpu {
    /// The one of that number or with that in its name; without either the first that the kernels run on.
    pub fn choose(wanted: Option<&str>) -> Result<Self> {
        let all = gpus()?;
        let fits = |gpu: &&Gpu| match (wanted, wanted.and_then(|wanted| wanted.parse::<usize>().ok())) {
            (None, _) => gpu.refusal().is_none(),
            (_, Some(index)) => gpu.index == index,
            (Some(wanted), _) => gpu.name.to_lowercase().contains(&wanted.to_lowercase()),
        };
        if let Some(gpu) = all.iter().find(fits) {
            return Ok(gpu.clone());
        }
        if wanted.is_none() {
            let refusals: Vec<String> = all.iter().filter_map(Gpu::refusal).collect();
            return Err(not_usable(refusals.join("; ")));
        }
        let there: Vec<String> = all.iter().map(|gpu| format!("{}: {}", gpu.index, gpu.name)).collect();
        Err(Error::backend(format!(
            "no adapter `{}` for `--backend cuda`: there are {}",
            wanted.unwrap_or_default(),
            there.join(", ")
        ))
        .hint("give its number, or a part of its name"))
    }

    /// Why the kernels do not run on it.
    pub fn refusal(&self) -> Option<String> {
        (self.arch < OLDEST_ARCH).then(|| {
            format!("{} is sm_{}, and the kernels need sm_{OLDEST_ARCH} or later", self.name, self.arch)
        })
    }

    /// For the manifest.
    pub fn describe(&self) -> String {
        format!("cuda {}, sm_{}, driver {}", self.name, self.arch, version(self.driver))
    }
}
