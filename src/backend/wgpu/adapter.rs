//! Which GPUs there are, and what speaks against one.

use crate::backend::named_gpu;
use crate::error::{Error, Result};

/// A GPU as its driver presents it.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// Its number in the list of all.
    pub index: usize,
    pub(super) adapter: wgpu::Adapter,
    info: wgpu::AdapterInfo,
}

/// Percent of the memory that the driver says is there, where it says so.
const MEMORY_SHARE: u8 = 95;

/// All adapters, in the order of the drivers.
pub fn adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::PRIMARY,
        memory_budget_thresholds: wgpu::MemoryBudgetThresholds {
            for_resource_creation: Some(MEMORY_SHARE),
            for_device_loss: None,
        },
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let adapter = |(index, adapter): (usize, wgpu::Adapter)| {
        let info = adapter.get_info();
        Adapter { index, adapter, info }
    };
    adapters.into_iter().enumerate().map(adapter).collect()
}

impl Adapter {
    /// The adapter of that number or with that in its name; without either the first of the fastest kind.
    pub fn choose(wanted: Option<&str>) -> Result<Adapter> {
        let mut all = adapters();
        let listed: Vec<String> = all.iter().map(|a| format!("{} ({})", a.index, a.info.name)).collect();
        let Some(wanted) = wanted else {
            all.retain(|adapter| adapter.refusal().is_none());
            return all.into_iter().min_by_key(|adapter| (adapter.rank(), adapter.index)).ok_or_else(|| {
                let found = match listed.is_empty() {
                    true => "there is no Vulkan, Metal or DX12 driver for one".to_string(),
                    false => format!("none of these will do: {}", listed.join(", ")),
                };
                Error::backend(format!("no GPU for the backend `wgpu`: {found}")).hint(
                    "install the GPU's driver, or use `backend = cpu`; `engine devices` lists the adapters and why one is refused",
                )
            });
        };
        let index = named_gpu(wanted, all.iter().map(|adapter| (adapter.index, adapter.name())));
        let found = index.map(|index| all.swap_remove(index)).ok_or_else(|| {
            let there = if listed.is_empty() { "there are none".to_string() } else { listed.join(", ") };
            Error::backend(format!("no adapter `{wanted}`: {there}"))
                .hint("give `adapter` the number of one or a part of its name; `engine devices` lists them")
        })?;
        match found.refusal() {
            None => Ok(found),
            Some(why) => Err(Error::backend(format!("{}: {why}", found.describe()))),
        }
    }

    /// The adapter's name, as its driver reports it.
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// Device, interface and driver.
    pub fn describe(&self) -> String {
        let driver = [self.info.driver.trim(), self.info.driver_info.trim()].join(" ");
        let software = if self.is_software() { ", software" } else { "" };
        format!("{}, {}{software}, {}", self.info.name.trim(), self.info.backend, driver.trim())
    }

    /// A driver that computes on the processor.
    pub fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
    }

    /// Whether both are of one kind, as discrete GPUs are, behind one interface.
    pub fn is_of_one_kind_with(&self, other: &Adapter) -> bool {
        self.info.backend == other.info.backend && self.info.device_type == other.info.device_type
    }

    /// Its place on the bus, where the driver knows one: two drivers may show one GPU. DX12 shows each once,
    /// and its places are those of models.
    pub fn bus(&self) -> Option<&str> {
        let bus = self.info.device_pci_bus_id.as_str();
        Some(bus).filter(|bus| !bus.is_empty() && self.info.backend != wgpu::Backend::Dx12)
    }

    /// The features that the kernels can use.
    pub fn details(&self) -> String {
        let limits = self.adapter.limits();
        let has_clock = self.adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY);
        format!(
            "{} invocations and {} KiB of memory a workgroup, bindings of {} MiB, buffers of {} MiB; time stamps {}",
            limits.max_compute_invocations_per_workgroup,
            limits.max_compute_workgroup_storage_size >> 10,
            limits.max_storage_buffer_binding_size >> 20,
            limits.max_buffer_size >> 20,
            if has_clock { "yes" } else { "no" },
        )
    }

    fn rank(&self) -> u8 {
        match self.info.device_type {
            wgpu::DeviceType::DiscreteGpu => 0,
            wgpu::DeviceType::IntegratedGpu => 1,
            wgpu::DeviceType::VirtualGpu => 2,
            wgpu::DeviceType::Other => 3,
            wgpu::DeviceType::Cpu => 4,
        }
    }

    /// Why the kernels cannot run here, as far as it can be told without opening it.
    pub fn refusal(&self) -> Option<String> {
        let capabilities = self.adapter.get_downlevel_capabilities();
        if !capabilities.flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS) {
            return Some("it has no compute shaders".into());
        }
        let (floor, limits) = (wgpu::Limits::defaults(), self.adapter.limits());
        let needed = [
            (
                "workgroup memory",
                floor.max_compute_workgroup_storage_size,
                limits.max_compute_workgroup_storage_size,
            ),
            (
                "invocations per workgroup",
                floor.max_compute_invocations_per_workgroup,
                limits.max_compute_invocations_per_workgroup,
            ),
            (
                "storage buffers",
                floor.max_storage_buffers_per_shader_stage,
                limits.max_storage_buffers_per_shader_stage,
            ),
            (
                "workgroups per dimension",
                floor.max_compute_workgroups_per_dimension,
                limits.max_compute_workgroups_per_dimension,
            ),
        ];
        let short = needed.into_iter().find(|(_, floor, has)| has < floor);
        short.map(|(what, floor, has)| format!("it has {has} {what}, WebGPU promises {floor}"))
    }

    /// Its limits and features, as far as the kernels use them.
    pub fn limits(&self) -> wgpu::Limits {
        let has = self.adapter.limits();
        wgpu::Limits {
            max_buffer_size: has.max_buffer_size,
            max_storage_buffer_binding_size: has.max_storage_buffer_binding_size,
            max_compute_workgroup_storage_size: has.max_compute_workgroup_storage_size,
            max_compute_invocations_per_workgroup: has.max_compute_invocations_per_workgroup,
            max_compute_workgroup_size_x: has.max_compute_workgroup_size_x,
            ..wgpu::Limits::defaults()
        }
    }
}
