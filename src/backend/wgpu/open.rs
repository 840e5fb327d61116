//! Opening a device, and whether its driver counts.

use super::adapter::Adapter;
use super::device::Wgpu;
use super::gpu::{Gpu, Launch};
use super::kernel::parameters;
use super::memory::Buf;
use crate::error::{Error, Result};
use crate::ops::Work;

impl Adapter {
    /// Opens the device with all that it has to give.
    pub fn open(self) -> Result<Wgpu> {
        let limits = self.limits();
        self.open_with(limits)
    }

    /// Opens the device with no more than every WebGPU device has.
    pub fn open_at_floor(self) -> Result<Wgpu> {
        self.open_with(wgpu::Limits::defaults())
    }

    fn open_with(self, limits: wgpu::Limits) -> Result<Wgpu> {
        let refused = |why: String| {
            Error::backend(format!("{}: {why}", self.describe()))
                .hint("`engine devices` lists the other adapters; `adapter` chooses one")
        };
        if let Some(why) = self.refusal() {
            return Err(refused(why));
        }
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("engine"),
            required_features: self.adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
            required_limits: limits,
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(self.adapter.request_device(&descriptor))
            .map_err(|error| refused(format!("it does not open: {error}")))?;
        // A software device has the processor's memory, and promises more than that.
        let budget = if self.is_software() { available_memory() } else { u64::MAX };
        let gpu = Gpu::new(self.name().trim().to_string(), budget, device, queue);
        if !counts_far(&gpu)? {
            return Err(refused(
                "its driver is wrong: it ends loops early after 65,535 iterations, as Mesa before version 25 does. Install a \
                 newer driver"
                    .into(),
            ));
        }
        Ok(Wgpu::new(gpu, self))
    }
}

parameters! {
    Probe { count }
}

/// Whether a loop of more than 65,535 iterations gives the right result: with some drivers it does not.
fn counts_far(gpu: &Gpu) -> Result<bool> {
    const COUNT: u32 = 70_000;
    let result = Buf::<u32>::zeros(gpu, 1)?;
    gpu.launch(Launch {
        kernel: kernel::probe::<Probe>(&[]),
        parameters: bytemuck::bytes_of(&Probe { count: COUNT }),
        operands: &[result.all()],
        grid: [1, 1, 1],
        work: Work::default(),
    })?;
    let mut found = [0u8; 4];
    gpu.read(&result.buffer, &mut found)?;
    let truth = (0..COUNT).fold(0u32, |sum, i| sum.wrapping_mul(1_664_525).wrapping_add(i));
    Ok(u32::from_le_bytes(found) == truth)
}

/// Bytes that the system can still give; no limit where it does not say.
fn available_memory() -> u64 {
    let kib = || -> Option<u64> {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().trim_end_matches("kB").trim().parse().ok()
    };
    kib().map_or(u64::MAX, |kib| kib * 1024)
}

/// The kernels.
mod kernel {
    super::super::kernel::kernels! {
        probe, "probe", "probe", [];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Device;

    parameters! {
        /// The parameters of a kernel that has none.
        None { nothing }
    }

    /// A text that no compiler takes names itself, the place and the device.
    #[test]
    #[ignore = "needs a Vulkan driver; tools/test brings two"]
    fn a_kernel_that_does_not_compile_is_an_error() {
        let device = Adapter::choose(None).unwrap().open().unwrap();
        let mut kernel = kernel::probe::<None>(&[]);
        // The probe itself was compiled when the device was opened.
        kernel.file = "unknown_function.wgsl".to_string();
        kernel.files = vec!["@compute @workgroup_size(1) fn main() { nonsense(); }"];
        let launch = Launch {
            kernel,
            parameters: &[],
            operands: &[],
            grid: [1, 1, 1],
            work: crate::ops::Work::default(),
        };
        let error = device.gpu.launch(launch).unwrap_err();
        assert_eq!(error.kind, crate::error::ErrorKind::Backend);
        for part in ["unknown_function.wgsl", "nonsense", device.adapter().name()] {
            assert!(error.message.contains(part), "no {part} in {error}");
        }
    }

    /// Drivers promise memory that they do not have, so this counts the bytes of all buffers.
    #[test]
    #[ignore = "needs a Vulkan driver; tools/test brings two"]
    fn memory_beyond_the_budget_is_refused_and_comes_back() {
        let mut device = Adapter::choose(None).unwrap().open().unwrap();
        device.gpu.budget = 3 << 20;
        let first = device.zeros::<f32>(1 << 19).unwrap();
        let error = device.zeros::<f32>(1 << 19).err().expect("two are too many");
        assert_eq!(error.kind, crate::error::ErrorKind::Device);
        assert!(error.to_string().contains("`batch`") && error.message.contains("2.0 MiB"), "{error}");
        drop(first);
        device.zeros::<f32>(1 << 19).unwrap();
        let error = device.zeros::<f32>(1 << 40).err().expect("larger than any buffer");
        assert_eq!(error.kind, crate::error::ErrorKind::Device);
    }
}
