//! The GPUs that CUDA's driver finds, and the reasons why the kernels cannot run on one.

use super::kernel::OLDEST_ARCH;
use crate::backend::named_gpu;
use crate::error::{Error, Result};
use cudarc::driver::{
    DriverError, result,
    sys::{self, cudaError_enum},
};

/// The file name of the driver's library.
const LIBRARY: &str = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };
/// The oldest supported driver: CUDA 12.0.
const OLDEST: i32 = 12_000;
/// The oldest driver whose events we read times from: CUDA 12.8.
pub(super) const OLDEST_CLOCK: i32 = 12_080;

/// The error for a machine on which CUDA cannot be used.
pub(super) fn not_usable(reason: impl std::fmt::Display) -> Error {
    Error::backend(format!("CUDA not usable: {reason}"))
        .hint("use `backend = wgpu` or `backend = cpu`; `engine devices` lists the devices of this machine")
}

/// A GPU that the driver finds.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// Its number in CUDA's order.
    pub index: usize,
    /// Its product name.
    pub name: String,
    /// Its architecture: 90 is `sm_90`.
    pub arch: u32,
    /// Bytes of its memory.
    pub memory: usize,
    /// The driver's CUDA version: 13000 is 13.0.
    pub(super) driver: i32,
}

/// All GPUs that the driver finds.
///
/// # Errors
/// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if there is no GPU, or no driver, or one
/// that is too old.
pub fn gpus() -> Result<Vec<Gpu>> {
    // SAFETY: this loads a library and runs its initializers. Only NVIDIA's library has that name.
    if !unsafe { sys::is_culib_present() } {
        return Err(not_usable(format!(
            "there is no NVIDIA driver here: its library {LIBRARY} is not found"
        )));
    }
    let text = |error: DriverError| not_usable(explain(error));
    let mut driver = 0;
    // SAFETY: the library is present, and every version of it has this function, which writes one integer to
    // the out-parameter.
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
        // SAFETY: the device is valid: `get` returned it.
        let attribute = |which| unsafe { result::device::get_attribute(device, which) };
        let major = attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
        let minor = attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
        Ok(Gpu {
            index: index as usize,
            name: result::device::get_name(device)?,
            arch: (10 * major + minor) as u32,
            // SAFETY: the device is valid: `get` returned it.
            memory: unsafe { result::device::total_mem(device) }?,
            driver,
        })
    };
    (0..count).map(|index| gpu(index).map_err(text)).collect()
}

/// A CUDA version as text: 13000 is 13.0.
pub(super) fn version(number: i32) -> String {
    format!("{}.{}", number / 1000, number % 1000 / 10)
}

/// The text and the name of an error of the driver.
pub(super) fn explain(error: DriverError) -> String {
    let text = |text: Result<&std::ffi::CStr, DriverError>| {
        text.map_or_else(|_| "an unknown error".into(), |text| text.to_string_lossy().into_owned())
    };
    format!("{} ({})", text(error.error_string()), text(error.error_name()))
}

impl Gpu {
    /// The GPU with the number `wanted` or with `wanted` in its name. Without `wanted`, the first that the
    /// kernels run on.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if there is no such GPU.
    pub fn choose(wanted: Option<&str>) -> Result<Self> {
        let all = gpus()?;
        let found = match wanted {
            None => all.iter().position(|gpu| gpu.refusal().is_none()),
            Some(wanted) => named_gpu(wanted, all.iter().map(|gpu| (gpu.index, gpu.name.as_str()))),
        };
        if let Some(index) = found {
            return Ok(all[index].clone());
        }
        if wanted.is_none() {
            let refusals: Vec<String> = all.iter().filter_map(Gpu::refusal).collect();
            return Err(not_usable(refusals.join("; ")));
        }
        let there: Vec<String> = all.iter().map(|gpu| format!("{}: {}", gpu.index, gpu.name)).collect();
        Err(Error::backend(format!(
            "no adapter `{}` for `backend = cuda`: there are {}",
            wanted.unwrap_or_default(),
            there.join(", ")
        ))
        .hint("give the number of one, or a part of its name"))
    }

    /// Why the kernels cannot run on it, if they cannot.
    pub fn refusal(&self) -> Option<String> {
        (self.arch < OLDEST_ARCH).then(|| {
            format!("{} is sm_{}, and the kernels need sm_{OLDEST_ARCH} or later", self.name, self.arch)
        })
    }

    /// Its name, architecture and driver, for the manifest.
    pub fn describe(&self) -> String {
        format!("cuda {}, sm_{}, driver {}", self.name, self.arch, version(self.driver))
    }
}
